/** Transport rows about streams: what travels on which, how they begin and end, and how a broken one is resumed. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../../support/bridge-server.ts";
import { fixture } from "../../support/gateway.ts";
import {
  allEvents,
  eventsOf,
  messagesOf,
  openSession,
  type McpSession,
  type RawEvent,
  type Wire,
} from "../../support/mcp-session.ts";

let server: BridgeServer;
let endpoint: string;
beforeAll(async () => {
  server = await startBridge({
    services: { bench: { command: process.execPath, args: [fixture("workbench.js")] } },
  });
  endpoint = server.endpoint("bench");
});
afterAll(() => server.close());

const call = (id: unknown, name: string, given: object = {}, meta?: object) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: given, ...(meta && { _meta: meta }) },
});

const textOf = (message: Wire) => JSON.parse(message.result.content[0].text);

/** Read a stream in the background. */
function collect(response: Response): Wire[] {
  const messages: Wire[] = [];
  void (async () => {
    for await (const { data } of eventsOf(response)) if (data) messages.push(JSON.parse(data));
  })().catch(() => undefined);
  return messages;
}

describe("the answer to a POST", () => {
  it("is plain JSON when it comes soon and alone", async () => {
    const session = await openSession(endpoint);
    const response = await session.post(call(1, "count"));
    expect(response.headers.get("content-type")).toBe("application/json");
    await session.delete();
  });

  it("T14 T17 becomes a primed stream that ends with the response", async () => {
    const session = await openSession(endpoint);
    const response = await session.post(call(1, "wait", { ms: 150 }));
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    });
    const events = await allEvents(response);
    expect(events[0]).toEqual({ id: expect.any(String), retry: "1000", data: "" });
    expect(JSON.parse(events[1]!.data)).toMatchObject({ id: 1, result: {} });
    expect(events.length).toBe(2);
    await session.delete();
  });

  it.each(["2025-03-26", "2025-06-18"])("T17 has no priming event in %s", async (version) => {
    const session = await openSession(endpoint, { version });
    const events = await allEvents(await session.post(call(1, "wait", { ms: 150 })));
    expect(events.map(({ data }) => data === "")).toEqual([false]);
    await session.delete();
  });

  it("T22 carries progress with the client's own token, and nothing after the end", async () => {
    const session = await openSession(endpoint);
    const standalone = collect(await session.get());
    const tokens = ["mine", 7, "7"];
    const streams = await Promise.all(
      tokens.map(async (progressToken, id) =>
        messagesOf(await session.post(call(id, "progress", { steps: 3 }, { progressToken }))),
      ),
    );
    for (const [index, messages] of streams.entries()) {
      const progress = messages.slice(0, -1).map(({ params }) => params);
      expect(progress.map((each) => each.progressToken)).toEqual(Array(3).fill(tokens[index]));
      expect(progress.map((each) => each.progress)).toEqual([1, 2, 3]);
      expect(messages.at(-1).id).toBe(index);
    }
    // The fixture tells one step more, 20 ms after its answer.
    await session.tool("wait", { ms: 60 });
    expect(standalone).toEqual([]);
    await session.delete();
  });
});

describe("what the server says by itself", () => {
  it("T12 T13 appears on exactly one stream, and no response on the GET stream", async () => {
    const session = await openSession(endpoint);
    const standalone = collect(await session.get());
    const told = { method: "notifications/message", params: { level: "info", data: "once" } };
    const changed = { method: "notifications/tools/list_changed" };
    const streams = await Promise.all([
      session.post(call(1, "wait", { ms: 200 })).then(messagesOf),
      session.post(call(2, "notify", told)).then(messagesOf),
      session.post(call(3, "notify", changed)).then(messagesOf),
    ]);
    const all = [...streams.flat(), ...standalone];
    expect(all.filter(({ method }) => method === "notifications/message").length).toBe(1);
    expect(standalone.map(({ method }) => method)).toEqual([changed.method]);
    expect(streams.map((messages) => messages.at(-1).id)).toEqual([1, 2, 3]);
    await session.delete();
  });

  it("waits for the GET stream when nothing else is there, and is not told twice", async () => {
    const session = await openSession(endpoint);
    const tell = (data: string) =>
      session.tool("notifyLater", { method: "notifications/message", params: { data } });
    await tell("early");
    const abort = new AbortController();
    const first = eventsOf(await session.get({}, abort.signal));
    expect(await nextMessage(first)).toMatchObject({ params: { data: "early" } });
    abort.abort();
    let second = await session.get();
    // The bridge hears of the abort in its own time.
    while (second.status === 409) second = await session.get();
    await tell("late");
    expect(await nextMessage(eventsOf(second))).toMatchObject({ params: { data: "late" } });
    await session.delete();
  });

  it("allows one GET stream at a time", async () => {
    const session = await openSession(endpoint);
    collect(await session.get());
    expect((await session.get()).status).toBe(409);
    await session.delete();
  });

  it("T20 answers the server's ping itself and passes the client's on", async () => {
    const session = await openSession(endpoint);
    expect(await session.tool("ask", { method: "ping" })).toMatchObject({ result: {} });
    expect(await session.request("ping")).toMatchObject({ result: {} });
    await session.delete();
  });

  it.each(["sampling/createMessage", "elicitation/create", "roots/list"])(
    "T25 B20 asks the client for %s on the stream of its call",
    async (method) => {
      const capabilities = { sampling: {}, elicitation: { form: {} }, roots: {} };
      const session = await openSession(endpoint, { capabilities });
      const response = await session.post(call(1, "ask", { method, params: { "x-kept": [1] } }));
      const answer = await answerFirst(session, response, { chosen: "ü" });
      expect(answer.question).toMatchObject({ method, params: { "x-kept": [1] } });
      expect(textOf(answer.last)).toEqual({
        jsonrpc: "2.0",
        id: "server-0",
        result: { chosen: "ü" },
      });
      await session.delete();
    },
  );

  it("T21 tells the server no for what the client never declared", async () => {
    const session = await openSession(endpoint);
    const answer = await session.tool("ask", { method: "sampling/createMessage", params: {} });
    expect(answer).toMatchObject({ id: "server-0", error: { code: -32601 } });
    await session.delete();
  });
});

describe("a stream that broke", () => {
  it("T15 T16 is resumed from the event named, and only it", async () => {
    const session = await openSession(endpoint);
    const abort = new AbortController();
    const broken = await session.post(call(1, "wait", { ms: 300 }), { signal: abort.signal });
    const other = session.post(call(2, "wait", { ms: 250 })).then(messagesOf);
    const { value: primer } = await eventsOf(broken).next();
    abort.abort();
    const resumed = await session.get({ "last-event-id": primer!.id! });
    expect((await messagesOf(resumed)).map(({ id }) => id)).toEqual([1]);
    expect((await other).map(({ id }) => id)).toEqual([2]);
    // The whole of it is still there, and again nothing else is.
    const again = await session.get({ "last-event-id": primer!.id! });
    expect((await messagesOf(again)).map(({ id }) => id)).toEqual([1]);
    await session.delete();
  });

  it.each(["nonsense", "99-1", "1-1-1", "-1"])("does not know the event %s", async (id) => {
    const session = await openSession(endpoint);
    expect((await session.get({ "last-event-id": id })).status).toBe(400);
    await session.delete();
  });

  it("resumes the GET stream where it broke", async () => {
    const session = await openSession(endpoint);
    const abort = new AbortController();
    const events = eventsOf(await session.get({}, abort.signal));
    const { value: primer } = await events.next();
    expect(primer).toMatchObject({ data: "" });
    abort.abort();
    await session.tool("notify", { method: "notifications/tools/list_changed" });
    const all = eventsOf(await session.get({ "last-event-id": primer!.id! }));
    await session.tool("notify", { method: "notifications/prompts/list_changed" });
    const methods = [];
    for await (const { data } of all) {
      if (data) methods.push(JSON.parse(data).method);
      if (methods.at(-1) === "notifications/prompts/list_changed") break;
    }
    expect(methods.at(-1)).toBe("notifications/prompts/list_changed");
    await session.delete();
  });
});

async function nextMessage(events: AsyncGenerator<RawEvent>): Promise<Wire> {
  for await (const { data } of events) if (data) return JSON.parse(data);
  return undefined;
}

/** Answer the first question on a stream, then read it to the end. */
async function answerFirst(session: McpSession, response: Response, result: object) {
  let question: Wire;
  let last: Wire;
  for await (const { data } of eventsOf(response)) {
    if (!data) continue;
    last = JSON.parse(data);
    if (!question) {
      question = last;
      expect((await session.post({ jsonrpc: "2.0", id: question.id, result })).status).toBe(202);
    }
  }
  return { question, last };
}
