/**
 * The login autopsy as an operator sees it, where everything goes well, or several things at once.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { comeToTheDoor, openAutopsy, type Autopsy } from "../support/autopsy.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { obtainCode, requestToken, tokensOf } from "../support/raw-client.ts";
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
