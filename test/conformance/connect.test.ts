/**
 * `connect` with the clients of the MCP SDKs as hosts, in front of this gateway: from the URL alone to an answered call.
 */
import { Client as ClientV2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as StdioV2 } from "@modelcontextprotocol/client/stdio";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as StdioV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createHome } from "../support/connect-process.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";

const everything = createRequire(import.meta.url).resolve(
  "@modelcontextprotocol/server-everything/dist/index.js",
);
const CAPABILITIES = { sampling: {}, elicitation: { form: {} }, roots: { listChanged: true } };

let gateway: TestGateway;
beforeAll(async () => {
  const service = { command: process.execPath, args: [everything, "stdio"] };
  gateway = await startGateway({ config: { services: { everything: service } } });
});
afterAll(() => gateway.close());

const textOf = (result: unknown): string => JSON.stringify(result);

describe("an SDK v1 host", () => {
  it("logs in, calls, is asked, sees progress, and is let go", async () => {
    const home = createHome();
    const transport = new StdioV1({ ...home.command(gateway.resource), stderr: "pipe" });
    const stderr = home.watch(transport.stderr as Readable);
    const client = new ClientV1({ name: "v1", version: "1" }, { capabilities: CAPABILITIES });
    client.setRequestHandler(ElicitRequestSchema, () => ({
      action: "accept",
      content: { name: "Ada", check: true },
    }));
    client.setRequestHandler(CreateMessageRequestSchema, () => ({
      model: "test",
      role: "assistant",
      content: { type: "text", text: "sampled by the test" },
    }));
    onTestFinished(() => client.close());
    await client.connect(transport);
    expect(home.pages).toHaveLength(1);
    expect(client.getServerVersion()?.name).toBe("mcp-servers/everything");
    const echoed = await client.callTool({ name: "echo", arguments: { message: "hello" } });
    expect(textOf(echoed)).toContain("Echo: hello");
    const elicited = await client.callTool({ name: "trigger-elicitation-request", arguments: {} });
    expect(textOf(elicited)).toContain("Ada");
    const prompt = { prompt: "say", maxTokens: 10 };
    const sampled = await client.callTool({ name: "trigger-sampling-request", arguments: prompt });
    expect(textOf(sampled)).toContain("sampled by the test");
    const seen: number[] = [];
    await client.callTool(
      { name: "trigger-long-running-operation", arguments: { duration: 1, steps: 4 } },
      undefined,
      { onprogress: (progress) => seen.push(progress.progress) },
    );
    // The SDK forgets the token with the answer, and the last one may come in the same chunk as that.
    expect(seen.slice(0, 3)).toEqual([1, 2, 3]);
    await client.close();
    await expect.poll(() => gateway.events.some(({ type }) => type === "session.ended")).toBe(true);
    expect(stderr()).not.toMatch(/Error/);
  });
});

describe("credentials", () => {
  it("are private, used again, and gone after --logout", async () => {
    const home = createHome();
    const first = home.spawn(gateway.resource);
    await first.open();
    expect(await first.end()).toBe(0);
    expect(statSync(home.directory).mode & 0o777).toBe(0o700);
    const files = readdirSync(home.directory);
    expect(files).toHaveLength(1);
    const file = join(home.directory, files[0]!);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const second = home.spawn(gateway.resource);
    expect((await second.open()).result.serverInfo.name).toBe("mcp-servers/everything");
    expect(home.pages).toHaveLength(1);
    expect(await second.end()).toBe(0);
    const { credentials } = JSON.parse(readFileSync(file, "utf8"));
    const out = home.spawn(gateway.resource, ["--logout"]);
    expect(await out.end()).toBe(0);
    expect(readdirSync(home.directory)).toEqual([]);
    const answer = await fetch(gateway.resource, {
      method: "POST",
      headers: { authorization: `Bearer ${credentials.tokens.accessToken}` },
    });
    expect(answer.status).toBe(401);
  });
});

describe.each([
  ["legacy", "2025-11-25"],
  ["auto", "2026-07-28"],
] as const)("an SDK v2 host, negotiating %s", (mode, version) => {
  it(`speaks ${version} and is asked by the server`, async () => {
    const home = createHome();
    // This client probes with a process of its own, whose standard error nobody sees.
    const first = home.spawn(gateway.resource);
    await first.open();
    await first.end();
    const transport = new StdioV2({ ...home.command(gateway.resource), stderr: "pipe" });
    home.watch(transport.stderr as Readable);
    const client = new ClientV2(
      { name: "v2", version: "1" },
      { capabilities: CAPABILITIES, versionNegotiation: { mode } },
    );
    client.setRequestHandler("roots/list", () => ({ roots: [] }));
    client.setRequestHandler("elicitation/create", () => ({
      action: "accept",
      content: { name: "Grace", check: true },
    }));
    onTestFinished(() => client.close());
    await client.connect(transport);
    expect(client.getNegotiatedProtocolVersion()).toBe(version);
    const result = await client.callTool({ name: "echo", arguments: { message: "hello" } });
    expect(textOf(result)).toContain("Echo: hello");
    const elicited = await client.callTool({ name: "trigger-elicitation-request", arguments: {} });
    expect(textOf(elicited)).toContain("Grace");
    expect(home.pages).toHaveLength(1);
  });
});
