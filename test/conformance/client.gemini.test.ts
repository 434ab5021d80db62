/**
 * Gemini CLI: an empty scope, and a port of its own or the usual one.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { logIn } from "../../src/client/emulation/log-in.ts";
import { refresh } from "../../src/client/emulation/tokens.ts";
import { echo, person, visitAs } from "../support/emulated.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

describe("Gemini CLI", () => {
  it.each([7777, 65_290])("logs in on port %i (gemini-cli#14419, #7465)", async (port) => {
    const visit = await visitAs("gemini", gateway.resource, { port });
    const login = await logIn(visit, person);
    expect(login.client["redirect_uris"]).toEqual([`http://localhost:${port}/oauth/callback`]);
    expect(await echo(visit, login)).toContain("hello");
    expect(await echo(visit, { ...login, tokens: await refresh(visit, login) })).toContain("hello");
  });

  it("finds issuer, authorization and registration at one origin (gemini-cli#12628, #17167)", async () => {
    const visit = await visitAs("gemini", gateway.resource);
    const { found } = await logIn(visit, person);
    const {
      issuer,
      authorization_endpoint: authorize,
      registration_endpoint: register,
    } = found.server;
    const origins = [issuer, authorize!, register!].map((url) => new URL(url).origin);
    expect(new Set(origins)).toEqual(new Set([gateway.url]));
  });
});
