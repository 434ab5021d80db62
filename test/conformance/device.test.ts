/** Devices without a browser: RFC 8628, as the device sees it. */
import { readdirSync, readFileSync } from "node:fs";
import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { connectControl } from "../../src/control.ts";
import { randomToken } from "../../src/random.ts";
import { createDevices, DEVICE_CODE_TTL, registerDevice, type Devices } from "../support/device.ts";
import { createFormBrowser } from "../support/form-browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  ask,
  errorOf,
  jsonOf,
  opens,
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

let gateway: TestGateway;
let client: RawClient;
let devices: Devices;

beforeAll(async () => {
  gateway = await startGateway();
  client = await registerDevice(gateway);
  devices = createDevices(gateway, client);
});
afterAll(() => gateway.close());
// Counters of tries run per address, and all tests come from one.
beforeEach(() => gateway.clock.advance(DEVICE_CODE_TTL + 1));

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
      expires_in: DEVICE_CODE_TTL,
      interval: 5,
    });
    const page = await devices.logIn(started.user_code);
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
    const again = await devices.start();
    const done = await devices.decide(again.user_code, /Allow/, browser);
    expect(done).toMatchObject({ status: 200, text: expect.stringContaining("connected") });
    expect(done.left).toBeUndefined();
    const tokens = await tokensOf(await devices.poll(again.device_code));
    expect(tokens).toMatchObject({ token_type: "Bearer", scope: "mcp" });
    expect(await opens(gateway, tokens.access_token)).toBe(true);
    const next = await tokensOf(
      await requestToken(gateway, refreshForm(client, tokens.refresh_token)),
    );
    expect(await opens(gateway, next.access_token)).toBe(true);
  });

  it("is told to wait, and longer each time it comes too soon (DV-01)", async () => {
    const { device_code: code } = await devices.start();
    expect(await devices.refused(code)).toBe("400 authorization_pending");
    gateway.clock.advance(5);
    expect(await devices.refused(code)).toBe("400 authorization_pending");
    gateway.clock.advance(2);
    expect(await devices.refused(code)).toBe("400 slow_down");
    gateway.clock.advance(6); // enough before, not any more
    expect(await devices.refused(code)).toBe("400 slow_down");
    gateway.clock.advance(15);
    expect(await devices.refused(code)).toBe("400 authorization_pending");
    gateway.clock.advance(10);
    expect(await devices.refused(code)).toBe("400 slow_down");
  });

  it("is told of parallel polls that all but one came too soon (DV-01)", async () => {
    const { device_code: code } = await devices.start();
    const errors = await Promise.all(Array.from({ length: 20 }, () => devices.refused(code)));
    expect(errors.filter((error) => error === "400 authorization_pending")).toHaveLength(1);
    expect(errors.filter((error) => error === "400 slow_down")).toHaveLength(19);
    gateway.clock.advance(60);
    expect(await devices.refused(code)).toBe("400 authorization_pending");
  });

  it("is not kept waiting once the person has answered, however fast it polls", async () => {
    const { device_code: code, user_code: userCode } = await devices.start();
    await devices.refused(code);
    await devices.decide(userCode, /Allow/);
    await tokensOf(await devices.poll(code));
  });

  it("hears that the person has refused (DV-01)", async () => {
    const { device_code: code, user_code: userCode } = await devices.start();
    const page = await devices.decide(userCode, /Cancel/);
    expect(page).toMatchObject({ status: 200, text: expect.stringContaining("not connected") });
    expect(await devices.refused(code)).toBe("400 access_denied");
    expect(await devices.refused(code)).toBe("400 access_denied");
  });

  it("hears that it waited too long, approved or not, and no code works for ever (DV-01)", async () => {
    const [pending, approved] = [await devices.start(), await devices.start()];
    await devices.decide(approved.user_code, /Allow/);
    gateway.clock.advance(DEVICE_CODE_TTL + 1);
    expect(await devices.refused(pending.device_code)).toBe("400 expired_token");
    expect(await devices.refused(approved.device_code)).toBe("400 expired_token");
    expect((await devices.enter(pending.user_code)).status).toBe(403);
    gateway.clock.advance(DEVICE_CODE_TTL);
    expect(await devices.refused(pending.device_code)).toBe("400 invalid_grant");
  });

  it("cannot make a code up (DV-01)", async () => {
    for (const code of [randomToken(), "x", "__proto__", "x".repeat(30_000)])
      expect(await devices.refused(code)).toBe("400 invalid_grant");
    expect(await errorOf(await devices.poll(""))).toBe("400 invalid_request");
  });

  it("cannot use a code of another client, which stays its owner's (DV-05)", async () => {
    const { device_code: code, user_code: userCode } = await devices.start();
    const other = await registerDevice(gateway);
    expect(await devices.refused(code, other)).toBe("400 invalid_grant");
    await devices.decide(userCode, /Allow/);
    expect(await devices.refused(code, other)).toBe("400 invalid_grant");
    await tokensOf(await devices.poll(code));
  });

  it("gets tokens once, of many parallel polls too, and the grant lives on (DV-05)", async () => {
    const { device_code: code, user_code: userCode } = await devices.start();
    await devices.decide(userCode, /Allow/);
    const answers = await Promise.all(Array.from({ length: 50 }, () => devices.poll(code)));
    const good = answers.filter(({ status }) => status === 200);
    expect(good).toHaveLength(1);
    for (const answer of answers.filter((one) => one !== good[0]))
      expect(await errorOf(answer)).toBe("400 invalid_grant");
    const { access_token: token } = await jsonOf<Tokens>(good[0]!);
    expect(await devices.refused(code)).toBe("400 invalid_grant");
    expect(await opens(gateway, token)).toBe(true);
  });

  it("is bound to the resource it asked for", async () => {
    const { device_code: code, user_code: userCode } = await devices.start();
    await devices.decide(userCode, /Allow/);
    const elsewhere = await devices.poll(code, client, {
      resource: "https://elsewhere.example/mcp",
    });
    expect(await errorOf(elsewhere)).toBe("400 invalid_target");
    await tokensOf(await devices.poll(code, client, { resource: gateway.resource }));
  });

  it("gets nothing once its client is revoked, before and after the person's yes", async () => {
    const doomed = await registerDevice(gateway);
    const [one, two] = [await devices.start({}, doomed), await devices.start({}, doomed)];
    await devices.decide(one.user_code, /Allow/);
    const browser = createFormBrowser();
    const consent = await devices.logIn(two.user_code, browser);
    await connectControl(gateway.stateDirectory).revokeClient(doomed.client_id);
    expect((await browser.press(consent, /Allow/)).status).toBe(400);
    expect(await devices.refused(one.device_code, doomed)).toBe("401 invalid_client");
  });
});

describe("the device authorization endpoint (RFC 8628 §3.1)", () => {
  it("wants the client's own authentication", async () => {
    const secret = await registerDevice(gateway, {
      token_endpoint_auth_method: "client_secret_post",
    });
    expect((await devices.start({}, secret)).device_code).toMatch(/^[\w-]{43}$/);
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
    expect(await devices.refused(randomToken(), other)).toBe("400 unauthorized_client");
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

it("leaves neither code in the log, the events or the state", async () => {
  const { user_code: userCode, device_code: code } = await devices.start();
  await devices.decide(userCode, /Allow/);
  await tokensOf(await devices.poll(code));
  const { user_code: unused } = await devices.start();
  const state = readdirSync(gateway.stateDirectory, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => readFileSync(`${gateway.stateDirectory}/${name}`, "utf8"));
  const all = [gateway.logged(), JSON.stringify(gateway.events), ...state].join("\n");
  for (const secret of [userCode, unused, userCode.replace("-", ""), code])
    expect(all).not.toContain(secret);
});
