/** A modern client over a server of older revisions: what is translated on the way there, and on the way back. */
import { describe, expect, it } from "vitest";
import { ALL, settled, startBench } from "../../../support/fake-legacy.ts";

const ENVELOPE = "io.modelcontextprotocol/";
const SERVER_INFO = { [`${ENVELOPE}serverInfo`]: { name: "fake", version: "1" } };
const TOOL = { name: "tool", arguments: { a: 1 } };

describe("the way there", () => {
  it("initialises a child once, without what this revision does not have", async () => {
    const bench = startBench();
    const capabilities = {
      ...ALL,
      roots: { listChanged: true },
      tasks: {},
      experimental: { x: 1 },
    };
    const meta = { [`${ENVELOPE}clientInfo`]: { name: "ada's", version: "2" } };
    await bench.send("tools/list", {}, { capabilities, meta });
    await bench.send("prompts/list", {}, { capabilities, meta });
    expect(bench.channels).toHaveLength(1);
    expect(bench.channel.received[0]).toMatchObject({
      method: "initialize",
      params: {
        protocolVersion: "2025-11-25",
        capabilities: { ...ALL, experimental: { x: 1 } },
        clientInfo: { name: "ada's", version: "2" },
      },
    });
    expect(bench.channel.received[0].params.capabilities).not.toHaveProperty("tasks");
    expect(bench.channel.received[0].params.capabilities.roots).toEqual({});
    expect(bench.channel.received[1]).toEqual({
      jsonrpc: "2.0",
      method: "notifications/initialized",
    });
  });

  it("strips the envelope, keeps progress token, trace and what it does not know (M28)", async () => {
    const bench = startBench();
    const trace = { traceparent: "00-1-2-01", tracestate: "a=b", baggage: "c=d", vendor: { x: 1 } };
    const meta = {
      [`${ENVELOPE}clientInfo`]: { name: "x", version: "1" },
      progressToken: "t",
      ...trace,
    };
    await bench.send("tools/call", { ...TOOL, extra: [1] }, { meta });
    const [sent] = bench.channel.of("tools/call");
    expect(sent.params).toEqual({
      ...TOOL,
      extra: [1],
      _meta: { ...trace, progressToken: sent.id },
    });
    await bench.send("vendor/anything", { requestState: "its own" });
    expect(bench.channel.of("vendor/anything")[0].params).toEqual({ requestState: "its own" });
  });

  it("sends no parameters where there are none", async () => {
    const bench = startBench();
    await bench.send("tools/list");
    expect(bench.channel.of("tools/list")[0]).not.toHaveProperty("params");
  });

  it("gives each set of capabilities a child of its own, however it is written", async () => {
    const bench = startBench();
    await bench.send("tools/list", {}, { capabilities: { sampling: {}, elicitation: {} } });
    await bench.send("tools/list", {}, { capabilities: { elicitation: {}, sampling: {} } });
    expect(bench.channels).toHaveLength(1);
    await bench.send("tools/list", {}, { capabilities: {} });
    expect(bench.channels).toHaveLength(2);
  });

  it("knows nothing of tasks, and asks no child about them (M09)", async () => {
    const bench = startBench();
    const { refusal } = await bench.send("tasks/get", { taskId: "x" });
    expect(refusal).toMatchObject({ status: 404, code: -32601, id: 1 });
    expect(bench.channels).toHaveLength(0);
  });
});

describe("the way back", () => {
  it("discovers from what the child said to initialize (M10)", async () => {
    const bench = startBench();
    const first = await bench.send("server/discover", {}, { id: "a" });
    const again = await bench.send("server/discover", {}, { id: "b", capabilities: {} });
    expect(first.answer).toEqual({
      jsonrpc: "2.0",
      id: "a",
      result: {
        resultType: "complete",
        supportedVersions: ["2026-07-28"],
        capabilities: {
          tools: { listChanged: true },
          prompts: {},
          resources: { subscribe: true, listChanged: true },
          logging: {},
        },
        instructions: "Be kind.",
        ttlMs: 0,
        cacheScope: "private",
        _meta: SERVER_INFO,
      },
    });
    expect(again.answer).toEqual({ ...first.answer, id: "b" });
    expect(bench.channels).toHaveLength(1);
  });

  it.each([
    ["tools/list", true],
    ["prompts/list", true],
    ["resources/list", true],
    ["resources/templates/list", true],
    ["resources/read", true],
    ["tools/call", false],
    ["prompts/get", false],
    ["completion/complete", false],
    ["vendor/anything", false],
  ])("completes a result of %s (M11 M12)", async (method, isCached) => {
    const bench = startBench();
    const response = await bench.send(method, { name: "x", uri: "x:y" }, { id: "ü" });
    bench.channel.answer(method, { own: 1, contents: [{}], _meta: { vendor: "kept" } });
    expect(response.status).toBe(200);
    expect(response.answer).toEqual({
      jsonrpc: "2.0",
      id: "ü",
      result: {
        own: 1,
        contents: [{}],
        resultType: "complete",
        ...(isCached ? { ttlMs: 0, cacheScope: "private" } : {}),
        _meta: { vendor: "kept", ...SERVER_INFO },
      },
    });
  });

  it.each([
    [-32002, -32602, 200],
    [-32601, -32601, 404],
    [-32000, -32000, 200],
    [-32020, -32603, 200],
    [-32021, -32603, 200],
    [-32099, -32603, 200],
    [7, 7, 200],
  ])("turns the error %i into %i with status %i (M25 M26)", async (code, shown, status) => {
    const bench = startBench();
    const response = await bench.send("resources/read", { uri: "x:y" }, { id: 0 });
    const { id } = bench.channel.of("resources/read")[0];
    bench.channel.say({ id, error: { code, message: "no", data: { its: "own" } } });
    expect(response.status).toBe(status);
    expect(response.answer).toEqual({
      jsonrpc: "2.0",
      id: 0,
      error: { code: shown, message: "no", data: { its: "own" } },
    });
  });

  it("has an error for a resource without contents (M25)", async () => {
    const bench = startBench();
    const response = await bench.send("resources/read", { uri: "x:y" });
    bench.channel.answer("resources/read", { contents: [] });
    expect(response.answer.error).toMatchObject({ code: -32602 });
  });

  it("gives progress the client's own token, on its own stream, until the end (T22)", async () => {
    const bench = startBench();
    const capabilities = {};
    const streams = await Promise.all(
      ["t", 7].map((progressToken) =>
        bench.send("tools/call", TOOL, { capabilities, meta: { progressToken } }),
      ),
    );
    const [first, second] = bench.channel.of("tools/call");
    const progress = (progressToken: unknown) =>
      bench.channel.say({
        method: "notifications/progress",
        params: { progressToken, progress: 1 },
      });
    progress(second.id);
    progress(first.id);
    progress("t");
    bench.channel.say({ id: first.id, result: {} });
    progress(first.id);
    bench.channel.say({ id: second.id, result: {} });
    expect(
      streams.map(({ messages }) => messages.map(({ params }) => params?.progressToken)),
    ).toEqual([
      ["t", undefined],
      [7, undefined],
    ]);
  });
});

describe("the log", () => {
  const level = (logLevel: string) => ({ meta: { [`${ENVELOPE}logLevel`]: logLevel } });
  const log = (name: string) => ({
    method: "notifications/message",
    params: { level: name, data: name },
  });

  it("is for who asked, from the level that was asked for, and has a child to itself (M20)", async () => {
    const bench = startBench();
    const { capabilities } = { capabilities: {} };
    const quiet = await bench.send("tools/call", TOOL, { capabilities });
    const loud = bench.send("tools/call", TOOL, { capabilities, ...level("warning") });
    await settled();
    bench.clock.advance(0.1);
    const stream = await loud;
    await settled();
    const [shared, own] = bench.channels;
    expect(bench.channels).toHaveLength(2);
    expect(own!.received.map(({ method }) => method)).toEqual([
      "initialize",
      "notifications/initialized",
      "logging/setLevel",
      "tools/call",
    ]);
    expect(own!.of("logging/setLevel")[0].params).toEqual({ level: "warning" });
    for (const channel of [shared!, own!]) {
      for (const name of ["info", "warning", "alert"]) channel.say(log(name));
      channel.answer("tools/call", {});
    }
    expect(quiet.messages).toHaveLength(1);
    expect(stream.messages.map(({ params }) => params?.data)).toEqual([
      "warning",
      "alert",
      undefined,
    ]);
  });

  it("changes its level only when it has to", async () => {
    const bench = startBench();
    for (const name of ["info", "info", "debug"]) {
      await bench.send("tools/call", TOOL, level(name));
      bench.channel.answer("tools/call", {});
      await settled();
    }
    expect(bench.channels).toHaveLength(1);
    expect(bench.channel.of("logging/setLevel").map(({ params }) => params.level)).toEqual([
      "info",
      "debug",
    ]);
  });

  it("is not asked for where the server has none", async () => {
    const bench = startBench({ capabilities: { tools: {} } });
    await bench.send("tools/call", TOOL, level("info"));
    expect(bench.channel.of("tools/call")).toHaveLength(1);
    expect(bench.channel.of("logging/setLevel")).toHaveLength(0);
  });
});
