/** People who log in with GitHub. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { filesOf } from "../support/drawn-secrets.ts";
import { createFormBrowser } from "../support/form-browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { APP, startGitHub, type GitHub } from "../support/github.ts";
import { authorizationUrl, registered, type RawClient } from "../support/raw-client.ts";
import { backFrom } from "../support/back-from.ts";
import { travel } from "../support/web-login.ts";

let github: GitHub;
let gateway: TestGateway;
let client: RawClient;

async function start(allow: string[]): Promise<void> {
  const provider = {
    type: "github",
    clientId: APP.clientId,
    clientSecret: "${TEST_GITHUB_SECRET}",
    baseUrl: github.baseUrl,
  } as const;
  gateway = await startGateway({ config: { identity: { providers: [provider], allow } } });
  client = await registered(gateway);
}

const logIn = (browser = createFormBrowser()) =>
  travel(browser, authorizationUrl(gateway, client), github.baseUrl);
const subjects = () =>
  gateway.events.flatMap((event) => (event.type === "login.succeeded" ? [event.subject] : []));
const scope = () =>
  github.asked.find(({ path }) => path.endsWith("authorize"))!.fields.get("scope");

beforeAll(() => (process.env["TEST_GITHUB_SECRET"] = APP.clientSecret));
afterAll(() => delete process.env["TEST_GITHUB_SECRET"]);
beforeEach(async () => (github = await startGitHub()));
afterEach(async () => {
  for (const secret of [...github.tokens, APP.clientSecret]) {
    const kept = { ...filesOf(gateway.stateDirectory), log: gateway.logged() };
    expect(JSON.stringify([kept, gateway.events])).not.toContain(secret);
  }
  await gateway.close();
  await github.close();
});

describe("a login with GitHub", () => {
  it("knows the person by the id, asks for no scope, and proves itself by PKCE (ID-10, ID-18)", async () => {
    await start(["github:583231"]);
    const browser = createFormBrowser();
    const page = await logIn(browser);
    expect(page.text).toContain("The Octocat");
    expect(subjects()).toEqual(["github:583231"]);
    expect(scope()).toBe("");
    const exchange = github.asked.find(({ path }) => path.endsWith("access_token"))!;
    expect(exchange.fields.get("code_verifier")).toMatch(/^[\w-]{43}$/);
    expect((await browser.press(page, /Allow/)).left?.searchParams.get("code")).toBeTruthy();
  });

  it("stays the same person under a new login, and the login's next owner is another", async () => {
    await start(["github:583231"]);
    github.person.login = "monalisa";
    expect((await logIn()).status).toBe(200);
    github.person = { ...github.person, id: 99, login: "octocat" };
    const browser = createFormBrowser();
    const refused = await logIn(browser);
    expect(refused.status).toBe(403);
    expect(subjects()).toEqual(["github:583231"]);
    const [, other = ""] = /href="([^"]*as=other)"/.exec(refused.text) ?? [];
    github.person = { ...github.person, id: 583_231, login: "monalisa" };
    const url = new URL(other.replaceAll("&amp;", "&"), gateway.url);
    expect((await travel(browser, url, github.baseUrl)).status).toBe(200);
    const visits = github.asked.filter(({ path }) => path.endsWith("authorize"));
    expect(visits.map(({ fields }) => fields.get("prompt"))).toEqual([
      null,
      null,
      "select_account",
    ]);
  });

  it("lets in by login name where the operator wants that", async () => {
    await start(["github:@octocat"]);
    github.person.login = "OctoCat";
    expect((await logIn()).status).toBe(200);
    github.person.login = "octocat2";
    expect((await logIn()).status).toBe(403);
  });

  it.each<[string, Partial<GitHub["person"]["memberships"]>, number]>([
    ["github-org:acme", { acme: "active" }, 200],
    ["github-org:acme", { acme: "pending" }, 403],
    ["github-org:acme", { other: "active" }, 403],
    ["github-team:acme/platform", { acme: "active", "acme/platform": "active" }, 200],
    ["github-team:acme/platform", { acme: "active", "acme/platform": "pending" }, 403],
    ["github-team:acme/platform", { acme: "active" }, 403],
  ])("by %s with %j ends with %d (ID-13)", async (rule, memberships, status) => {
    await start([rule]);
    github.person.memberships = memberships as GitHub["person"]["memberships"];
    expect((await logIn()).status).toBe(status);
    expect(scope()).toBe("read:org");
  });

  it("takes an organisation that shuts the app out for a no, and a rate limit for a failure (ID-13)", async () => {
    await start(["github-org:acme"]);
    github.person.memberships = { acme: "active" };
    github.fault = { path: "/memberships/", how: "403" };
    expect((await logIn()).status).toBe(403);
    github.fault = { path: "/memberships/", how: "limited" };
    expect((await logIn()).status).toBe(502);
  });

  it("takes only the verified primary address (ID-14)", async () => {
    await start(["email:*@acme.com"]);
    const address = (email: string, primary: boolean, verified: boolean) => ({
      email,
      primary,
      verified,
    });
    github.person.emails = [address("ada@acme.com", true, false)];
    expect((await logIn()).status).toBe(403);
    github.person.emails = [
      address("ada@acme.com", false, true),
      address("a@evil.com", true, true),
    ];
    expect((await logIn()).status).toBe(403);
    github.person.emails = [address("ada@acme.com", true, true)];
    expect((await logIn()).text).toContain("The Octocat");
    expect(scope()).toBe("user:email");
  });

  it("that is denied there is denied to the client, without GitHub's own words (ID-05)", async () => {
    await start(["github:*"]);
    github.answer = "access_denied";
    const { left } = await logIn();
    expect(left?.searchParams.get("error")).toBe("access_denied");
    expect(left?.search).not.toMatch(/alert/i);
  });

  it("whose scopes were not granted is no login", async () => {
    await start(["github-org:acme"]);
    github.answer = "no-scopes";
    expect((await logIn()).left?.searchParams.get("error")).toBe("access_denied");
  });

  it.each(["500", "html", "large", "redirect", "401"] as const)(
    "that fails with %s at any step can be tried again from the page (ID-08)",
    async (how) => {
      await start(["github:*"]);
      for (const path of ["access_token", "/api/v3/user"]) {
        github.fault = { path, how };
        const browser = createFormBrowser();
        const page = await logIn(browser);
        expect(page.status).toBe(502);
        expect(page.text).toMatch(/href="[^"]*error=temporarily_unavailable/);
        github.fault = undefined;
        const again = /href="([^"]*\/login\?[^"]*)"/.exec(page.text)![1]!;
        const url = new URL(again.replaceAll("&amp;", "&"), gateway.url);
        expect((await travel(browser, url, github.baseUrl)).text).toContain("The Octocat");
      }
    },
  );

  it("that is never answered ends within ten seconds (ID-08)", async () => {
    await start(["github:*"]);
    github.fault = { path: "/api/v3/user", how: "slow" };
    const before = performance.now();
    expect((await logIn()).status).toBe(502);
    expect(performance.now() - before).toBeLessThan(10_000);
  }, 15_000);

  it("of a suspended app, or with a wrong secret, is the operator's to repair", async () => {
    await start(["github:*"]);
    github.answer = "application_suspended";
    expect((await logIn()).status).toBe(502);
    expect(gateway.logged()).toContain("application_suspended");
    await gateway.close();
    process.env["TEST_GITHUB_SECRET"] = "wrong";
    github.answer = "yes";
    await start(["github:*"]);
    process.env["TEST_GITHUB_SECRET"] = APP.clientSecret;
    expect((await logIn()).status).toBe(502);
    expect(gateway.logged()).toContain("incorrect_client_credentials");
  });

  it("is finished once, and only in its own browser (ID-02, ID-19)", async () => {
    await start(["github:*"]);
    const browser = createFormBrowser();
    const { left } = await browser.open(authorizationUrl(gateway, client));
    const back = await backFrom(left!);
    expect((await createFormBrowser().open(back)).status).toBe(400);
    expect((await browser.open(back)).status).toBe(200);
    expect((await browser.open(back)).status).toBe(400);
    expect(github.tokens).toHaveLength(1);
  });
});
