/**
 * The whole way with clients nobody here wrote: the MCP SDKs' own OAuth clients start at the URL alone, meet a 401, discover,
 * register, log in, and talk to a real server from npm.
 */
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { createRequire } from "node:module";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { TestOAuthProvider } from "../support/oauth-provider.ts";
import { callMcp, logIn } from "../support/strict-client.ts";

const everything = createRequire(import.meta.url).resolve(
  "@modelcontextprotocol/server-everything/dist/index.js",
);
const CAPABILITIES = { sampling: {}, elicitation: { form: {} }, roots: { listChanged: true } };

let gateway: TestGateway;
let url: URL;

beforeAll(async () => {
  const service = { command: process.execPath, args: [everything, "stdio"] };
  gateway = await startGateway({ config: { services: { everything: service } } });
  url = new URL(gateway.resource);
});
afterAll(() => gateway.close());

const textOf = (result: unknown): string => JSON.stringify(result);

describe("the SDK v1 client", () => {
  const provider = new TestOAuthProvider();
  const client = new ClientV1({ name: "v1", version: "1" }, { capabilities: CAPABILITIES });
  const asked: string[] = [];
  client.setRequestHandler(ElicitRequestSchema, (request) => {
    asked.push(request.params.message);
    return { action: "accept", content: { name: "Ada", check: true } };
  });
  client.setRequestHandler(CreateMessageRequestSchema, () => ({
    model: "test",
    role: "assistant",
    content: { type: "text", text: "sampled by the test" },
  }));
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [] }));
  afterAll(() => client.close());

  it("starts at a bare 401, logs in and connects", async () => {
    const first = new TransportV1(url, { authProvider: provider });
    await expect(client.connect(first)).rejects.toThrow(/unauthorized/i);
    await first.finishAuth(provider.callback!.get("code")!);
    await client.connect(new TransportV1(url, { authProvider: provider }));
    expect(client.getServerVersion()?.name).toBe("mcp-servers/everything");
  });

  it("calls echo", async () => {
    const result = await client.callTool({ name: "echo", arguments: { message: "hello" } });
    expect(textOf(result)).toContain("Echo: hello");
  });

  it("is asked by the server and answers: elicitation and sampling", async () => {
    const elicited = await client.callTool({ name: "trigger-elicitation-request", arguments: {} });
    expect(asked).toHaveLength(1);
    expect(textOf(elicited)).toContain("Ada");
    const sampled = await client.callTool({
      name: "trigger-sampling-request",
      arguments: { prompt: "say something", maxTokens: 10 },
    });
    expect(textOf(sampled)).toContain("sampled by the test");
  });

  it("sees progress of a long operation", async () => {
    const seen: number[] = [];
    await client.callTool(
      { name: "trigger-long-running-operation", arguments: { duration: 1, steps: 4 } },
      undefined,
      { onprogress: (progress) => seen.push(progress.progress) },
    );
    expect(seen).toEqual([1, 2, 3, 4]);
  });

  it("refreshes by itself when its token has expired", async () => {
    const before = (provider.tokens() as { access_token: string }).access_token;
    gateway.clock.advance(3601);
    const result = await client.callTool({ name: "echo", arguments: { message: "again" } });
    expect(textOf(result)).toContain("Echo: again");
    expect((provider.tokens() as { access_token: string }).access_token).not.toBe(before);
  });
});

describe("the strict OAuth client, oauth4webapi", () => {
  it("starts at a bare 401, logs in, and its token calls echo", async () => {
    const { tokens } = await logIn(gateway.resource);
    const opened = await callMcp(gateway.resource, tokens.access_token);
    const session = { "mcp-session-id": opened.headers.get("mcp-session-id")! };
    await callMcp(
      gateway.resource,
      tokens.access_token,
      { jsonrpc: "2.0", method: "notifications/initialized" },
      session,
    );
    const echo = { name: "echo", arguments: { message: "hello" } };
    const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: echo };
    const answer = await callMcp(gateway.resource, tokens.access_token, call, session);
    expect(await answer.text()).toContain("Echo: hello");
  });
});

describe.each(["legacy", "auto"] as const)("the SDK v2 client, negotiating %s", (mode) => {
  const provider = new TestOAuthProvider();
  const client = new ClientV2(
    { name: "v2", version: "1" },
    { capabilities: CAPABILITIES, versionNegotiation: { mode } },
  );
  client.setRequestHandler("elicitation/create", () => ({
    action: "accept",
    content: { name: "Grace", check: true },
  }));
  // The server asks for them in its own time, so while any call runs.
  client.setRequestHandler("roots/list", () => ({ roots: [] }));
  afterAll(() => client.close());

  it("starts at a bare 401, logs in and calls echo", async () => {
    const first = new TransportV2(url, { authProvider: provider });
    await expect(client.connect(first)).rejects.toThrow(/unauthorized|authoriz/i);
    await first.finishAuth(provider.callback!);
    await client.connect(new TransportV2(url, { authProvider: provider }));
    const result = await client.callTool({ name: "echo", arguments: { message: "hello" } });
    expect(textOf(result)).toContain("Echo: hello");
  });

  it("is asked by the server and answers", async () => {
    const result = await client.callTool({ name: "trigger-elicitation-request", arguments: {} });
    expect(textOf(result)).toContain("Grace");
  });
});
