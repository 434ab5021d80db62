/** Clients of 2026-07-28 over a server of the same revision: everything is the server's own, and passes as it is. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../support/bridge-server.ts";
import { fixture } from "../support/gateway.ts";
import { eventsOf, messagesOf, type Wire } from "../support/mcp-session.ts";
import { modernRequest, postModern } from "../support/modern-request.ts";

const ENVELOPE = "io.modelcontextprotocol/";
const QUESTIONS = {
  name: { method: "elicitation/create", params: { message: "?", requestedSchema: {} } },
  model: { method: "sampling/createMessage", params: { messages: [], maxTokens: 1 } },
  "its own/key ü": { method: "roots/list" },
};
const ANSWERS = {
  name: { action: "accept", content: { name: "Ada" } },
  model: { model: "m", role: "assistant", content: { type: "text", text: "x" } },
  "its own/key ü": { roots: [] },
};

let server: BridgeServer;
beforeAll(async () => {
  const fixtureArgs = [fixture("modern-workbench.js"), "full"];
  server = await startBridge({
    services: { new: { command: process.execPath, args: fixtureArgs, era: "modern" } },
  });
});
afterAll(() => server.close());

interface Options {
  meta?: object;
  id?: unknown;
  caller?: string;
  headers?: Record<string, string>;
}

const send = (method: string, params: object, { id = 1, meta = {}, ...rest }: Options = {}) =>
  postModern(server.endpoint("new"), modernRequest(method, params, id, meta), rest);

async function whole(method: string, params: object = {}, options: Options = {}) {
  const response = await send(method, params, options);
  const messages = await messagesOf(response);
  return { status: response.status, messages, answer: messages.at(-1) };
}

const call = (name: string, given: object = {}, more: object = {}, options: Options = {}) =>
  whole("tools/call", { name, arguments: given, ...more }, options);

const textOf = (answer: Wire): Wire => JSON.parse(answer.result.content[0].text);

describe("the endpoint", () => {
  it("M01 has POST for these clients, and neither GET nor DELETE without a session", async () => {
    for (const method of ["GET", "DELETE", "PUT", "PATCH"]) {
      const response = await fetch(server.endpoint("new"), {
        method,
        headers: { accept: "text/event-stream", "mcp-protocol-version": "2026-07-28" },
      });
      expect([400, 405]).toContain(response.status);
    }
  });

  it("M08 M23 minds no header it does not know, and makes no session", async () => {
    const headers = { "mcp-param-vendor": "x", "x-vendor": "y", "mcp-session-id": "z" };
    const response = await send("tools/call", { name: "pid", arguments: {} }, { headers });
    expect([response.status, response.headers.get("mcp-session-id")]).toEqual([200, null]);
  });

  it("M24 brings each piece of progress when it happens", async () => {
    const meta = { progressToken: "t" };
    const response = await send(
      "tools/call",
      { name: "rounds", arguments: { count: 1 } },
      { meta },
    );
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/event-stream",
      "x-accel-buffering": "no",
      "cache-control": "no-cache, no-transform",
    });
    const progress = [];
    for await (const { data } of eventsOf(response)) {
      const { params } = JSON.parse(data);
      if (params) progress.push([params.progressToken, params.progress]);
    }
    expect(progress).toEqual([
      ["t", 1],
      ["t", 2],
    ]);
  });
});

describe("what the server says", () => {
  it("M10 of itself passes as it is", async () => {
    const { answer } = await whole("server/discover");
    expect(answer.result).toEqual({
      resultType: "complete",
      supportedVersions: ["2026-07-28"],
      capabilities: expect.objectContaining({
        resources: { subscribe: true, listChanged: true },
        extensions: { "vendor/extension": {} },
      }),
      instructions: "Use it well.",
      ttlMs: 0,
      cacheScope: "private",
      "x-unknown": { kept: true },
      _meta: { [`${ENVELOPE}serverInfo`]: { name: "modern-workbench", version: "1.0.0" } },
    });
  });

  it("M11 M12 keeps its type, and its own hints for caches", async () => {
    const { answer: list } = await whole("tools/list");
    expect(list.result).toMatchObject({
      resultType: "complete",
      ttlMs: 1000,
      cacheScope: "public",
    });
    const { answer: said } = await call("say", { text: "x" });
    expect(said.result).toMatchObject({ resultType: "complete", _meta: { "vendor/key": "kept" } });
    expect(said.result).not.toHaveProperty("ttlMs");
  });

  it("M13 holds no request, even of a server that sends one", async () => {
    const request = { id: "mine", method: "roots/list" };
    const { messages } = await call("write", request, {}, { meta: { progressToken: 1 } });
    expect(messages.map(({ method, id }) => [method, id])).toEqual([[undefined, 1]]);
    const { answer } = await call("received");
    const reply = textOf(answer).find((message: Wire) => message.id === "mine");
    expect(reply.error.code).toBe(-32601);
  });

  it("M25 M26 of what is missing has its code and its status", async () => {
    const resource = await whole("resources/read", { uri: "x:y" });
    expect(resource.answer.error).toEqual({
      code: -32602,
      message: "No x:y",
      data: { uri: "x:y" },
    });
    const capability = await whole("vendor/capability");
    expect([capability.status, capability.answer.error.code]).toEqual([400, -32021]);
    expect(capability.answer.error.data).toEqual({ requiredCapabilities: { sampling: {} } });
  });

  it("M28 of things nobody else knows passes both ways", async () => {
    const meta = { "vendor/key": { deep: [1, null, "ü"] }, traceparent: "00-a-b-01" };
    const { answer } = await whole("vendor/anything", { own: [true] }, { meta, id: "ü" });
    const { echo, ...rest } = answer.result;
    expect(echo.own).toEqual([true]);
    expect(echo._meta).toMatchObject({ ...meta, [`${ENVELOPE}clientCapabilities`]: {} });
    expect(rest).toMatchObject({ ttlMs: 5, "x-extra": [1, "ü", null] });
    expect(answer.id).toBe("ü");
  });
});

describe("a question of the server", () => {
  const ask = { inputRequests: QUESTIONS, requestState: "opaque ü" };

  it("M14 M17 passes with its keys, and so do the answers", async () => {
    const { answer } = await call("ask", ask);
    expect(answer.result).toMatchObject({ resultType: "input_required", inputRequests: QUESTIONS });
    const { requestState } = answer.result;
    // What is missing or too much is for the server to say: whatever comes back reaches it as it is.
    for (const back of [
      { inputResponses: ANSWERS, requestState },
      { inputResponses: {}, requestState },
      { inputResponses: { ...ANSWERS, extra: {} } },
      { requestState },
    ]) {
      const retried = await call("ask", ask, back, { id: 2 });
      const state = "requestState" in back ? { requestState: ask.requestState } : {};
      expect(textOf(retried.answer)).toEqual({ ...back, ...state });
    }
  });

  it("M16 B07 can be gone on with by nobody else, and with no other request", async () => {
    const { answer } = await call("ask", ask);
    const state: string = answer.result.requestState;
    expect(state).toMatch(/^[\w-]{43}\.opaque ü$/);
    const { answer: before } = await call("received");
    const count = textOf(before).length;
    const back = { inputResponses: ANSWERS };
    const seal = state.slice(0, 43);
    const attempts = [
      call("ask", ask, { ...back, requestState: state }, { caller: "mallory" }),
      call("ask", { ...ask, more: 1 }, { ...back, requestState: state }),
      call("say", { text: "hello" }, { ...back, requestState: state }),
      call("ask", ask, { ...back, requestState: `${seal}.changed` }),
      call("ask", ask, { ...back, requestState: `${state.slice(1)}x` }),
      call("ask", ask, { ...back, requestState: ask.requestState }),
      call("ask", ask, { ...back, requestState: 7 }),
    ];
    for (const { answer: refused } of await Promise.all(attempts)) {
      expect(refused.error).toMatchObject({ code: -32602 });
    }
    const { answer: after } = await call("received");
    expect(textOf(after)).toHaveLength(count + 1); // only the question what it has received
    const { answer: own } = await call("ask", ask, { ...back, requestState: state });
    expect(textOf(own)).toEqual({ ...back, requestState: ask.requestState });
  });

  it("M15 is up to what the client declared, which the server sees", async () => {
    const capabilities = { elicitation: { form: {} }, extensions: { "vendor/x": {} } };
    const meta = { [`${ENVELOPE}clientCapabilities`]: capabilities, mark: "declared" };
    await call("say", { text: 1 }, {}, { meta });
    const { answer } = await call("received");
    const own = textOf(answer).find(({ params }: Wire) => params?._meta?.mark === "declared");
    expect(own.params._meta[`${ENVELOPE}clientCapabilities`]).toEqual(capabilities);
  });

  it("M18 that nobody answers holds nothing up, and no process", async () => {
    const options = { caller: "eve" };
    const before = server.bridge.health()["new"]!.children.length;
    await call("ask", ask, {}, options);
    for (let count = 0; count < 50; count += 1) {
      const { answer } = await call("say", { text: count }, {}, options);
      expect(textOf(answer)).toBe(count);
    }
    expect(server.bridge.health()["new"]!.children.length).toBe(before + 1);
  });

  it("M14 is answered by the SDK's client, through several rounds and in a prompt", async () => {
    const client = new Client(
      { name: "v2", version: "1" },
      { versionNegotiation: { mode: "auto" }, capabilities: { elicitation: { form: {} } } },
    );
    const asked: string[] = [];
    client.setRequestHandler("elicitation/create", ({ params }) => {
      asked.push(params.message);
      return { action: "accept", content: { count: asked.length } };
    });
    await client.connect(new StreamableHTTPClientTransport(new URL(server.endpoint("new"))));
    const { content } = await client.callTool({ name: "rounds", arguments: { count: 3 } });
    expect(JSON.parse((content as Wire)[0].text)).toHaveLength(3);
    const { description } = await client.getPrompt({ name: "greeting" });
    expect(description).toContain("accept");
    expect(asked).toEqual(["question 1", "question 2", "question 3", "for whom?"]);
    await client.close();
  });
});
