/** What a modern server asks in the course of a call, put to a legacy client (multi round-trip requests). */
import { describe, expect, it } from "vitest";
import { initializedBench, type LegacyBench } from "../../../support/legacy-bench.ts";

const ALL = {
  sampling: { tools: {} },
  elicitation: { form: {}, url: {} },
  roots: { listChanged: true },
};
const form = (message: string) => ({
  method: "elicitation/create",
  params: { mode: "form", message, requestedSchema: { type: "object", properties: {} } },
});
const url = {
  method: "elicitation/create",
  params: { mode: "url", message: "Log in", url: "https://a.example/" },
};
const sampling = { method: "sampling/createMessage", params: { messages: [], maxTokens: 1 } };
const roots = { method: "roots/list" };

const required = (inputRequests?: object, requestState?: string) => ({
  resultType: "input_required",
  ...(inputRequests && { inputRequests }),
  ...(requestState !== undefined && { requestState }),
});

/** A call that runs. */
async function calling(
  options: Parameters<typeof initializedBench>[0] = {},
  params: object = { name: "n", arguments: { a: 1 }, _meta: { progressToken: 5 } },
): Promise<LegacyBench> {
  const bench = await initializedBench({ capabilities: ALL, ...options });
  await bench.request(5, "tools/call", params);
  return bench;
}

const failed = (bench: LegacyBench) =>
  bench.last.result?.isError && bench.last.result.content[0].text;

describe("a server that wants input", () => {
  it("T25 B20 has each question put to the client, on the call it is about, and gets the answers with its state", async () => {
    const bench = await calling();
    const first = bench.server.last;
    bench.server.answer(required({ who: form("Who?"), what: sampling, where: roots }, "s1"));
    expect(bench.heard.map(({ about }) => about)).toEqual([5, 5, 5]);
    const asked = bench.heard.map(({ message }) => message);
    expect(asked.map(({ method, params }) => ({ method, params }))).toEqual([
      form("Who?"),
      sampling,
      { method: "roots/list", params: undefined },
    ]);
    const ids = asked.map(({ id }) => id);
    expect(new Set(ids).size).toBe(3);
    await bench.reply(ids[2], { roots: [] });
    await bench.reply(ids[0], { action: "accept", content: { a: 1 } });
    expect(bench.server.received.length).toBe(1);
    await bench.reply(ids[1], { role: "assistant", content: {}, model: "m" });
    const second = bench.server.last;
    expect(second.id).not.toBe(first.id);
    expect(second).toEqual({
      ...first,
      id: second.id,
      params: {
        ...first.params,
        requestState: "s1",
        inputResponses: {
          who: { action: "accept", content: { a: 1 } },
          what: { role: "assistant", content: {}, model: "m" },
          where: { roots: [] },
        },
      },
    });
    bench.server.answer({ resultType: "complete", content: [] });
    expect(bench.heard.at(-1)).toEqual({
      message: { jsonrpc: "2.0", id: 5, result: { content: [] } },
      about: undefined,
    });
  });

  it("asks again in the next round, and neither answers nor state of the last one come with it", async () => {
    const bench = await calling();
    bench.server.answer(required({ one: form("1") }, "s1"));
    await bench.reply(bench.last.id, { action: "decline" });
    bench.server.answer(required({ two: form("2") }));
    await bench.reply(bench.last.id, { action: "cancel" });
    const { requestState, inputResponses } = bench.server.last.params;
    expect([requestState, inputResponses]).toEqual([undefined, { two: { action: "cancel" } }]);
  });

  it("waits for all answers, and one given twice is one", async () => {
    const bench = await calling();
    bench.server.answer(required({ one: roots, two: roots }));
    const [one] = bench.heard.map(({ message }) => message.id);
    await bench.reply(one, { roots: [] });
    await bench.reply(one, { roots: [] });
    await bench.reply("nobody asked", { roots: [] });
    expect(bench.server.received.length).toBe(1);
  });

  it.each([
    ["prompts/get", { name: "p" }],
    ["resources/read", { uri: "a:b" }],
  ])("may do so in %s", async (method, params) => {
    const bench = await initializedBench({ capabilities: ALL });
    await bench.request("r", method, params);
    bench.server.answer(required({ k: form("?") }));
    expect(bench.heard.at(-1)!.about).toBe("r");
    await bench.reply(bench.last.id, { action: "accept" });
    expect(bench.server.last).toMatchObject({ method, params: { ...params, inputResponses: {} } });
  });

  it("is called again after a pause when it asks nothing, longer each time", async () => {
    const bench = await calling();
    for (const [state, seconds] of [
      ["s1", 0.25],
      ["s2", 0.5],
      ["s3", 1],
    ] as const) {
      const { length } = bench.server.received;
      bench.server.answer(required(undefined, state));
      bench.clock.advance(seconds - 0.01);
      expect(bench.server.received.length).toBe(length);
      bench.clock.advance(0.01);
      expect(bench.server.received.length).toBe(length + 1);
      expect(bench.server.last.params).toMatchObject({ name: "n", requestState: state });
      expect(bench.server.last.params).not.toHaveProperty("inputResponses");
    }
    bench.server.answer({ content: [] });
    expect(bench.last).toMatchObject({ id: 5, result: {} });
  });

  it("is given up after eight rounds", async () => {
    const bench = await calling();
    for (let round = 1; round <= 8; round += 1) {
      bench.server.answer(required({ k: form(String(round)) }));
      await bench.reply(bench.last.id, { action: "accept" });
    }
    expect(bench.server.received.length).toBe(9);
    bench.server.answer(required({ k: form("9") }));
    expect(failed(bench)).toContain("8 rounds");
    expect(bench.server.received.length).toBe(9);
  });

  it("is given up when nobody answers in time, and the question is taken back", async () => {
    const bench = await calling({ pendingInput: 60 });
    bench.server.answer(required({ k: form("?") }));
    const question = bench.last.id;
    bench.clock.advance(60);
    expect(bench.heard.slice(-2).map(({ message, about }) => [message.method, about])).toEqual([
      ["notifications/cancelled", 5],
      [undefined, undefined],
    ]);
    expect(bench.heard.at(-2)!.message.params.requestId).toBe(question);
    expect(failed(bench)).toContain("60 seconds");
    await bench.reply(question, { action: "accept" });
    expect(bench.server.received.length).toBe(1);
  });

  it("gets no answer made up: an error of the client ends the call and takes the other questions back", async () => {
    const bench = await calling();
    bench.server.answer(required({ one: sampling, two: roots }));
    const [one, two] = bench.heard.map(({ message }) => message.id);
    await bench.send({ id: one, error: { code: -1, message: "User rejected sampling" } });
    expect(bench.heard.at(-2)!.message).toMatchObject({
      method: "notifications/cancelled",
      params: { requestId: two },
    });
    expect(failed(bench)).toBe("sampling/createMessage: User rejected sampling");
    await bench.reply(two, { roots: [] });
    expect(bench.server.received.length).toBe(1);
  });

  it.each([
    ["neither asks nor has state", required()],
    ["has no questions", required({})],
    ["asks in a way nobody knows", required({ k: { method: "vendor/ask", params: {} } })],
    ["asks without saying what", required({ k: { method: "elicitation/create" } })],
    ["asks for a property of every object", required({ k: { method: "toString", params: {} } })],
    ["asks with nothing", required({ k: null })],
  ])("fails when it %s", async (_, result) => {
    const bench = await calling();
    bench.server.answer(result);
    expect(failed(bench)).toMatch(/^The server wants input/);
    bench.clock.advance(10_000);
    expect([bench.heard.length, bench.server.received.length]).toEqual([1, 1]);
  });

  it("fails a prompt with an error, for it has no result to say so in", async () => {
    const bench = await initializedBench();
    await bench.request(1, "prompts/get", { name: "p" });
    bench.server.answer(required({ k: form("?") }));
    expect(bench.last).toMatchObject({ id: 1, error: { code: -32603 } });
  });
});

describe("a client", () => {
  it.each([
    [{}, form("?"), "elicitation"],
    [{}, sampling, "sampling"],
    [{}, roots, "roots"],
    [{ elicitation: {} }, url, "elicitation.url"],
    [{ elicitation: { form: {} } }, url, "elicitation.url"],
    [{ elicitation: { url: {} } }, form("?"), "elicitation.form"],
    [
      { sampling: {} },
      { ...sampling, params: { ...sampling.params, tools: [] } },
      "sampling.tools",
    ],
  ])("T21 with %j is never asked %j", async (capabilities, question, missing) => {
    const bench = await calling({ capabilities });
    bench.server.answer(required({ fine: question, k: question }));
    expect(bench.heard.length).toBe(1);
    expect(failed(bench)).toContain(`did not declare ${missing}`);
  });

  it.each([
    [{ elicitation: {} }, form("?")],
    [{ elicitation: { form: {}, url: {} } }, form("?")],
    [{ elicitation: { url: {} } }, url],
    [{ sampling: {} }, sampling],
    [{ roots: {} }, roots],
  ])("T21 with %j may be asked %j", async (capabilities, question) => {
    const bench = await calling({ capabilities });
    bench.server.answer(required({ k: question }));
    expect(bench.last.method).toBe(question.method);
  });

  it("gets an id with a URL, another one each time", async () => {
    const bench = await calling();
    bench.server.answer(required({ one: url, two: url }));
    const params = bench.heard.map(({ message }) => message.params);
    const expected = { ...url.params, elicitationId: expect.stringMatching(/^\S{16,}$/) };
    expect(params).toEqual([expected, expected]);
    expect(params[0].elicitationId).not.toBe(params[1].elicitationId);
  });

  it("of an older revision hears nothing of modes", async () => {
    const bench = await calling({ version: "2025-06-18", capabilities: { elicitation: {} } });
    bench.server.answer(required({ k: form("?") }));
    const { mode: _, ...params } = form("?").params;
    expect(bench.last.params).toEqual(params);
  });
});

describe("a call that is cancelled (T19)", () => {
  const cancel = { method: "notifications/cancelled", params: { requestId: 5, reason: "bored" } };

  it("cancels the round that runs, whichever it is", async () => {
    const bench = await calling();
    bench.server.answer(required({ k: form("?") }));
    await bench.reply(bench.last.id, { action: "accept" });
    const { id } = bench.server.last;
    await bench.send(cancel);
    expect(bench.server.last).toMatchObject({ ...cancel, params: { requestId: id } });
  });

  it("takes its questions back, and is not called again", async () => {
    const bench = await calling();
    bench.server.answer(required({ k: form("?") }));
    const question = bench.last.id;
    await bench.send(cancel);
    expect(bench.last).toMatchObject({ ...cancel, params: { requestId: question } });
    await bench.reply(question, { action: "accept" });
    bench.clock.advance(10_000);
    expect(bench.server.received.length).toBe(1);
  });

  it("is not called again after a pause", async () => {
    const bench = await calling();
    bench.server.answer(required(undefined, "s"));
    await bench.send(cancel);
    bench.clock.advance(10_000);
    expect(bench.server.received.length).toBe(1);
  });

  it("takes its questions back when the server ends", async () => {
    const bench = await calling();
    bench.server.answer(required({ k: form("?") }));
    bench.server.end("crashed");
    expect(bench.last.method).toBe("notifications/cancelled");
    bench.clock.advance(10_000);
    expect(bench.heard.length).toBe(2);
  });
});

describe("progress (T22)", () => {
  it("has the same token in every round and never goes back", async () => {
    const bench = await calling();
    const tell = (progress: number): void =>
      bench.server.say({
        method: "notifications/progress",
        params: { progressToken: 5, progress },
      });
    tell(1);
    tell(3);
    bench.server.answer(required({ k: form("?") }));
    await bench.reply(bench.last.id, { action: "accept" });
    expect(bench.server.last.params._meta.progressToken).toBe(5);
    for (const progress of [1, 2, 3, 4, 5]) tell(progress);
    const shown = bench.heard.flatMap(({ message }) => message.params?.progress ?? []);
    expect(shown).toEqual([1, 3, 4, 5]);
  });
});
