/**
 * The login autopsy as an operator sees it, where everything goes well, or several things at once.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  comeToTheDoor,
  knock,
  openAutopsy,
  readMetadata,
  type Autopsy,
} from "../support/autopsy.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  ask,
  authorizationUrl,
  obtainCode,
  obtainTokens,
  register,
  registered,
  requestToken,
  tokensOf,
} from "../support/raw-client.ts";
import { callMcp, logIn, refresh } from "../support/strict-client.ts";

const WHOLE = [
  "mcp.unauthorized",
  "metadata.resource",
  "metadata.server",
  "registration",
  "authorize",
  "login.begun",
  "login.finished",
  "consent.shown",
  "consent.given",
  "code.issued",
  "token.issued",
  "call.first",
];

let gateway: TestGateway;
let autopsy: Autopsy;
beforeEach(async () => {
  gateway = await startGateway();
  autopsy = openAutopsy(gateway);
});
afterEach(() => gateway?.close());

describe("a login that goes well", () => {
  it("is one attempt with every step in order", async () => {
    const client = await comeToTheDoor(gateway, "good/1", { client_name: "Good" });
    const { form } = await obtainCode(gateway, client);
    const { access_token } = await tokensOf(await requestToken(gateway, form));
    expect((await callMcp(gateway.resource, access_token)).status).toBe(200);
    const attempt = await autopsy.only();
    expect(attempt).toMatchObject({
      state: "succeeded",
      verdict: "succeeded",
      clientId: client.client_id,
      clientName: "Good",
      resource: gateway.resource,
      source: "127.0.0.1",
      userAgent: "good/1",
    });
    expect(attempt.steps.map(({ what }) => what)).toEqual(WHOLE);
    expect(attempt).not.toHaveProperty("possibly");
    expect(gateway.events).toContainEqual(
      expect.objectContaining({
        type: "attempt.ended",
        attempt: attempt.id,
        verdict: "succeeded",
      }) as unknown,
    );
  });

  it("is one even when the client uses two libraries, and it goes on with refreshes", async () => {
    const login = await logIn(gateway.resource);
    expect((await callMcp(gateway.resource, login.tokens.access_token)).status).toBe(200);
    expect((await autopsy.only()).steps.map(({ what }) => what)).toEqual(WHOLE);
    const { access_token } = await refresh(login);
    for (let call = 0; call < 3; call += 1) {
      expect((await callMcp(gateway.resource, access_token)).status).toBe(200);
    }
    const { state, steps } = await autopsy.only();
    expect(state).toBe("succeeded");
    expect(steps.map(({ what }) => what).slice(-2)).toEqual(["token.refreshed", "call.first"]);
    expect(steps).toHaveLength(WHOLE.length + 1);
  });
});

describe("two clients at one address", () => {
  it("stay apart when they differ in their user agent", async () => {
    const agents = ["first/1", "second/1"];
    for (const agent of agents) await knock(gateway, agent);
    for (const agent of agents) await readMetadata(gateway, agent);
    await finishBoth(agents);
    const attempts = await autopsy.attempts();
    expect(attempts.map(({ userAgent }) => userAgent)).toEqual(agents);
    for (const { state, steps, possibly } of attempts) {
      expect(state).toBe("succeeded");
      expect(steps.map(({ what }) => what)).toEqual(WHOLE);
      expect(possibly).toBeUndefined();
    }
  });

  it("stay apart when nothing tells them from each other, and the steps in doubt are marked", async () => {
    const agents = ["same/1", "same/1"];
    for (const agent of agents) await knock(gateway, agent);
    for (const agent of agents) await readMetadata(gateway, agent);
    const clients = await finishBoth(agents);
    const attempts = await autopsy.attempts();
    expect(attempts).toHaveLength(2);
    expect(new Set(attempts.map(({ clientId }) => clientId))).toEqual(new Set(clients));
    for (const { clientId, state, steps, possibly } of attempts) {
      expect(state).toBe("succeeded");
      expect(possibly).toBe(true);
      // What names a client names one and the same.
      const named = new Set(steps.map((step) => step.clientId ?? clientId));
      expect(named.size).toBe(1);
      expect(new Set(steps.map(({ grantId }) => grantId ?? "")).size).toBe(2);
      expect(steps.map(({ what }) => what).slice(-8)).toEqual(WHOLE.slice(-8));
    }
  });

  it("stay apart when one begins while the other has a token and has not called yet", async () => {
    const client = await comeToTheDoor(gateway, "same/1");
    const { access_token } = await tokensOf(
      await requestToken(gateway, (await obtainCode(gateway, client)).form),
    );
    await comeToTheDoor(gateway, "same/1");
    await callMcp(gateway.resource, access_token, undefined, { "user-agent": "same/1" });
    const [first, second, ...more] = await autopsy.attempts();
    expect(more).toEqual([]);
    expect(first!.state).toBe("succeeded");
    expect(first!.steps.filter(({ what }) => what === "mcp.unauthorized")).toHaveLength(1);
    expect(second!.steps.map(({ what }) => what)).toEqual(WHOLE.slice(0, 4));
  });

  /** Step by step, in turns. @returns their ids */
  async function finishBoth(agents: readonly string[]): Promise<string[]> {
    const clients = [];
    for (const agent of agents)
      clients.push(await registered(gateway, {}, { "user-agent": agent }));
    const codes = [];
    for (const client of clients) codes.push(await obtainCode(gateway, client));
    const tokens = [];
    for (const { form } of codes) tokens.push(await tokensOf(await requestToken(gateway, form)));
    for (const { access_token } of tokens) await callMcp(gateway.resource, access_token);
    return clients.map(({ client_id }) => client_id);
  }
});

describe("a client that registers twice", () => {
  it("has an attempt for each, and the one it uses succeeds", async () => {
    const first = await comeToTheDoor(gateway, "broker/1");
    await registered(gateway, {}, { "user-agent": "broker/1" });
    const { form } = await obtainCode(gateway, first);
    const { access_token } = await tokensOf(await requestToken(gateway, form));
    await callMcp(gateway.resource, access_token);
    gateway.clock.advance(121);
    expect((await autopsy.attempts()).map(({ verdict }) => verdict)).toEqual([
      "succeeded",
      "authorization-never-opened",
    ]);
  });
});

describe("what a trace costs and holds", () => {
  it("notes nothing of a call with a token that was used before", async () => {
    const { tokens } = await logIn(gateway.resource);
    const call = async (): Promise<void> => {
      const response = await callMcp(gateway.resource, tokens.access_token);
      await response.body?.cancel();
    };
    await call();
    const noted = () => gateway.events.filter(({ type }) => type.startsWith("attempt."));
    const before = noted().length;
    const steps = JSON.stringify((await autopsy.only()).steps);
    for (let count = 0; count < 10; count += 1) await call();
    expect(noted()).toHaveLength(before);
    expect(JSON.stringify((await autopsy.only()).steps)).toBe(steps);
  });

  it("holds no secret, wherever strangers put one", async () => {
    const client = await registered(gateway);
    const { access_token, refresh_token } = await obtainTokens(gateway, client);
    for (const secret of [access_token, refresh_token]) {
      const headers = { "user-agent": secret, "x-forwarded-for": secret };
      await fetch(`${gateway.url}/${secret}/mcp`, { headers });
      await fetch(`${gateway.resource}?access_token=${secret}`, { headers });
      await callMcp(gateway.resource, `${secret}x`, undefined, headers);
      await ask(authorizationUrl(gateway, { client_id: secret, redirect_uris: [secret] }));
      await ask(authorizationUrl(gateway, client, { resource: `https://x.example/${secret}` }));
      await ask(
        authorizationUrl(gateway, client, { redirect_uri: `https://x.example/?code=${secret}` }),
      );
      await register(gateway, {
        redirect_uris: [`http://x.example/${secret}`],
        client_name: secret,
      });
      await requestToken(gateway, { grant_type: secret, client_id: secret, code: secret }, headers);
    }
    const traces = JSON.stringify(await autopsy.attempts());
    expect(traces).toContain("[redacted]");
    expect(traces).not.toContain(refresh_token);
    expect(traces).not.toContain(access_token.slice(0, 40));
    // Closing searches the events, which carry every step, for all secrets that were drawn.
  });

  it("is shown to nobody who asks wrongly", async () => {
    await knock(gateway);
    const { id } = await autopsy.only();
    expect((await autopsy.control.attempt(id.slice(0, 6))).id).toBe(id);
    await expect(autopsy.control.attempt("nonsense")).rejects.toThrow("There is no attempt");
    await expect(autopsy.control.attempts({ limit: 0 })).rejects.toThrow("limit");
    expect(await autopsy.control.attempts({ state: "failed" })).toEqual([]);
    expect(await autopsy.control.attempts({ since: gateway.clock.now() + 1 })).toEqual([]);
    expect(await autopsy.control.attempts({ client: "nobody" })).toEqual([]);
  });
});
