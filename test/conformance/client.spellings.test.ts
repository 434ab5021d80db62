/**
 * Every other redirect URI that clients are known to come back to: each alone in a registration, and with another port where
 * it is on loopback.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { logIn } from "../../src/client/emulation/log-in.ts";
import { echo, person, visitAs } from "../support/emulated.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const SPELLINGS: readonly (readonly [client: string, uri: string])[] = [
  ["claude", "https://claude.com/api/mcp/auth_callback"],
  ["claude-code", "http://localhost:3118/callback"],
  ["cursor", "cursor://anysphere.cursor-retrieval/oauth/user-1f3a/callback"],
  ["cursor", "https://www.cursor.com/agents/mcp/oauth/callback"],
  ["vscode", "https://vscode.dev/redirect"],
  ["vscode", "https://insiders.vscode.dev/redirect"],
  ["chatgpt", "https://chatgpt.com/connector/oauth/another-connector"],
  ["inspector", "http://127.0.0.1:6276/oauth/callback"],
  ["mcp-remote", "http://127.0.0.1:3334/oauth/callback"],
  ["codex", "http://[::1]:37819/callback"],
];

describe("a client that comes back to another place", () => {
  it.each(SPELLINGS)("%s: %s", async (id, uri) => {
    const visit = await visitAs(id, gateway.resource);
    const emulation = {
      ...visit.emulation,
      registration: (port: number) => ({
        ...visit.emulation.registration(port),
        redirect_uris: [uri],
      }),
      redirectUri: () => uri.replace(/:\d+(?=\/)/, ":50123"),
    };
    const own = { ...visit, emulation };
    expect(await echo(own, await logIn(own, person))).toContain("hello");
  });
});
