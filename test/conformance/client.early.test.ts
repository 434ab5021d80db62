/**
 * Clients of the revision 2025-03-26, which know neither the resource's metadata nor the `resource` parameter.
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

describe("a client of 2025-03-26", () => {
  it("finds the server at the origin of the endpoint, logs in and calls a tool", async () => {
    const visit = await visitAs("2025-03-26", gateway.resource);
    const login = await logIn(visit, person);
    expect(login.found.identifier).toBeUndefined();
    expect(await echo(visit, login)).toContain("hello");
    expect(await echo(visit, { ...login, tokens: await refresh(visit, login) })).toContain("hello");
  });

  it("reaches the default endpoints without any metadata", async () => {
    const visit = await visitAs("2025-03-26", gateway.resource);
    const blind = { ...visit, emulation: { ...visit.emulation, serverMetadata: [] } };
    const login = await logIn(blind, person);
    expect(login.found.server.token_endpoint).toBe(`${gateway.url}/token`);
    expect(await echo(blind, login)).toContain("hello");
  });
});
