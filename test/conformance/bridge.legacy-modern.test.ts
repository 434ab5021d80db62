/**
 * The SDK's client of the revisions with `initialize` on a server that only speaks 2026-07-28: whatever such a server wants
 * of its user reaches the client as it knows it.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  EmptyResultSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
  type ClientCapabilities,
  type ElicitRequest,
} from "@modelcontextprotocol/sdk/types.js";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../support/bridge-server.ts";
import { fixture } from "../support/gateway.ts";
import type { Wire } from "../support/mcp-session.ts";

const ENVELOPE = "io.modelcontextprotocol/";
const CAPABILITIES = { sampling: {}, elicitation: { form: {}, url: {} }, roots: {} };
const command = process.execPath;

let server: BridgeServer;
const clients: Client[] = [];
/** What the user was asked. */
const asked: ElicitRequest["params"][] = [];
/** What the user does; accepts at once unless a test says otherwise. */
let decide: (params: ElicitRequest["params"], signal: AbortSignal) => Promise<object>;

beforeAll(async () => {
  const args = [fixture("modern-workbench.js"), "full"];
  server = await startBridge({
    services: {
      found: { command, args },
      told: { command, args, era: "modern" },
      user: { command, args, isolation: "user" },
      shared: { command, args, isolation: "shared" },
      brief: { command, args: [fixture("modern-workbench.js")] },
      dual: { command, args: [fixture("conformance-server.js")], era: "dual" },
    },
    limits: { pendingInput: "1s" },
  });
});
afterAll(() => server.close());
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  asked.length = 0;
});

async function connect(
  name = "told",
  capabilities: ClientCapabilities = CAPABILITIES,
): Promise<Client> {
  decide = (params) =>
    Promise.resolve({ action: "accept", ...(params.mode !== "url" && { content: { n: 1 } }) });
  const client = new Client({ name: "v1", version: "1" }, { capabilities });
  clients.push(client);
  if (capabilities.elicitation) {
    client.setRequestHandler(ElicitRequestSchema, ({ params }, { signal }) => {
      asked.push(params);
      return decide(params, signal);
    });
  }
  if (capabilities.sampling) {
    client.setRequestHandler(CreateMessageRequestSchema, () => ({
      model: "test",
      role: "assistant",
      content: { type: "text", text: "sampled" },
    }));
  }
  if (capabilities.roots) {
    client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: "file:///a" }] }));
  }
  await client.connect(new StreamableHTTPClientTransport(new URL(server.endpoint(name))));
  return client;
}

const textOf = (result: Wire): string => result.content[0].text;

async function tool(client: Client, name: string, given: object = {}): Promise<Wire> {
  const result = await client.callTool({ name, arguments: { ...given } });
  expect(result.isError).toBeFalsy();
  return JSON.parse(textOf(result));
}

const form = (message: string) => ({
  method: "elicitation/create",
  params: {
    mode: "form",
    message,
    requestedSchema: { type: "object", properties: { n: { type: "number" } } },
  },
});

describe("the client", () => {
  it.each(["found", "told"])("T01 T02 T21 connects and learns who is there: %s", async (name) => {
    const client = await connect(name);
    expect(client.getServerVersion()).toEqual({ name: "modern-workbench", version: "1.0.0" });
    expect(client.getInstructions()).toBe("Use it well.");
    expect(client.getServerCapabilities()).toEqual({
      tools: { listChanged: true },
      prompts: {},
      resources: { subscribe: true, listChanged: true },
      logging: {},
      completions: {},
      experimental: { "vendor/trial": { kept: true } },
    });
    const { tools } = await client.listTools();
    expect(tools.map(({ name: each }) => each)).toEqual(["object", "array"]);
    await client.ping();
  });

  it("connects to a server that does not say who it is", async () => {
    const client = await connect("brief");
    expect(client.getServerVersion()).toEqual({ name: "brief", version: "unknown" });
    expect(await tool(client, "say", { text: "hi" })).toBe("hi");
  });

  it("is spoken to in its own era where the server knows it", async () => {
    const client = await connect("dual");
    expect(client.getServerVersion()?.name).toBe("conformance-fixture");
    const called = await client.callTool({ name: "test_simple_text", arguments: {} });
    // A server of the later revision puts its name into every result.
    expect(called._meta).toBeUndefined();
  });

  it("T21 is known to the server by what it declared, in every request", async () => {
    const client = await connect("told", { roots: { listChanged: true } });
    await client.sendRootsListChanged();
    const received: Wire[] = await tool(client, "received");
    const requests = received.filter(({ id }) => id !== undefined);
    expect(requests.length).toBeGreaterThan(1);
    for (const { params } of requests) {
      expect(params._meta).toMatchObject({
        [`${ENVELOPE}protocolVersion`]: "2026-07-28",
        [`${ENVELOPE}clientInfo`]: { name: "v1", version: "1" },
      });
      expect(params._meta[`${ENVELOPE}clientCapabilities`]).toEqual({
        roots: { listChanged: true },
      });
    }
    expect(received.filter(({ method }) => /roots|initialize/.test(method))).toEqual([]);
  });
});

describe("input", () => {
  it("T25 of several kinds is gathered for one round", async () => {
    const client = await connect();
    const url = "https://a.example/";
    const answer = await tool(client, "ask", {
      requestState: "sealed",
      inputRequests: {
        form: form("How many?"),
        url: { method: "elicitation/create", params: { mode: "url", message: "Log in", url } },
        sample: {
          method: "sampling/createMessage",
          params: {
            maxTokens: 5,
            messages: [{ role: "user", content: { type: "text", text: "hi" } }],
          },
        },
        roots: { method: "roots/list" },
      },
    });
    expect(answer).toEqual({
      requestState: "sealed",
      inputResponses: {
        form: { action: "accept", content: { n: 1 } },
        url: { action: "accept" },
        sample: { model: "test", role: "assistant", content: { type: "text", text: "sampled" } },
        roots: { roots: [{ uri: "file:///a" }] },
      },
    });
    expect(asked).toMatchObject([
      { mode: "form", message: "How many?" },
      { mode: "url", url, elicitationId: expect.stringMatching(/^\S{16,}$/) },
    ]);
  });

  it("T22 T25 may be asked for round after round, with progress that goes on", async () => {
    const client = await connect();
    const progress: number[] = [];
    const result = await client.callTool({ name: "rounds", arguments: { count: 3 } }, undefined, {
      onprogress: (step) => progress.push(step.progress),
    });
    expect(JSON.parse(textOf(result))).toEqual(
      Array.from({ length: 3 }, () => ({ action: "accept", content: { n: 1 } })),
    );
    expect(asked.map(({ message }) => message)).toEqual(["question 1", "question 2", "question 3"]);
    expect(progress).toEqual([1, 2, 3, 4, 5]);
  });

  it("is given up after eight rounds, as a result that the model reads", async () => {
    const client = await connect();
    const result = await client.callTool({ name: "rounds", arguments: { count: 9 } });
    expect([result.isError, textOf(result)]).toEqual([true, expect.stringContaining("8 rounds")]);
    expect(asked.length).toBe(8);
  });

  it("may be nothing but time", async () => {
    const client = await connect();
    expect(await tool(client, "busy", { times: 2 })).toBe("after 2");
  });

  it("may be asked for by a prompt", async () => {
    const client = await connect();
    const { description } = await client.getPrompt({ name: "any" });
    expect(JSON.parse(description!)).toEqual({ who: { action: "accept", content: { n: 1 } } });
  });

  it.each(["decline", "cancel"])("may be denied: %s", async (action) => {
    const client = await connect();
    decide = () => Promise.resolve({ action });
    const answer = await tool(client, "ask", { inputRequests: { q: form("?") } });
    expect(answer.inputResponses).toEqual({ q: { action } });
  });

  it("T25 is not made up when the client fails", async () => {
    const client = await connect();
    decide = () => Promise.reject(new Error("no screen"));
    const result = await client.callTool({
      name: "ask",
      arguments: { inputRequests: { q: form("?") } },
    });
    expect([result.isError, textOf(result)]).toEqual([true, "elicitation/create: no screen"]);
  });

  it("is not waited for for ever, and the question is taken back", async () => {
    const client = await connect();
    const takenBack = new Promise<void>((resolve) => {
      decide = (_, signal) =>
        new Promise((_unanswered, reject) => {
          signal.addEventListener("abort", () => {
            resolve();
            reject(new Error("too late"));
          });
        });
    });
    const inputRequests = { q: form("?") };
    const result = await client.callTool({ name: "ask", arguments: { inputRequests } });
    expect([result.isError, textOf(result)]).toEqual([true, expect.stringContaining("1 second")]);
    await takenBack;
  });

  it.each([
    [{}, "elicitation"],
    [{ elicitation: {} }, "elicitation.url"],
  ])("T21 is not asked of a client with %j", async (capabilities, missing) => {
    const client = await connect("told", capabilities);
    const params = { mode: "url", message: "Log in", url: "https://a.example/" };
    const inputRequests = { q: { method: "elicitation/create", params } };
    const result = await client.callTool({ name: "ask", arguments: { inputRequests } });
    expect([result.isError, textOf(result)]).toEqual([true, expect.stringContaining(missing)]);
    expect(asked).toEqual([]);
  });
});

describe("the rest of a session", () => {
  it("T19 cancels a call in the middle of its questions", async () => {
    const client = await connect();
    const abort = new AbortController();
    const takenBack = new Promise<void>((resolve) => {
      decide = (_, signal) => {
        signal.addEventListener("abort", () => resolve());
        abort.abort();
        return new Promise(() => undefined);
      };
    });
    const given = { name: "ask", arguments: { inputRequests: { q: form("?") } } };
    await expect(client.callTool(given, undefined, { signal: abort.signal })).rejects.toThrow();
    await takenBack;
    const received: Wire[] = await tool(client, "received");
    expect(received.filter(({ params }) => params?.name === "ask").length).toBe(1);
  });

  it("T19 cancels the round that runs", async () => {
    const client = await connect();
    const abort = new AbortController();
    const running = client.callTool({ name: "wait", arguments: { ms: 5000 } }, undefined, {
      signal: abort.signal,
    });
    running.catch(() => undefined);
    await tool(client, "pid");
    abort.abort();
    await expect(running).rejects.toThrow();
    const received: Wire[] = await tool(client, "received");
    const own = received.find(({ params }) => params?.name === "wait").id;
    expect(received.find(({ method }) => method === "notifications/cancelled")).toMatchObject({
      params: { requestId: own },
    });
  });

  it("T23 has a log, from the level it asked for", async () => {
    const client = await connect();
    const logged: unknown[] = [];
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
      logged.push(params);
    });
    const log = (level: string) => tool(client, "logAt", { level, data: { at: level } });
    expect(await log("error")).toBe("kept");
    await client.setLoggingLevel("warning");
    expect([await log("info"), await log("error")]).toEqual(["kept", "logged"]);
    await expect.poll(() => logged).toEqual([{ level: "error", data: { at: "error" } }]);
  });

  it("T24 hears of changes it subscribed to, once each, and of no others", async () => {
    const client = await connect();
    const heard: unknown[] = [];
    const hear = ({ method, params }: Wire): void => void heard.push([method, params]);
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, hear);
    client.setNotificationHandler(ToolListChangedNotificationSchema, hear);
    await client.subscribeResource({ uri: "a:1" });
    await client.subscribeResource({ uri: "a:2" });
    const updated = "notifications/resources/updated";
    const change = (method: string, uri?: string) => tool(client, "change", { method, uri });
    // One subscription, however often it changed.
    expect(await change(updated, "a:1")).toBe(1);
    await change(updated, "a:3");
    await client.unsubscribeResource({ uri: "a:1" });
    await change(updated, "a:1");
    await change(updated, "a:2");
    expect(await change("notifications/tools/list_changed")).toBe(1);
    await expect.poll(() => heard.length).toBe(3);
    expect(heard).toEqual([
      [updated, { uri: "a:1" }],
      [updated, { uri: "a:2" }],
      ["notifications/tools/list_changed", undefined],
    ]);
  });

  it("T24 is refused what the server does not watch", async () => {
    const client = await connect();
    await expect(client.subscribeResource({ uri: "secret:1" })).rejects.toMatchObject({
      code: -32603,
    });
    const unable = await connect("brief");
    await expect(unable.subscribeResource({ uri: "a:1" })).rejects.toMatchObject({ code: -32601 });
  });

  it("knows errors by the codes of its own revision", async () => {
    const client = await connect();
    const missing = client.readResource({ uri: "a:none" });
    await expect(missing).rejects.toMatchObject({ code: -32002, data: { uri: "a:none" } });
    const raw = (method: string) => client.request({ method }, EmptyResultSchema);
    await expect(raw("vendor/capability")).rejects.toMatchObject({ code: -32603 });
    await expect(raw("tasks/list")).rejects.toMatchObject({ code: -32601 });
  });
});

describe("a server that several sessions share", () => {
  it("asks each of one person's sessions its own questions", async () => {
    const sessions = [await connect("user"), await connect("user")];
    const pids = await Promise.all(sessions.map((client) => tool(client, "pid")));
    expect(pids[0]).toBe(pids[1]);
    for (const [index, client] of sessions.entries()) {
      client.setRequestHandler(ElicitRequestSchema, ({ params }) => ({
        action: "accept",
        content: { of: index, to: params.message },
      }));
    }
    const answers = await Promise.all(
      sessions.map((client, index) =>
        tool(client, "ask", { inputRequests: { q: form(`for ${index}`) } }),
      ),
    );
    expect(answers.map(({ inputResponses }) => inputResponses.q.content)).toEqual([
      { of: 0, to: "for 0" },
      { of: 1, to: "for 1" },
    ]);
  });

  it("asks nobody when it is everybody's", async () => {
    const client = await connect("shared");
    const inputRequests = { q: form("?") };
    const result = await client.callTool({ name: "ask", arguments: { inputRequests } });
    expect([result.isError, asked]).toEqual([true, []]);
  });
});
