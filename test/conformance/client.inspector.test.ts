/**
 * MCP Inspector: every question passes a browser.
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

describe("MCP Inspector", () => {
  it("reads the 401, the 404 and every document from its page (routecraft#320, infisical#5192)", async () => {
    const visit = await visitAs("inspector", gateway.resource);
    const login = await logIn(visit, person);
    expect(visit.told[0]!.seen).toContain("/.well-known/oauth-protected-resource/mcp");
    expect(await echo(visit, login)).toContain("hello");
    const tokens = await refresh(visit, login);
    expect(await echo(visit, { ...login, tokens })).toContain("hello");
  });

  it("comes back to its debugger, too", async () => {
    const visit = await visitAs("inspector", gateway.resource);
    const debug = "http://localhost:6274/oauth/callback/debug";
    const guided = { ...visit, emulation: { ...visit.emulation, redirectUri: () => debug } };
    expect(await echo(guided, await logIn(guided, person))).toContain("hello");
  });

  it("reads why it is refused: a token that is none, a client that is none", async () => {
    const visit = await visitAs("inspector", gateway.resource);
    await expect(echo(visit, { tokens: { access_token: "x" } } as never)).rejects.toThrow(
      /status 401/,
    );
    const login = await logIn(visit, person);
    const stranger = { ...login, client: { client_id: "nobody" } };
    await expect(refresh(visit, stranger)).rejects.toThrow(/invalid_client/);
  });
});
