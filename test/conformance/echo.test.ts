/**
 * What reaches a server behind the gateway, told by the server itself: `mcp-gateway echo` as a program of the gateway's and as
 * a server elsewhere, in both eras.
 */
import { Client, StreamableHTTPClientTransport as Transport } from "@modelcontextprotocol/client";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { bin } from "../support/gateway-process.ts";
import { TestOAuthProvider } from "../support/oauth-provider.ts";

let far: ChildProcess;
let gateway: TestGateway;

beforeAll(async () => {
  far = spawn(process.execPath, [bin, "echo", "--http", "0", "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(createInterface({ input: far.stdout! }), "line")) as [string];
  const { url } = JSON.parse(line) as { url: string };
  const near = { command: process.execPath, args: [bin, "echo"], permissions: {} };
  const headers = { "X-Own": "of the configuration" };
  gateway = await startGateway({ config: { services: { near, far: { url, headers } } } });
});
afterAll(async () => {
  await gateway.close();
  far.kill("SIGTERM");
  await once(far, "close");
});

interface Told {
  transport: string;
  era: string;
  client: { name: string };
  headers: Record<string, string> | string;
  authorization?: string;
}

async function ask(
  service: string,
  mode: "legacy" | "auto",
): Promise<{ told: Told; token: string; names: string[] }> {
  const url = new URL(`${gateway.url}/${service}/mcp`);
  const authProvider = new TestOAuthProvider();
  const client = new Client({ name: "asks", version: "1" }, { versionNegotiation: { mode } });
  const first = new Transport(url, { authProvider });
  await expect(client.connect(first)).rejects.toThrow(/unauthorized|authoriz/i);
  await first.finishAuth(authProvider.callback!);
  await client.connect(new Transport(url, { authProvider }));
  const { structuredContent } = await client.callTool({ name: "request", arguments: {} });
  const { tools } = await client.listTools();
  await client.close();
  const { access_token: token } = authProvider.tokens() as { access_token: string };
  return { told: structuredContent as Told, token, names: tools.map(({ name }) => name) };
}

describe.each([
  ["legacy", "legacy"],
  ["auto", "modern"],
] as const)("a client that negotiates %s", (mode, era) => {
  it("reaches a program in its own era, without any header", async () => {
    const { told, token, names } = await ask("near", mode);
    expect(told).toMatchObject({ transport: "stdio", era, client: { name: "asks" } });
    expect(JSON.stringify(told)).not.toContain(token);
    expect(names.includes("replay")).toBe(era === "legacy");
  });

  it("reaches a server elsewhere with that server's headers, never with its own token", async () => {
    const { told, token } = await ask("far", mode);
    expect(told).toMatchObject({
      transport: "http",
      era,
      client: { name: "asks" },
      authorization: "absent",
      headers: { "x-own": "of the configuration" },
    });
    expect(JSON.stringify(told)).not.toContain(token);
  });
});
