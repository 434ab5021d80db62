/** What a server of older revisions asks in the middle of a call, as round trips of a modern client. */
import { describe, expect, it } from "vitest";
import {
  ALL,
  settled,
  startBench,
  type Bench,
  type FakeChannel,
  type FakeResponse,
  type SendOptions,
} from "../../../support/fake-legacy.ts";
import type { Wire } from "../../../support/mcp-session.ts";

const TOOL = { name: "tool", arguments: { a: 1, b: 2 } };
const FORM = { message: "Your name?", requestedSchema: { type: "object", properties: {} } };
const ADA = { action: "accept", content: { name: "Ada" } };

const askForm = (channel: FakeChannel, id: unknown = "q") =>
  channel.say({ id, method: "elicitation/create", params: FORM });

/** What the child was told about its question. */
const reply = (channel: FakeChannel, id: unknown = "q"): Wire =>
  channel.received.find((message) => message.id === id && !message.method);

/** Let a call be parked with one question. @returns its `requestState` */
async function park(bench: Bench, options: SendOptions = {}): Promise<string> {
  const response = await bench.send("tools/call", TOOL, options);
  askForm(bench.channel);
  bench.clock.advance(0.03);
  expect(response.answer.result.resultType).toBe("input_required");
  return response.answer.result.requestState;
}

const retry = (
  bench: Bench,
  requestState: unknown,
  inputResponses: unknown = { "elicitation-1": ADA },
  options: SendOptions = {},
  params: object = TOOL,
): Promise<FakeResponse> =>
  bench.send("tools/call", { ...params, requestState, inputResponses }, { id: 2, ...options });

describe("a question", () => {
  it.each([
    ["elicitation/create", FORM, "elicitation-1"],
    [
      "elicitation/create",
      { mode: "url", message: "m", url: "https://x.example" },
      "elicitation-1",
    ],
    ["sampling/createMessage", { messages: [], maxTokens: 5 }, "sampling-1"],
    ["roots/list", undefined, "roots-1"],
  ])(
    "of %s is part of a result, and its answer of the next request (M13 M14)",
    async (method, params, key) => {
      const bench = startBench();
      const response = await bench.send("tools/call", TOOL, { id: "a" });
      const given = method.startsWith("elicitation") ? { ...params, elicitationId: "e" } : params;
      bench.channel.say({
        id: 7,
        method,
        ...(given && { params: { ...given, _meta: { progressToken: 1 } } }),
      });
      expect(response.headersSent).toBe(false);
      bench.clock.advance(0.03);
      expect(response.messages).toEqual([
        {
          jsonrpc: "2.0",
          id: "a",
          result: {
            resultType: "input_required",
            inputRequests: { [key]: params ? { method, params } : { method } },
            requestState: expect.any(String),
            _meta: expect.anything(),
          },
        },
      ]);
      const { requestState } = response.answer.result;
      const second = await retry(bench, requestState, { [key]: ADA }, { id: "b" });
      expect(reply(bench.channel, 7)).toEqual({ jsonrpc: "2.0", id: 7, result: ADA });
      expect(bench.channel.of("tools/call")).toHaveLength(1);
      bench.channel.answer("tools/call", { content: [] });
      expect(second.answer).toMatchObject({
        id: "b",
        result: { content: [], resultType: "complete" },
      });
    },
  );

  it.each(["prompts/get", "resources/read"])("may come up in %s (M14)", async (method) => {
    const bench = startBench();
    const params = { name: "x", uri: "x:y" };
    const response = await bench.send(method, params);
    askForm(bench.channel);
    bench.clock.advance(0.03);
    const { requestState } = response.answer.result;
    expect(response.answer.result).not.toHaveProperty("ttlMs");
    const second = await bench.send(method, {
      ...params,
      requestState,
      inputResponses: { "elicitation-1": ADA },
    });
    bench.channel.answer(method, { contents: [1], messages: [] });
    expect(second.answer.result.resultType).toBe("complete");
  });

  it("waits a moment for others, and goes with them (M14)", async () => {
    const bench = startBench();
    const response = await bench.send("tools/call", TOOL);
    askForm(bench.channel, 1);
    bench.clock.advance(0.02);
    bench.channel.say({ id: 2, method: "roots/list" });
    bench.clock.advance(0.01);
    expect(Object.keys(response.answer.result.inputRequests)).toEqual(["elicitation-1", "roots-2"]);
  });

  it("may follow another one, under a key of its own (M14)", async () => {
    const bench = startBench();
    let state = await park(bench);
    const second = await retry(bench, state);
    askForm(bench.channel, "again");
    bench.clock.advance(0.03);
    expect(Object.keys(second.answer.result.inputRequests)).toEqual(["elicitation-2"]);
    expect(second.answer.result.requestState).not.toBe(state);
    state = second.answer.result.requestState;
    const third = await retry(bench, state, { "elicitation-2": { action: "decline" } }, { id: 3 });
    expect(reply(bench.channel, "again").result).toEqual({ action: "decline" });
    bench.channel.answer("tools/call", { done: true });
    expect(third.answer).toMatchObject({ id: 3, result: { done: true } });
  });

  it("is asked again where the answer is missing or none, others are ignored (M17)", async () => {
    const bench = startBench();
    let state = await park(bench);
    for (const answers of [{}, { unknown: ADA }, { "elicitation-1": "yes" }, undefined]) {
      const again = await bench.send("tools/call", {
        ...TOOL,
        requestState: state,
        inputResponses: answers,
      });
      bench.clock.advance(0.03);
      expect(again.answer.result.inputRequests).toEqual({
        "elicitation-1": { method: "elicitation/create", params: FORM },
      });
      state = again.answer.result.requestState;
    }
    expect(reply(bench.channel)).toBeUndefined();
    await retry(bench, state, { "elicitation-1": ADA, unknown: ADA });
    expect(reply(bench.channel).result).toEqual(ADA);
  });

  it("is not asked when the call ends meanwhile; the answer waits for the client", async () => {
    const bench = startBench();
    const state = await park(bench);
    bench.channel.answer("tools/call", { early: true });
    expect(reply(bench.channel).error).toBeDefined();
    const late = await retry(bench, state, {});
    expect(late.answer.result).toMatchObject({ early: true, resultType: "complete" });
  });

  it("that the server takes back is not asked", async () => {
    const bench = startBench();
    const response = await bench.send("tools/call", TOOL);
    askForm(bench.channel);
    bench.channel.say({ method: "notifications/cancelled", params: { requestId: "q" } });
    bench.clock.advance(0.03);
    expect(response.headersSent).toBe(false);
    bench.channel.answer("tools/call", {});
    expect(response.answer.result.resultType).toBe("complete");
  });
});

describe("a client that declared less (M15)", () => {
  const elicit = { id: "q", method: "elicitation/create", params: FORM };
  it.each([
    ["nothing", {}, elicit, -32601],
    ["no sampling", { roots: {} }, { ...elicit, method: "sampling/createMessage" }, -32601],
    ["no such method", ALL, { id: "q", method: "vendor/ask" }, -32601],
    ["addresses only", { elicitation: { url: {} } }, elicit, -32602],
    ["forms only", { elicitation: {} }, { ...elicit, params: { mode: "url" } }, -32602],
    [
      "sampling without tools",
      { sampling: {} },
      { ...elicit, method: "sampling/createMessage", params: { tools: [] } },
      -32602,
    ],
  ])("is never asked: %s", async (_, capabilities, question, code) => {
    const bench = startBench();
    const response = await bench.send("tools/call", TOOL, { capabilities });
    expect(bench.channel.of("initialize")[0].params.capabilities).toEqual(capabilities);
    bench.channel.say(question);
    bench.clock.advance(1);
    expect(response.headersSent).toBe(false);
    expect(reply(bench.channel).error.code).toBe(code);
  });

  it("is not asked on its return either", async () => {
    const bench = startBench();
    const state = await park(bench);
    const second = await retry(bench, state, {}, { capabilities: {} });
    bench.clock.advance(0.03);
    expect(reply(bench.channel).error.code).toBe(-32601);
    bench.channel.answer("tools/call", {});
    expect(second.answer.result.resultType).toBe("complete");
  });

  it("is no one to ask while nothing runs, except whether we are there", async () => {
    const bench = startBench();
    await bench.send("server/discover");
    askForm(bench.channel);
    bench.channel.say({ id: "p", method: "ping" });
    expect(reply(bench.channel).error.code).toBe(-32601);
    expect(reply(bench.channel, "p").result).toEqual({});
  });
});

describe("roots that a server wants before anybody has called it", () => {
  it("are asked for by the first call, which the server gets after that", async () => {
    const bench = startBench();
    await bench.send("server/discover");
    bench.channel.say({ id: "r", method: "roots/list" });
    await bench.send("tools/list");
    expect(reply(bench.channel, "r")).toBeUndefined();
    const first = await bench.send("tools/call", TOOL);
    bench.clock.advance(0.03);
    expect(first.answer.result.inputRequests).toEqual({ "roots-1": { method: "roots/list" } });
    expect(bench.channel.of("tools/call")).toHaveLength(0);
    const { requestState } = first.answer.result;
    const second = await retry(bench, requestState, { "roots-1": { roots: [] } });
    expect(reply(bench.channel, "r").result).toEqual({ roots: [] });
    bench.channel.answer("tools/call", { done: true });
    expect(second.answer.result).toMatchObject({ done: true, resultType: "complete" });
  });

  it("wait for the next call when one is quicker, and may be taken back", async () => {
    const bench = startBench();
    const quick = await bench.send("tools/call", TOOL);
    bench.channel.say({ id: "r", method: "roots/list" });
    bench.channel.say({ id: "s", method: "roots/list" });
    bench.channel.answer("tools/call", {});
    expect(quick.answer.result.resultType).toBe("complete");
    bench.channel.say({ method: "notifications/cancelled", params: { requestId: "s" } });
    const next = await bench.send("tools/call", TOOL);
    bench.clock.advance(0.03);
    expect(Object.keys(next.answer.result.inputRequests)).toEqual(["roots-1"]);
  });

  it("of a child that ends meanwhile end the call", async () => {
    const bench = startBench();
    await bench.send("server/discover");
    bench.channel.say({ id: "r", method: "roots/list" });
    const first = await bench.send("tools/call", TOOL);
    bench.clock.advance(0.03);
    bench.channel.end("it crashed");
    const { requestState } = first.answer.result;
    const second = await retry(bench, requestState, { "roots-1": { roots: [] } });
    expect([second.status, second.answer.error.message]).toEqual([502, "it crashed"]);
  });
});

describe("a requestState (M16)", () => {
  const cases: [
    string,
    (state: string) => Parameters<typeof retry> extends [Bench, ...infer R] ? R : never,
  ][] = [
    ["tampered with", (state) => [state.slice(0, -1) + (state.endsWith("A") ? "B" : "A")]],
    ["of another name", (state) => [`x${state.slice(1)}`]],
    ["with something behind it", (state) => [`${state}.x`]],
    ["that is none", () => [{ an: "object" }]],
    ["that is empty", () => [""]],
    ["of another principal", (state) => [state, undefined, { caller: "eve" }]],
    ["of another tool", (state) => [state, undefined, {}, { ...TOOL, name: "other" }]],
    [
      "of other arguments",
      (state) => [state, undefined, {}, { ...TOOL, arguments: { a: 1, b: 3 } }],
    ],
  ];
  it.each(cases)("%s finds nothing, runs nothing and harms nothing", async (_, change) => {
    const bench = startBench({ isShared: true });
    const state = await park(bench);
    const before = bench.channel.received.length;
    const refused = await retry(bench, ...change(state));
    expect(refused.answer).toMatchObject({ id: 2, error: { code: -32602 } });
    expect(bench.channel.received).toHaveLength(before);
    expect(bench.channels).toHaveLength(1);
    await retry(bench, state, undefined, {}, { arguments: { b: 2, a: 1 }, name: "tool" });
    expect(reply(bench.channel).result).toEqual(ADA);
  });

  it("is good for one time", async () => {
    const bench = startBench();
    const state = await park(bench);
    await retry(bench, state);
    const again = await retry(bench, state);
    expect(again.answer.error.code).toBe(-32602);
    expect(bench.channel.of("tools/call")).toHaveLength(1);
  });

  it("expires with the call, whose child is cancelled and freed (M18)", async () => {
    const bench = startBench({ limits: { pendingInput: "60s" } });
    const state = await park(bench);
    bench.clock.advance(61);
    await settled();
    const number = bench.channel.of("tools/call")[0].id;
    expect(bench.channel.of("notifications/cancelled")[0].params.requestId).toBe(number);
    expect(bench.channel.isClosed).toBe(true);
    const late = await retry(bench, state);
    expect(late.answer.error.code).toBe(-32602);
    expect(bench.channels).toHaveLength(1);
  });

  it("does not come with another method", async () => {
    const bench = startBench();
    const state = await park(bench);
    const response = await bench.send("prompts/get", { name: "tool", requestState: state });
    expect(response.answer.error.code).toBe(-32602);
  });

  it("comes with answers in an object", async () => {
    const bench = startBench();
    const state = await park(bench);
    const { refusal } = await retry(bench, state, [ADA]);
    expect(refusal).toMatchObject({ status: 400, code: -32602 });
    await retry(bench, state);
    expect(reply(bench.channel).result).toEqual(ADA);
  });
});

describe("an address to open first (-32042, which this revision does not know)", () => {
  const required = {
    code: -32042,
    message: "Log in first",
    data: {
      elicitations: [{ mode: "url", elicitationId: "e", url: "https://x.example", message: "m" }],
    },
  };
  const refuse = (bench: Bench) => {
    const { id } = bench.channel.of("tools/call").at(-1);
    bench.channel.say({ id, error: structuredClone(required) });
  };

  it("is asked like everything else; then the server is called again", async () => {
    const bench = startBench();
    const first = await bench.send("tools/call", TOOL);
    refuse(bench);
    const { inputRequests, requestState } = first.answer.result;
    expect(inputRequests["elicitation-1"].params).toEqual({
      mode: "url",
      url: "https://x.example",
      message: "m",
    });
    const second = await retry(bench, requestState, { "elicitation-1": { action: "accept" } });
    expect(bench.channel.of("tools/call")).toHaveLength(2);
    bench.channel.answer("tools/call", { in: true });
    expect(second.answer.result).toMatchObject({ in: true, resultType: "complete" });
    await settled();
    expect(bench.translation.idleSince).toBeDefined();
  });

  it("is an error when its human does not want to, or the client cannot (M26)", async () => {
    const bench = startBench();
    const first = await bench.send("tools/call", TOOL);
    refuse(bench);
    const no = { "elicitation-1": { action: "decline" } };
    const second = await retry(bench, first.answer.result.requestState, no);
    expect(second.answer.error).toMatchObject({ code: -32603, message: "Log in first" });
    const other = await bench.send("tools/call", TOOL, { capabilities: {} });
    refuse(bench);
    expect([other.status, other.answer.error.code]).toEqual([400, -32021]);
    expect(other.answer.error.data).toEqual({ requiredCapabilities: { elicitation: { url: {} } } });
  });
});
