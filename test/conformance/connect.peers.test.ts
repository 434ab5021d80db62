/**
 * `connect` where nothing at the other end is ours: servers the MCP SDKs build, behind the SDK's bearer check, with tokens of
 * oidc-provider; and the grants that need no browser here, at this gateway.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { ListRootsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import { createHome, type Home } from "../support/connect-process.ts";
import { createDevices, registerDevice } from "../support/device.ts";
import { startGateway } from "../support/gateway.ts";
import { registerProgram } from "../support/operator.ts";
import { guard } from "../support/guarded-upstream.ts";
import {
  referee,
  sdkEvents,
  sdkSessions,
  startUpstream,
  STREAM,
  type Upstream,
} from "../support/upstream.ts";

async function hostOf(home: Home, url: string, flags: string[] = []): Promise<Client> {
  const transport = new StdioClientTransport({ ...home.command(url, flags), stderr: "pipe" });
  home.watch(transport.stderr as Readable);
  const client = new Client({ name: "host", version: "1" }, { capabilities: { roots: {} } });
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: "file:///home" }] }));
  onTestFinished(() => client.close());
  await client.connect(transport);
  return client;
}

describe.each<[string, () => Promise<Upstream>, string[]]>([
  ["SDK v1 over Streamable HTTP", sdkSessions, []],
  ["SDK v1 over the transport of 2024-11-05, found out", sdkEvents, []],
  ["SDK v1 over the transport of 2024-11-05, told", sdkEvents, ["--transport", "sse"]],
])("%s behind oidc-provider", (_name, start, flags) => {
  it("is logged in to, called, and asks the host", async () => {
    const home = createHome();
    const client = await hostOf(home, await guard(await start()), flags);
    expect(client.getServerVersion()?.name).toBe("sdk-v1");
    const said = await client.callTool({ name: "say", arguments: { text: "grüezi" } });
    expect(JSON.stringify(said)).toContain("grüezi");
    expect(JSON.stringify(await client.callTool({ name: "ask" }))).toContain("file:///home");
    expect(home.pages).toHaveLength(1);
  });
});

describe("SDK v2 of 2026-07-28 behind oidc-provider", () => {
  it("gets the headers that repeat the body, and no session", async () => {
    const upstream = await referee("modern");
    const host = createHome().spawn(await guard(upstream));
    const _meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
    };
    const { result } = await host.request(1, "server/discover", { _meta });
    expect(result.supportedVersions).toContain("2026-07-28");
    const name = "test_simple_text";
    const called = await host.request("ü", "tools/call", { _meta, name, arguments: {} });
    expect(called.result.resultType).toBe("complete");
    expect(upstream.requests.at(-1)!.headers).toMatchObject({
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": name,
    });
    expect(upstream.requests.at(-1)!.headers).not.toHaveProperty("mcp-session-id");
    expect(await host.end()).toBe(0);
  });
});

describe("a request of 2026-07-28", () => {
  it("is cancelled by closing its stream, and nothing is posted", async () => {
    let isClosed = false;
    const upstream = await startUpstream((_request, response) => {
      response.writeHead(200, STREAM);
      response.flushHeaders();
      response.once("close", () => (isClosed = true));
    });
    onTestFinished(() => upstream.close());
    const host = createHome().spawn(upstream.url);
    const _meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
    };
    host.send({ id: 7, method: "tools/call", params: { _meta, name: "slow" } });
    await expect.poll(() => upstream.requests.length, { timeout: 20_000 }).toBe(1);
    host.send({ method: "notifications/cancelled", params: { requestId: 7 } });
    await expect.poll(() => isClosed, { timeout: 5_000 }).toBe(true);
    expect(upstream.requests).toHaveLength(1);
    expect(await host.end()).toBe(0);
    expect(host.lines).toEqual([]);
  });
});

describe("without a browser", () => {
  it("logs in by a code on another device (RFC 8628)", async () => {
    const gateway = await startGateway();
    onTestFinished(() => gateway.close());
    const devices = createDevices(gateway, await registerDevice(gateway));
    const host = createHome().spawn(gateway.resource, ["--device"]);
    const opened = host.open();
    const code = (): string => /the code (\S+)/.exec(host.stderr())?.[1] ?? "";
    await expect.poll(code, { timeout: 20_000 }).not.toBe("");
    await devices.decide(code(), /Allow/);
    expect((await opened).result.serverInfo.name).toBe("echo");
  });
});

describe("--grant client-credentials", () => {
  it("needs nobody, and asks again when the token is over", async () => {
    const gateway = await startGateway();
    onTestFinished(() => gateway.close());
    const { clientId, clientSecret } = await registerProgram(gateway);
    const home = createHome();
    const file = join(home.env["HOME"]!, "ci.secret");
    writeFileSync(file, `${clientSecret}\n`);
    const flags = ["--client-id", clientId, "--client-secret-file", file];
    const host = home.spawn(gateway.resource, ["--grant", "client-credentials", ...flags]);
    expect((await host.open()).result.serverInfo.name).toBe("echo");
    gateway.clock.advance(3601);
    expect((await host.request(1, "ping")).result).toEqual({});
    expect(home.pages).toEqual([]);
    expect(await host.end()).toBe(0);
  });

  it("says what is missing, and shows no secret in its arguments or its words", async () => {
    const gateway = await startGateway();
    onTestFinished(() => gateway.close());
    const home = createHome();
    const file = join(home.env["HOME"]!, "ci.secret");
    writeFileSync(file, "a-secret-nobody-knows\n");
    const flags = ["--grant", "client-credentials", "--client-id", "ci"];
    const host = home.spawn(gateway.resource, [...flags, "--client-secret-file", file]);
    const { error } = await host.request(1, "initialize", {});
    expect(error.message).toMatch(/invalid_client/);
    expect(host.stderr()).not.toContain("a-secret-nobody-knows");
    expect(host.child.spawnargs.join(" ")).not.toContain("a-secret-nobody-knows");
    const bare = home.spawn(gateway.resource, flags);
    expect(await bare.end()).toBe(2);
    expect(bare.stderr()).toMatch(/client-secret-file/);
  });
});
