/** Devices without a browser: RFC 8628. */
import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { connectControl } from "../../src/control.ts";
import { randomToken } from "../../src/random.ts";
import { createFormBrowser, type FormBrowser, type Page } from "../support/form-browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  ask,
  errorOf,
  jsonOf,
  opens,
  pageOf,
  post,
  refreshForm,
  registered,
  requestToken,
  tokensOf,
  type Fields,
  type RawClient,
  type Tokens,
} from "../support/raw-client.ts";
import { discover } from "../support/strict-client.ts";

const DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code";
const TTL = 600; // seconds

interface Started {
  device_code: string;
  user_code: string;
  verification_uri: string;
  verification_uri_complete: string;
  expires_in: number;
  interval: number;
}

let gateway: TestGateway;
let client: RawClient;

beforeAll(async () => {
  gateway = await startGateway();
  client = await deviceClient();
});
afterAll(() => gateway.close());
// Counters of tries run per address, and all tests come from one.
beforeEach(() => gateway.clock.advance(TTL + 1));

const deviceClient = (metadata: Record<string, unknown> = {}): Promise<RawClient> =>
  registered(gateway, {
    client_name: "Television",
    grant_types: ["authorization_code", "refresh_token", DEVICE_CODE],
    ...metadata,
  });
const start = async (fields: Fields = {}, of = client): Promise<Started> => {
  const response = await post(gateway, "/device_authorization", {
    client_id: of.client_id,
    client_secret: of.client_secret,
    resource: gateway.resource,
    ...fields,
  });
  if (response.status !== 200) throw new Error(await response.text());
  return jsonOf<Started>(response);
};
const poll = (code: string, of = client, fields: Fields = {}): Promise<Response> =>
  requestToken(gateway, {
    grant_type: DEVICE_CODE,
    client_id: of.client_id,
    client_secret: of.client_secret,
    device_code: code,
    ...fields,
  });
const refused = async (code: string, of = client): Promise<string> => errorOf(await poll(code, of));

async function enter(
  userCode: string,
  browser: FormBrowser = createFormBrowser(),
  url = `${gateway.url}/device`,
): Promise<Page> {
  const page = await browser.open(url);
  return browser.press(page, /Continue/, { user_code: userCode });
}

/** Until the consent page. */
async function logIn(userCode: string, browser: FormBrowser = createFormBrowser()): Promise<Page> {
  const page = await enter(userCode, browser);
  return page.url.pathname === "/login" ? browser.press(page, /Continue/) : page;
}

async function decide(
  userCode: string,
  button: RegExp,
  browser: FormBrowser = createFormBrowser(),
): Promise<Page> {
  return browser.press(await logIn(userCode, browser), button);
}

describe("a device", () => {
  it("gets tokens through somebody's browser, a strict client found its way (RFC 8628 §3)", async () => {
    const { server, resource } = await discover(gateway.resource);
    const insecure = { [oauth.allowInsecureRequests]: true };
    const me: oauth.Client = { client_id: client.client_id };
    const started = await oauth.processDeviceAuthorizationResponse(
      server,
      me,
      await oauth.deviceAuthorizationRequest(
        server,
        me,
        oauth.None(),
        { resource, scope: "mcp offline_access unknown" },
        insecure,
      ),
    );
    expect(started).toMatchObject({
      verification_uri: `${gateway.url}/device`,
      verification_uri_complete: `${gateway.url}/device?user_code=${started.user_code}`,
      user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/),
      expires_in: TTL,
      interval: 5,
    });
    const page = await logIn(started.user_code);
    expect(page.text).toContain("Television");
    expect(page.text).toContain(gateway.resource);
    expect(page.text).toContain("did you start this yourself");
    expect(page.headers.get("content-security-policy")).toContain("form-action 'self';");

    const grant = async (): Promise<oauth.TokenEndpointResponse> =>
      oauth.processDeviceCodeResponse(
        server,
        me,
        await oauth.deviceCodeGrantRequest(server, me, oauth.None(), started.device_code, insecure),
      );
    await expect(grant()).rejects.toMatchObject({ error: "authorization_pending", status: 400 });
    const browser = createFormBrowser();
    const again = await start();
    const done = await decide(again.user_code, /Allow/, browser);
    expect(done).toMatchObject({ status: 200, text: expect.stringContaining("connected") });
    expect(done.left).toBeUndefined();
    const tokens = await tokensOf(await poll(again.device_code));
    expect(tokens).toMatchObject({ token_type: "Bearer", scope: "mcp" });
    expect(await opens(gateway, tokens.access_token)).toBe(true);
    const next = await tokensOf(
      await requestToken(gateway, refreshForm(client, tokens.refresh_token)),
    );
    expect(await opens(gateway, next.access_token)).toBe(true);
  });

  it("is told to wait, and longer each time it comes too soon (DV-01)", async () => {
    const { device_code: code } = await start();
    expect(await refused(code)).toBe("400 authorization_pending");
    gateway.clock.advance(5);
    expect(await refused(code)).toBe("400 authorization_pending");
    gateway.clock.advance(2);
    expect(await refused(code)).toBe("400 slow_down");
    gateway.clock.advance(6); // enough before, not any more
    expect(await refused(code)).toBe("400 slow_down");
    gateway.clock.advance(15);
    expect(await refused(code)).toBe("400 authorization_pending");
    gateway.clock.advance(10);
    expect(await refused(code)).toBe("400 slow_down");
  });

  it("is told of parallel polls that all but one came too soon (DV-01)", async () => {
    const { device_code: code } = await start();
    const errors = await Promise.all(Array.from({ length: 20 }, () => refused(code)));
    expect(errors.filter((error) => error === "400 authorization_pending")).toHaveLength(1);
    expect(errors.filter((error) => error === "400 slow_down")).toHaveLength(19);
    gateway.clock.advance(60);
    expect(await refused(code)).toBe("400 authorization_pending");
  });

  it("is not kept waiting once the person has answered, however fast it polls", async () => {
    const { device_code: code, user_code: userCode } = await start();
    await refused(code);
    await decide(userCode, /Allow/);
    await tokensOf(await poll(code));
  });

  it("hears that the person has refused (DV-01)", async () => {
    const { device_code: code, user_code: userCode } = await start();
    const page = await decide(userCode, /Cancel/);
    expect(page).toMatchObject({ status: 200, text: expect.stringContaining("not connected") });
    expect(await refused(code)).toBe("400 access_denied");
    expect(await refused(code)).toBe("400 access_denied");
  });

  it("hears that it waited too long, approved or not, and no code works for ever (DV-01)", async () => {
    const [pending, approved] = [await start(), await start()];
    await decide(approved.user_code, /Allow/);
    gateway.clock.advance(TTL + 1);
    expect(await refused(pending.device_code)).toBe("400 expired_token");
    expect(await refused(approved.device_code)).toBe("400 expired_token");
    expect((await enter(pending.user_code)).status).toBe(403);
    gateway.clock.advance(TTL);
    expect(await refused(pending.device_code)).toBe("400 invalid_grant");
  });

  it("cannot make a code up (DV-01)", async () => {
    for (const code of [randomToken(), "x", "__proto__", "x".repeat(30_000)])
      expect(await refused(code)).toBe("400 invalid_grant");
    expect(await errorOf(await poll(""))).toBe("400 invalid_request");
  });

  it("cannot use a code of another client, which stays its owner's (DV-05)", async () => {
    const { device_code: code, user_code: userCode } = await start();
    const other = await deviceClient();
    expect(await refused(code, other)).toBe("400 invalid_grant");
    await decide(userCode, /Allow/);
    expect(await refused(code, other)).toBe("400 invalid_grant");
    await tokensOf(await poll(code));
  });

  it("gets tokens once, of many parallel polls too, and the grant lives on (DV-05)", async () => {
    const { device_code: code, user_code: userCode } = await start();
    await decide(userCode, /Allow/);
    const answers = await Promise.all(Array.from({ length: 50 }, () => poll(code)));
    const good = answers.filter(({ status }) => status === 200);
    expect(good).toHaveLength(1);
    for (const answer of answers.filter((one) => one !== good[0]))
      expect(await errorOf(answer)).toBe("400 invalid_grant");
    const { access_token: token } = await jsonOf<Tokens>(good[0]!);
    expect(await refused(code)).toBe("400 invalid_grant");
    expect(await opens(gateway, token)).toBe(true);
  });

  it("is bound to the resource it asked for", async () => {
    const { device_code: code, user_code: userCode } = await start();
    await decide(userCode, /Allow/);
    const elsewhere = await poll(code, client, { resource: "https://elsewhere.example/mcp" });
    expect(await errorOf(elsewhere)).toBe("400 invalid_target");
    await tokensOf(await poll(code, client, { resource: gateway.resource }));
  });

  it("gets nothing once its client is revoked, before and after the person's yes", async () => {
    const doomed = await deviceClient();
    const [one, two] = [await start({}, doomed), await start({}, doomed)];
    await decide(one.user_code, /Allow/);
    const browser = createFormBrowser();
    const consent = await logIn(two.user_code, browser);
    await connectControl(gateway.stateDirectory).revokeClient(doomed.client_id);
    expect((await browser.press(consent, /Allow/)).status).toBe(400);
    expect(await refused(one.device_code, doomed)).toBe("401 invalid_client");
  });
});

describe("the device authorization endpoint (RFC 8628 §3.1)", () => {
  it("wants the client's own authentication", async () => {
    const secret = await deviceClient({ token_endpoint_auth_method: "client_secret_post" });
    expect((await start({}, secret)).device_code).toMatch(/^[\w-]{43}$/);
    const fields = { client_id: secret.client_id, resource: gateway.resource };
    const ask = async (more: Fields): Promise<string> =>
      errorOf(await post(gateway, "/device_authorization", { ...fields, ...more }));
    expect(await ask({})).toBe("401 invalid_client");
    expect(await ask({ client_secret: "wrong" })).toBe("401 invalid_client");
    expect(await ask({ client_id: "nobody" })).toBe("401 invalid_client");
  });

  it("serves only clients that registered the grant type", async () => {
    const other = await registered(gateway, { grant_types: ["authorization_code"] });
    const response = await post(gateway, "/device_authorization", { client_id: other.client_id });
    expect(await errorOf(response)).toBe("400 unauthorized_client");
    expect(await refused(randomToken(), other)).toBe("400 unauthorized_client");
  });

  it("checks resource and scope as /authorize does, and takes POST only", async () => {
    const fields = { client_id: client.client_id };
    const ask2 = async (more: Fields): Promise<string> =>
      errorOf(await post(gateway, "/device_authorization", { ...fields, ...more }));
    expect(await ask2({ resource: "https://x.example/mcp" })).toBe("400 invalid_target");
    expect(await ask2({ scope: 'a"b' })).toBe("400 invalid_scope");
    expect(await errorOf(await ask(`${gateway.url}/device_authorization`))).toBe(
      "405 invalid_request",
    );
  });
});

describe("the page for the code", () => {
  it("does nothing by being opened, even with the code in its address (DV-03)", async () => {
    const started = await start();
    const browser = createFormBrowser();
    const page = await browser.open(started.verification_uri_complete);
    expect(page.status).toBe(200);
    expect(page.text).toContain(`value="${started.user_code}"`);
    expect([...browser.cookies.keys()].some((name) => name.includes("interaction"))).toBe(false);
    expect(await refused(started.device_code)).toBe("400 authorization_pending");
    // Nobody has it yet: another browser may still enter it.
    expect((await enter(started.user_code)).status).toBe(200);
  });

  it("does not care about case, blanks and hyphens (DV-02)", async () => {
    const { user_code: userCode } = await start();
    const typed = ` ${userCode.toLowerCase().replace("-", "")} `;
    expect((await enter(typed)).text).toContain("Television");
  });

  it("shows nothing of an address that holds no code", async () => {
    for (const sent of ["%3Cscript%3E", "AAAA-AAAA-A", "%22onfocus%3D", "A".repeat(5000)]) {
      const page = await createFormBrowser().open(`${gateway.url}/device?user_code=${sent}`);
      expect(page.text).toMatch(/id="user_code"[^>]*value=""/);
    }
  });

  it("takes a form only from itself, in the same browser (DV-03)", async () => {
    const { user_code: userCode } = await start();
    const browser = createFormBrowser();
    const page = await browser.open(`${gateway.url}/device`);
    const [, csrf = ""] = /name="csrf" value="([^"]+)"/.exec(page.text) ?? [];
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const send = (fields: Fields, headers: Record<string, string>): Promise<Response> =>
      post(gateway, "/device", { user_code: userCode, ...fields }, headers);
    for (const [fields, headers] of [
      [{}, { cookie }],
      [{ csrf: randomToken() }, { cookie }],
      [{ csrf }, {}],
      [{ csrf }, { cookie, "sec-fetch-site": "cross-site" }],
      [{ csrf }, { cookie, origin: "https://attacker.example" }],
    ] as [Fields, Record<string, string>][])
      expect(await pageOf(await send(fields, headers))).toBe(403);
    expect((await send({ csrf }, { cookie })).status).toBe(303);
  });

  it("allows five tries to a browser, in parallel too (DV-02)", async () => {
    const { user_code: userCode } = await start();
    const browser = createFormBrowser();
    const page = await browser.open(`${gateway.url}/device`);
    const tries = await Promise.all(
      Array.from({ length: 20 }, () => browser.press(page, /Continue/, { user_code: "BBBB-BBBB" })),
    );
    expect(tries.filter(({ status }) => status === 403)).toHaveLength(5);
    const over = tries.find(({ status }) => status === 429);
    expect(over!.headers.get("retry-after")).toBe("600");
    expect((await browser.press(page, /Continue/, { user_code: userCode })).status).toBe(429);
    gateway.clock.advance(TTL + 1);
    expect((await enter((await start()).user_code)).status).toBe(200);
  });

  it("allows fifty tries to an address, whatever cookies it throws away (DV-02)", async () => {
    const statuses: number[] = [];
    for (let index = 0; index < 52; index += 1)
      statuses.push((await enter("BBBB-BBBB", createFormBrowser())).status);
    expect(statuses.filter((status) => status === 403)).toHaveLength(50);
    expect(statuses.slice(50)).toEqual([429, 429]);
  });
});

describe("a code that somebody has entered (DV-03)", () => {
  it("cannot be entered in another browser, logged in or not", async () => {
    const { user_code: userCode, device_code: code } = await start();
    const victim = createFormBrowser();
    await decide((await start()).user_code, /Allow/, victim); // logged in from here on
    const consent = await logIn(userCode);
    expect((await enter(userCode, victim)).status).toBe(403);
    expect((await enter(userCode)).status).toBe(403);
    expect(await refused(code)).toBe("400 authorization_pending");
    expect(consent.text).toContain("Allow access");
  });

  it("cannot be approved in another browser that knows the address and the form", async () => {
    const { user_code: userCode, device_code: code } = await start();
    const consent = await logIn(userCode);
    const other = createFormBrowser();
    await decide((await start()).user_code, /Allow/, other);
    expect((await other.open(consent.url)).status).toBe(400);
    expect((await other.press(consent, /Allow/)).status).toBe(400);
    expect(await refused(code)).toBe("400 authorization_pending");
  });

  it("can be entered again in the same browser, and is still decided once", async () => {
    const { user_code: userCode, device_code: code } = await start();
    const browser = createFormBrowser();
    const first = await logIn(userCode, browser);
    const second = await logIn(userCode, browser);
    expect((await browser.press(first, /Allow/)).status).toBe(200);
    expect((await browser.press(second, /Cancel/)).status).toBe(400);
    await tokensOf(await poll(code));
    expect((await enter(userCode, browser)).status).toBe(403);
  });

  it("goes to one of two browsers that enter it in the same instant", async () => {
    const { user_code: userCode } = await start();
    const pages = await Promise.all(Array.from({ length: 10 }, () => enter(userCode)));
    expect(pages.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it("asks who it is before anything else, and asks for consent each time", async () => {
    const browser = createFormBrowser();
    const choice = await enter((await start()).user_code, browser);
    expect(choice.url.pathname).toBe("/login");
    await decide((await start()).user_code, /Allow/, browser);
    const consent = await enter((await start()).user_code, browser);
    expect(consent.url.pathname).toBe("/consent");
  });
});

it("leaves neither code in the log, the events or the state", async () => {
  const { readFileSync, readdirSync } = await import("node:fs");
  const { user_code: userCode, device_code: code } = await start();
  await decide(userCode, /Allow/);
  await tokensOf(await poll(code));
  const { user_code: unused } = await start();
  const state = readdirSync(gateway.stateDirectory, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => readFileSync(`${gateway.stateDirectory}/${name}`, "utf8"));
  const all = [gateway.logged(), JSON.stringify(gateway.events), ...state].join("\n");
  for (const secret of [userCode, unused, userCode.replace("-", ""), code])
    expect(all).not.toContain(secret);
});
