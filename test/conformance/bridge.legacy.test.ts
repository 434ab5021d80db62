/**
 * A client of the revisions with `initialize`, over a server of its own era and over one that only speaks 2026-07-28:
 * it cannot tell them apart.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../support/bridge-server.ts";
import { fixture } from "../support/gateway.ts";
import {
  allEvents,
  eventsOf,
  messagesOf,
  openSession,
  post,
  type McpSession,
  type Wire,
} from "../support/mcp-session.ts";

const WATCHED = "test://watched-resource";
const CAPABILITIES = {
  sampling: {},
  elicitation: { form: {}, url: {} },
  roots: { listChanged: true },
};
const run = (name: string, ...args: string[]) => ({
  command: process.execPath,
  args: [fixture(name), ...args],
});

let server: BridgeServer;
beforeAll(async () => {
  server = await startBridge({
    services: {
      legacy: run("workbench.js"),
      modern: run("modern-workbench.js", "full"),
      "legacy-sdk": run("conformance-server.js", "--era", "legacy"),
      "modern-sdk": run("conformance-server.js", "--era", "modern"),
    },
  });
});
afterAll(() => server.close());

const call = (id: unknown, name: string, given: object = {}, meta?: object) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: given, ...(meta && { _meta: meta }) },
});

/** Read a stream in the background. */
function collect(response: Response): Wire[] {
  const messages: Wire[] = [];
  void (async () => {
    for await (const { data } of eventsOf(response)) if (data) messages.push(JSON.parse(data));
  })().catch(() => undefined);
  return messages;
}

/** Post `body`, answer every question on its stream. @returns all messages of the stream */
async function answering(
  session: McpSession,
  body: object,
  answer: (question: Wire) => object,
): Promise<Wire[]> {
  const messages: Wire[] = [];
  for await (const { data } of eventsOf(await session.post(body))) {
    if (!data) continue;
    const message = JSON.parse(data);
    messages.push(message);
    if (message.id === undefined || message.method === undefined) continue;
    const reply = await session.post({ jsonrpc: "2.0", id: message.id, result: answer(message) });
    expect(reply.status).toBe(202);
  }
  return messages;
}

describe.each(["legacy", "modern"])("over a %s server", (era) => {
  let endpoint: string;
  beforeAll(() => {
    endpoint = server.endpoint(era);
  });

  it.each([
    ["2025-03-26", "2025-03-26"],
    ["2025-06-18", "2025-06-18"],
    ["2025-11-25", "2025-11-25"],
    ["1999-01-01", "2025-11-25"],
    ["2026-07-28", "2025-11-25"],
  ])("T01 T02 T03 a session is opened: asked %s, got %s", async (asked, got) => {
    const session = await openSession(endpoint, { version: asked });
    expect(session.hello).toMatchObject({ protocolVersion: got, serverInfo: {}, capabilities: {} });
    expect(session.hello).not.toHaveProperty("resultType");
    expect(session.id).toMatch(/^[\x21-\x7E]{22,}$/);
    await session.delete();
  });

  it("T04 T05 T06 ends with its session, and the process with it", async () => {
    const session = await openSession(endpoint);
    const pid = await session.tool("pid");
    expect(server.bridge.sessions().map((info) => info.pid)).toContain(pid);
    await session.delete();
    const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
    expect((await session.post(ping)).status).toBe(404);
    expect((await session.get()).status).toBe(404);
    expect((await post(endpoint, ping)).status).toBe(400);
    await expect.poll(() => isAlive(pid)).toBe(false);
  });

  it("T07 T08 T09 T10 T11 is refused what it is refused elsewhere", async () => {
    const session = await openSession(endpoint);
    const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
    const status = async (body: unknown, headers: Record<string, string> = {}) =>
      (await session.post(body, { headers })).status;
    expect(await status({ jsonrpc: "2.0", method: "notifications/roots/list_changed" })).toBe(202);
    expect(await status([ping])).toBe(400);
    expect(await status(ping, { "mcp-protocol-version": "1999-01-01" })).toBe(400);
    expect(await status(ping)).toBe(200);
    expect(await status(ping, { accept: "application/json" })).toBe(406);
    await session.delete();
    const early = await openSession(endpoint, { version: "2025-03-26" });
    const batch = [ping, call("2", "pid")];
    const ids = (await messagesOf(await early.post(batch))).map(({ id }) => id);
    expect(new Set(ids)).toEqual(new Set([1, "2"]));
    await early.delete();
  });

  it("T12 T13 T14 T17 hears each message once, on the stream it belongs to", async () => {
    const session = await openSession(endpoint);
    const standalone = collect(await session.get());
    await session.request("logging/setLevel", { level: "debug" });
    const slow = session.post(call(1, "wait", { ms: 250 })).then(allEvents);
    const params = { level: "info", data: "once" };
    const [name, given] =
      era === "legacy"
        ? ["notify", { method: "notifications/message", params }]
        : ["logAt", params];
    const told = await session.post(call(2, name, given)).then(messagesOf);
    const events = await slow;
    expect(events[0]).toEqual({ id: expect.any(String), retry: "1000", data: "" });
    const messages = events.slice(1).map(({ data }) => JSON.parse(data));
    const all: Wire[] = [...messages, ...told, ...standalone];
    expect(all.filter(({ method }) => method === "notifications/message").length).toBe(1);
    expect([messages.at(-1).id, told.at(-1).id]).toEqual([1, 2]);
    expect(standalone.filter(({ id }) => id !== undefined)).toEqual([]);
    await session.delete();
  });

  it("T15 T16 T18 finds the result of a call whose connection broke, and nobody else does", async () => {
    const session = await openSession(endpoint);
    const abort = new AbortController();
    const broken = await session.post(call(1, "wait", { ms: 300 }), { signal: abort.signal });
    const { value: primer } = await eventsOf(broken).next();
    abort.abort();
    const other = session.post(call(2, "wait", { ms: 250 })).then(messagesOf);
    const foreign = { "last-event-id": primer!.id!, "x-test-caller": "bob" };
    expect((await session.get(foreign)).status).toBe(404);
    const resumed = await session.get({ "last-event-id": primer!.id! });
    expect((await messagesOf(resumed)).map(({ id }) => id)).toEqual([1]);
    expect((await other).map(({ id }) => id)).toEqual([2]);
    await session.delete();
  });

  it("T19 cancels by the id the server knows", async () => {
    const session = await openSession(endpoint);
    const running = session.post(call("mine", "wait", { ms: 5000 })).then(messagesOf);
    await session.tool("pid");
    const params = { requestId: "mine", reason: "bored" };
    await session.post({ jsonrpc: "2.0", method: "notifications/cancelled", params });
    expect((await running).at(-1)).toMatchObject({ id: "mine", error: {} });
    const received: Wire[] = await session.tool("received");
    const own = received.find((message) => message.params?.name === "wait").id;
    const cancelled = received.filter(({ method }) => method === "notifications/cancelled");
    expect(cancelled.map((message) => message.params)).toEqual([
      { requestId: own, reason: "bored" },
    ]);
    await session.delete();
  });

  it("T20 pings", async () => {
    const session = await openSession(endpoint);
    expect((await session.request("ping")).result).toEqual({});
    await session.delete();
  });

  it("T22 gets its own token back, in sessions that use the same one", async () => {
    const sessions = await Promise.all([openSession(endpoint), openSession(endpoint)]);
    const name = era === "legacy" ? "progress" : "rounds";
    for (const session of sessions) {
      const body = call(1, name, { steps: 2, count: 0 }, { progressToken: "same" });
      const messages = await messagesOf(await session.post(body));
      const progress = messages.slice(0, -1).map(({ params }) => params);
      expect(progress.map((each) => [each.progressToken, each.progress])).toEqual([
        ["same", 1],
        ["same", 2],
      ]);
      await session.delete();
    }
  });

  it("T23 has a log level of its own", async () => {
    const [ada, again] = await Promise.all([openSession(endpoint), openSession(endpoint)]);
    await ada.request("logging/setLevel", { level: "warning" });
    if (era === "legacy") {
      expect([await ada.tool("level"), await again.tool("level")]).toEqual(["warning", "none"]);
    } else {
      const log = (session: McpSession, level: string) =>
        session.tool("logAt", { level, data: "?" });
      expect(await log(ada, "error")).toBe("logged");
      expect(await log(ada, "info")).toBe("kept");
      expect(await log(again, "emergency")).toBe("kept");
    }
    await Promise.all([ada.delete(), again.delete()]);
  });

  it("T25 B20 is asked to open a URL on the stream of its call", async () => {
    const session = await openSession(endpoint, { capabilities: CAPABILITIES });
    const params = { mode: "url", message: "Log in", url: "https://a.example/" };
    const question = { method: "elicitation/create", params };
    const given = { ...question, inputRequests: { q: question } };
    if (era === "legacy") Object.assign(given.params, { elicitationId: "e1" });
    const messages = await answering(session, call(1, "ask", given), () => ({ action: "accept" }));
    expect(messages[0]).toMatchObject({
      method: "elicitation/create",
      params: { ...params, elicitationId: expect.any(String) },
    });
    expect(JSON.stringify(messages.at(-1).result)).toContain("accept");
    await session.delete();
  });

  it("B03 B05 has its ids returned as they are, and none of them twice", async () => {
    const session = await openSession(endpoint);
    for (const id of [0, "0", -5, 9_007_199_254_740_991, "ü"]) {
      const [message] = await messagesOf(await session.post(call(id, "say", { text: "x" })));
      expect(message.id).toBe(id);
    }
    const first = session.post(call(7, "wait", { ms: 150 })).then(messagesOf);
    await session.tool("pid");
    expect((await session.post(call(7, "pid"))).status).toBe(400);
    expect((await first).at(-1)).toMatchObject({ id: 7, result: {} });
    await session.delete();
  });

  it("B04 B06 gets what is its own, however many others use the same ids and tokens", async () => {
    const callers = ["ada", "bob", "eve", "joe"];
    const sessions = await Promise.all(callers.map((caller) => openSession(endpoint, { caller })));
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const [session, id] = [sessions[index % 4]!, Math.floor(index / 4)];
        const body = call(id, "say", { text: index }, { progressToken: id });
        const [message] = await messagesOf(await session.post(body));
        return [message.id, JSON.parse(message.result.content[0].text)];
      }),
    );
    expect(answers).toEqual(answers.map((_, index) => [Math.floor(index / 4), index]));
    const pids = await Promise.all(sessions.map((session) => session.tool("pid")));
    expect(new Set(pids).size).toBe(4);
    await Promise.all(sessions.map((session) => session.delete()));
  });

  it("B12 is told when its server crashes", async () => {
    const session = await openSession(endpoint);
    const [message] = await messagesOf(await session.post(call(1, "crash", { text: "bye" })));
    expect(message).toMatchObject({ id: 1, error: {} });
    expect((await session.post(call(2, "pid"))).status).toBe(404);
  });

  it("keeps unknown methods, members and metadata", async () => {
    const session = await openSession(endpoint);
    expect(session.hello["x-unknown"]).toEqual({ kept: true });
    const params = { deep: [{ ü: null }], _meta: { "vendor/key": { a: 1 } } };
    const { result } = await session.request("vendor/anything", params);
    expect(result["x-extra"]).toEqual([1, "ü", null]);
    expect(result.echo).toMatchObject(params);
    await session.delete();
  });
});

describe.each(["legacy-sdk", "modern-sdk"])("over the SDK's server: %s", (name) => {
  let endpoint: string;
  beforeAll(() => {
    endpoint = server.endpoint(name);
  });

  it("T24 is told of the resources it subscribed to, once each, and of no other", async () => {
    const session = await openSession(endpoint);
    expect(session.hello["capabilities"]).toMatchObject({ resources: { subscribe: true } });
    const standalone = collect(await session.get());
    const update = () => session.request("tools/call", { name: "test_trigger_resource_update" });
    const updates = () => standalone.filter(({ method }) => method?.endsWith("updated"));
    await update();
    expect((await session.request("resources/subscribe", { uri: WATCHED })).result).toEqual({});
    await update();
    await expect.poll(() => updates().length).toBe(1);
    expect(updates()[0]).toMatchObject({ params: { uri: WATCHED } });
    expect(JSON.stringify(standalone)).not.toContain("subscriptionId");
    const other = { uri: "test://static-text" };
    expect((await session.request("resources/subscribe", other)).result).toEqual({});
    await update();
    await expect.poll(() => updates().length).toBe(2);
    const gone = await session.request("resources/unsubscribe", { uri: WATCHED });
    expect(gone.result).toEqual({});
    await update();
    await session.request("ping");
    expect(updates().length).toBe(2);
    await session.delete();
  });

  it("T24 is told when lists change", async () => {
    const session = await openSession(endpoint);
    const standalone = collect(await session.get());
    // Whether the server listens to us yet is not ours to see.
    await expect
      .poll(async () => {
        await session.request("tools/call", { name: "test_trigger_tool_change" });
        return standalone.map(({ method }) => method);
      })
      .toContain("notifications/tools/list_changed");
    await session.delete();
  });

  it.each([
    ["test_elicitation_sep1034_defaults", "elicitation/create", ["John Doe", "95.5"]],
    ["test_elicitation_sep1330_enums", "elicitation/create", ["enumNames", "oneOf", "anyOf"]],
    ["test_input_required_result_list_roots", "roots/list", []],
    ["test_sampling", "sampling/createMessage", ["say hi"]],
  ])("T25 is asked by %s and answers", async (tool, method, parts) => {
    const session = await openSession(endpoint, { capabilities: CAPABILITIES });
    const answers: Record<string, object> = {
      "elicitation/create": { action: "accept", content: { name: "the answer" } },
      "roots/list": { roots: [{ uri: "file:///the-answer" }] },
      "sampling/createMessage": {
        role: "assistant",
        model: "m",
        content: { type: "text", text: "the answer" },
      },
    };
    const body = call("q", tool, { prompt: "say hi" });
    const messages = await answering(session, body, (question) => answers[question.method]!);
    expect(messages.map(({ id, method: asked }) => asked ?? id)).toEqual([method, "q"]);
    for (const part of parts) expect(JSON.stringify(messages[0].params)).toContain(part);
    expect(messages[1].result.content[0].text).toMatch(/the.answer/);
    await session.delete();
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
