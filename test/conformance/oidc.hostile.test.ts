/** OpenID providers that do wrong, or are in trouble. OpenID Connect Core §3.1.3.7, RFC 9207, RFC 9700 §4.4. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ConfigInput } from "../../src/config.ts";
import { filesOf } from "../support/drawn-secrets.ts";
import { createFormBrowser } from "../support/form-browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { OIDC_APP, startHostileOidc, type HostileOidc } from "../support/hostile-oidc.ts";
import { authorizationUrl, registered, type RawClient } from "../support/raw-client.ts";
import { backFrom } from "../support/back-from.ts";
import { travel } from "../support/web-login.ts";

type Provider = NonNullable<NonNullable<ConfigInput["identity"]>["providers"]>[number];

let oidc: HostileOidc;
let gateway: TestGateway;
let client: RawClient;

async function start(allow: string[] = ["oidc:*"], more: object = {}): Promise<void> {
  const provider = {
    type: "oidc",
    issuer: oidc.issuer,
    clientId: OIDC_APP.clientId,
    clientSecret: "${TEST_OIDC_SECRET}",
    ...more,
  } as Provider;
  const second = { ...provider, name: "second" } as Provider;
  gateway = await startGateway({ config: { identity: { providers: [provider, second], allow } } });
  client = await registered(gateway);
}

async function logIn(browser = createFormBrowser(), provider = "oidc") {
  const choice = await browser.open(authorizationUrl(gateway, client));
  return travel(browser, wayTo(choice.text, provider), oidc.issuer);
}

function wayTo(text: string, provider: string): URL {
  const [, href = ""] = new RegExp(`href="([^"]*provider=${provider})"`).exec(text) ?? [];
  return new URL(href.replaceAll("&amp;", "&"), gateway.url);
}

const subjects = () =>
  gateway.events.flatMap((event) => (event.type === "login.succeeded" ? [event.subject] : []));

beforeAll(() => (process.env["TEST_OIDC_SECRET"] = OIDC_APP.clientSecret));
afterAll(() => delete process.env["TEST_OIDC_SECRET"]);
beforeEach(async () => (oidc = await startHostileOidc()));
afterEach(async () => {
  for (const secret of [...oidc.tokens, OIDC_APP.clientSecret]) {
    const kept = { ...filesOf(gateway.stateDirectory), log: gateway.logged() };
    expect(JSON.stringify([kept, gateway.events])).not.toContain(secret);
  }
  await gateway.close();
  await oidc.close();
});

describe("a login at an OpenID provider", () => {
  it("works when all is right, with PKCE, nonce and a state of its own (ID-10, ID-18)", async () => {
    await start();
    expect((await logIn()).status).toBe(200);
    const { fields } = oidc.asked.find(({ path }) => path === "/authorize")!;
    expect(fields.get("nonce")).toMatch(/^[\w-]{43}$/);
    expect(fields.get("code_challenge")).toMatch(/^[\w-]{43}$/);
    expect(fields.get("code_challenge_method")).toBe("S256");
    expect(fields.get("nonce")).not.toBe(fields.get("state"));
  });

  it.each<[string, Record<string, unknown>]>([
    ["another nonce", { nonce: "another" }],
    ["no nonce", { nonce: undefined }],
    ["another audience", { aud: "somebody-else" }],
    ["another issuer", { iss: "https://evil.example" }],
    ["another authorized party", { azp: "somebody-else" }],
    ["several audiences and no authorized party", { aud: [OIDC_APP.clientId, "b"] }],
    ["an end in the past", { exp: 1_000_000_000 }],
    ["a start in the future", { nbf: 9_000_000_000 }],
    ["the hash of another access token", { at_hash: "b3RoZXItYWNjZXNzLXQ" }],
    ["no subject", { sub: undefined }],
  ])("is refused for an ID token with %s (ID-07)", async (_what, claims) => {
    await start();
    oidc.claims = claims;
    expect((await logIn()).left?.searchParams.get("error")).toBe("access_denied");
    expect(subjects()).toEqual([]);
  });

  it.each(["none", "HS256", "wrong key", "unknown kid"] as const)(
    "is refused for an ID token signed with %s (ID-07)",
    async (signing) => {
      await start();
      oidc.signing = signing;
      expect((await logIn()).left?.searchParams.get("error")).toBe("access_denied");
      expect(subjects()).toEqual([]);
    },
  );

  it("asks for new keys at most once a minute, whatever keys are named (ID-07)", async () => {
    await start();
    oidc.signing = "unknown kid";
    for (let count = 0; count < 5; count += 1) await logIn();
    expect(oidc.asked.filter(({ path }) => path === "/jwks")).toHaveLength(1);
  });

  it.each<[string, Record<string, string>]>([
    ["of another issuer (RFC 9207)", { iss: "https://honest.example" }],
    ["without an issuer although there always is one", { iss: "" }],
    ["that is a no", { code: "", error: "access_denied", error_description: "<script>" }],
  ])("is refused for an answer %s (ID-05)", async (_what, answer) => {
    await start();
    oidc.answer = answer;
    const { left } = await logIn();
    expect(left?.searchParams.get("error")).toBe("access_denied");
    expect(left?.searchParams.get("error_description")).not.toContain("script");
    expect(oidc.asked.some(({ path }) => path === "/token")).toBe(false);
  });

  it.each<[string, Record<string, unknown>]>([
    ["another issuer", { issuer: "https://evil.example" }],
    ["a token endpoint without TLS", { token_endpoint: "http://evil.example/token" }],
    ["keys without TLS", { jwks_uri: "http://10.0.0.5/jwks" }],
    ["no algorithm but none", { id_token_signing_alg_values_supported: ["none", "HS256"] }],
  ])("does not begin by a discovery document with %s (ID-09, SB7)", async (_what, discovery) => {
    await start();
    oidc.discovery = discovery;
    expect((await logIn()).status).toBe(502);
    expect(oidc.asked.map(({ path }) => path)).toEqual(["/.well-known/openid-configuration"]);
    oidc.discovery = {};
    expect((await logIn()).status).toBe(200);
  });

  it.each(["500", "html", "large", "redirect", "refused"] as const)(
    "can be tried again from the page after %s (ID-08, SB7)",
    async (how) => {
      await start();
      const paths = how === "refused" ? ["/token"] : ["/.well-known", "/token", "/userinfo"];
      for (const path of paths) {
        oidc.fault = { path, how };
        const browser = createFormBrowser();
        const page = await logIn(browser);
        expect([path, page.status]).toEqual([path, 502]);
        oidc.fault = undefined;
        const [, again = ""] = /href="([^"]*\/login\?interaction=[^"]*)"/.exec(page.text) ?? [];
        const choice = await browser.open(new URL(again.replaceAll("&amp;", "&"), gateway.url));
        expect((await travel(browser, wayTo(choice.text, "oidc"), oidc.issuer)).status).toBe(200);
      }
    },
  );

  it("counts at the other provider as another person, with the same e-mail too (ID-15)", async () => {
    await start(["oidc:ada", "email:ada@acme.com"]);
    oidc.claims = { email: "ada@acme.com", email_verified: true };
    await logIn(undefined, "oidc");
    await logIn(undefined, "second");
    expect(subjects()).toEqual(["oidc:ada", "second:ada"]);
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>, object, number]>([
    ["verified", { email: "ada@acme.com", email_verified: true }, {}, {}, 200],
    ["not verified", { email: "ada@acme.com", email_verified: false }, {}, {}, 403],
    [
      "said to be verified by a text",
      { email: "ada@acme.com", email_verified: "true" },
      {},
      {},
      403,
    ],
    ["of which nothing is said", { email: "ada@acme.com" }, {}, {}, 403],
    ["always verified", { email: "ada@acme.com" }, {}, { emailVerified: "always" }, 200],
    ["told on asking", {}, { sub: "ada", email: "ada@acme.com", email_verified: true }, {}, 200],
    [
      "another than the verified one",
      { email: "ada@acme.com" },
      { sub: "ada", email: "ada@evil.com", email_verified: true },
      {},
      403,
    ],
  ])(
    "by an e-mail rule with an address %s (ID-14)",
    async (_what, claims, userinfo, more, status) => {
      await start(["email:*@acme.com"], more);
      Object.assign(oidc, { claims, userinfo: { sub: "ada", ...userinfo } });
      expect((await logIn()).status).toBe(status);
    },
  );

  it("takes no word about somebody else for one about the person", async () => {
    await start(["email:*@acme.com"]);
    oidc.userinfo = { sub: "bob", email: "bob@acme.com", email_verified: true };
    expect((await logIn()).left?.searchParams.get("error")).toBe("access_denied");
  });

  it.each<[unknown, number]>([
    [["engineering", "x"], 200],
    ["engineering", 200],
    [["engineering2"], 403],
    [undefined, 403],
  ])("by a group rule with the groups %j ends with %d", async (groups, status) => {
    await start(["group:oidc/engineering"], { groupsClaim: "https://acme.com/groups" });
    oidc.claims = { "https://acme.com/groups": groups };
    oidc.userinfo = { sub: "ada" };
    expect((await logIn()).status).toBe(status);
  });

  it("is finished once, only in its own browser, and only where it began (ID-02, ID-19)", async () => {
    await start();
    const browser = createFormBrowser();
    const choice = await browser.open(authorizationUrl(gateway, client));
    const { left } = await browser.open(wayTo(choice.text, "oidc"));
    const back = await backFrom(left!);
    const elsewhere = new URL(back.href.replace("/callback/oidc", "/callback/second"));
    expect((await createFormBrowser().open(back)).status).toBe(400);
    expect((await browser.open(elsewhere)).status).toBe(400);
    expect((await browser.open(back)).status).toBe(200);
    expect((await browser.open(back)).status).toBe(400);
    expect(oidc.asked.filter(({ path }) => path === "/token")).toHaveLength(1);
  });
});
