/** A legacy client on a modern server, message by message: everything but questions and subscriptions. */
import { describe, expect, it } from "vitest";
import { outageOf, outageResponse } from "../../../../src/mcp/outage.ts";
import {
  CLIENT_INFO,
  DISCOVERED,
  ENVELOPE,
  initializedBench,
  openBench,
} from "../../../support/legacy-bench.ts";

const hello = (more: object = {}) => ({
  protocolVersion: "2025-06-18",
  capabilities: { roots: { listChanged: true }, tasks: { list: {} } },
  clientInfo: CLIENT_INFO,
  ...more,
});

describe("initialize", () => {
  it("asks the server to introduce itself, and says it in the words of the session's revision", async () => {
    const bench = openBench();
    await bench.request(0, "initialize", hello());
    expect(bench.server.last).toEqual({
      jsonrpc: "2.0",
      id: expect.any(Number),
      method: "server/discover",
      params: {
        _meta: {
          [`${ENVELOPE}protocolVersion`]: "2026-07-28",
          [`${ENVELOPE}clientInfo`]: CLIENT_INFO,
          [`${ENVELOPE}clientCapabilities`]: { roots: { listChanged: true } },
        },
      },
    });
    bench.server.answer(DISCOVERED);
    expect(bench.last).toEqual({
      jsonrpc: "2.0",
      id: 0,
      result: {
        protocolVersion: "2025-06-18",
        capabilities: {
          tools: { listChanged: true },
          prompts: {},
          resources: { subscribe: true },
          logging: {},
          experimental: { "vendor/trial": {} },
        },
        serverInfo: { name: "scripted", version: "2", title: "Scripted" },
        instructions: "Use it well.",
        "x-unknown": { kept: true },
        _meta: { "vendor/key": 1 },
      },
    });
  });

  it("names a server that does not introduce itself after the service", async () => {
    const bench = openBench();
    await bench.request(0, "initialize", hello());
    bench.server.answer({ supportedVersions: ["2026-07-28"], capabilities: {} });
    const serverInfo = { name: "bench", version: "unknown" };
    expect(bench.last.result).toEqual({
      protocolVersion: "2025-06-18",
      capabilities: {},
      serverInfo,
    });
  });

  it.each([
    ["only later revisions", { supportedVersions: ["2027-01-01"], capabilities: {} }],
    ["nothing of the kind", {}],
  ])("fails with a server that speaks %s", async (_, result) => {
    const bench = openBench();
    await bench.request(0, "initialize", hello());
    bench.server.answer(result);
    expect(bench.last).toMatchObject({ id: 0, error: { code: -32603 } });
  });

  it("does not pass on codes of a revision that the client does not know", async () => {
    const bench = openBench();
    await bench.request(0, "initialize", hello());
    bench.server.refuse(-32022, "unsupported");
    expect(bench.last).toMatchObject({ id: 0, error: { code: -32603, message: "unsupported" } });
  });
});

describe("a request", () => {
  it("T21 carries exactly what the client declared, and keeps everything of its own", async () => {
    const capabilities = { sampling: { tools: {} }, "x-own": {} };
    const bench = await initializedBench({ capabilities });
    const _meta = {
      progressToken: 7,
      traceparent: "00-1-2-00",
      "vendor/key": { a: [null] },
      [`${ENVELOPE}clientCapabilities`]: { roots: {} },
      [`${ENVELOPE}related-task`]: { taskId: "t" },
    };
    await bench.request(7, "tools/call", { name: "n", arguments: { ü: 1 }, "x-kept": 1, _meta });
    expect(bench.server.last).toMatchObject({ method: "tools/call" });
    expect(bench.server.last.params).toEqual({
      name: "n",
      arguments: { ü: 1 },
      "x-kept": 1,
      _meta: {
        progressToken: 7,
        traceparent: "00-1-2-00",
        "vendor/key": { a: [null] },
        [`${ENVELOPE}protocolVersion`]: "2026-07-28",
        [`${ENVELOPE}clientInfo`]: CLIENT_INFO,
        [`${ENVELOPE}clientCapabilities`]: capabilities,
      },
    });
  });

  it("goes without params, and under an id of its own", async () => {
    const bench = await initializedBench();
    await bench.request("a", "tools/list");
    await bench.request("b", "tools/list");
    const [first, second] = bench.server.received;
    expect(Object.keys(first.params)).toEqual(["_meta"]);
    expect(first.id).not.toBe(second.id);
    bench.server.answer({ tools: ["second"] }, second.id);
    bench.server.answer({ tools: ["first"] }, first.id);
    expect(bench.heard.map(({ message }) => [message.id, message.result.tools])).toEqual([
      ["b", ["second"]],
      ["a", ["first"]],
    ]);
    bench.server.answer({ tools: ["once more"] }, first.id);
    expect(bench.heard.length).toBe(2);
  });

  it.each(["tools/list", "prompts/list", "resources/list", "resources/templates/list"])(
    "loses the envelope and the caching hints of the result: %s",
    async (method) => {
      const bench = await initializedBench();
      await bench.request(1, method);
      const _meta = { [`${ENVELOPE}serverInfo`]: {} };
      const hints = { ttlMs: 1, cacheScope: "public" };
      bench.server.answer({ resultType: "complete", ...hints, nextCursor: "c", _meta });
      expect(bench.last.result).toEqual({ nextCursor: "c" });
    },
  );

  it("keeps what only looks like a caching hint, and foreign metadata", async () => {
    const bench = await initializedBench();
    await bench.request(1, "vendor/anything");
    const _meta = { [`${ENVELOPE}serverInfo`]: {}, "vendor/key": 1 };
    bench.server.answer({ resultType: "complete", ttlMs: 1, _meta, content: [{ _meta }] });
    expect(bench.last.result).toEqual({
      ttlMs: 1,
      _meta: { "vendor/key": 1 },
      content: [{ _meta }],
    });
  });

  it("leaves out outputs that are no objects, which clients would drop everything for", async () => {
    const bench = await initializedBench();
    await bench.request(1, "tools/list");
    const tools = [
      { name: "a", outputSchema: { type: "object" } },
      { name: "b", outputSchema: { type: "array" } },
      { name: "c" },
    ];
    bench.server.answer({ tools });
    expect(bench.last.result.tools).toEqual([tools[0], { name: "b" }, { name: "c" }]);
    await bench.request(2, "tools/call", { name: "b" });
    bench.server.answer({ content: [], structuredContent: [1, 2] });
    expect(bench.last.result).toEqual({ content: [{ type: "text", text: "[1,2]" }] });
    await bench.request(3, "tools/call", { name: "a" });
    bench.server.answer({ content: [], structuredContent: { a: 1 } });
    expect(bench.last.result).toEqual({ content: [], structuredContent: { a: 1 } });
  });

  it("fails when the result is of a kind nobody announced", async () => {
    const bench = await initializedBench();
    await bench.request(1, "prompts/get", { name: "p" });
    bench.server.answer({ resultType: "task", task: {} });
    expect(bench.last).toMatchObject({ id: 1, error: { code: -32603 } });
  });

  it.each(["tasks/get", "tasks/list", "server/discover", "subscriptions/listen"])(
    "is unknown where this revision has no such method here: %s",
    async (method) => {
      const bench = await initializedBench();
      await bench.request(1, method, {});
      expect(bench.last).toMatchObject({ id: 1, error: { code: -32601 } });
      expect(bench.server.received).toEqual([]);
    },
  );
});

describe("what is answered here", () => {
  it("T20 is ping, as long as the server lives", async () => {
    const bench = await initializedBench();
    await bench.request("p", "ping");
    expect(bench.last).toEqual({ jsonrpc: "2.0", id: "p", result: {} });
    expect(bench.server.received).toEqual([]);
  });

  it("T23 is the log level, which every later request carries", async () => {
    const bench = await initializedBench();
    await bench.request(1, "logging/setLevel", { level: "warning" });
    expect(bench.last).toEqual({ jsonrpc: "2.0", id: 1, result: {} });
    await bench.request(2, "tools/call", { name: "n" });
    expect(bench.server.last.params._meta[`${ENVELOPE}logLevel`]).toBe("warning");
    await bench.request(3, "logging/setLevel", { level: "loud" });
    expect(bench.last).toMatchObject({ id: 3, error: { code: -32602 } });
    await bench.request(4, "tools/list");
    expect(bench.server.last.params._meta[`${ENVELOPE}logLevel`]).toBe("warning");
  });
});

describe("an error", () => {
  it.each([
    ["resources/read", { uri: "a:b" }, -32602, "gone", { uri: "a:b" }, -32002],
    ["resources/read", { uri: "a:b" }, -32602, "Resource not found", undefined, -32002],
    ["resources/read", { uri: "a:b" }, -32602, "not found", { uri: "c:d" }, -32602],
    ["resources/read", { uri: 1 }, -32602, "uri must be a string", undefined, -32602],
    ["tools/call", { name: "n" }, -32602, "Tool n not found", undefined, -32602],
    ["prompts/get", { name: "n" }, -32021, "no sampling", { requiredCapabilities: {} }, -32603],
    ["tools/call", { name: "n" }, -32020, "mismatch", undefined, -32603],
    ["tools/call", { name: "n" }, -32022, "unsupported", undefined, -32603],
    ["vendor/anything", {}, -31999, "its own", { deep: [1] }, -31999],
  ])("of %s with %j: %d %s", async (method, params, code, message, data, expected) => {
    const bench = await initializedBench();
    await bench.request(1, method, params);
    bench.server.refuse(code, message, data);
    const error = { code: expected, message, ...(data && { data }) };
    expect(bench.last).toEqual({ jsonrpc: "2.0", id: 1, error });
  });

  it("stays the object it was where nothing needs other words, with what is known besides", async () => {
    const bench = openBench();
    const heard: object[] = [];
    bench.channel.onmessage = (message) => heard.push(message);
    await bench.request(0, "initialize", hello());
    const { id } = bench.server.last;
    bench.server.onmessage!(outageResponse(id, -32000, "it is gone", { status: 503 }));
    expect(heard).toMatchObject([{ id: 0, error: { code: -32000 } }]);
    expect(outageOf(heard[0]!)).toMatchObject({ status: 503 });
  });

  it("is a result that the model reads, when a tool needs what the client cannot do", async () => {
    const bench = await initializedBench();
    await bench.request(1, "tools/call", { name: "n" });
    bench.server.refuse(-32021, "needs sampling", { requiredCapabilities: { sampling: {} } });
    const content = [{ type: "text", text: "needs sampling" }];
    expect(bench.last.result).toEqual({ content, isError: true });
  });
});

describe("notifications", () => {
  it("T19 cancel the call as the server knows it, and only what runs", async () => {
    const bench = await initializedBench();
    await bench.request("mine", "tools/call", { name: "n" });
    const { id } = bench.server.last;
    const cancel = {
      method: "notifications/cancelled",
      params: { requestId: "mine", reason: "b" },
    };
    await bench.send({ ...cancel, params: { requestId: "other" } });
    await bench.send(cancel);
    await bench.send(cancel);
    expect(bench.server.received.slice(1)).toEqual([
      { jsonrpc: "2.0", ...cancel, params: { requestId: id, reason: "b" } },
    ]);
    bench.server.answer({ content: [] }, id);
    expect(bench.heard).toEqual([]);
  });

  it("of the client stay here when later revisions do not know them, and pass otherwise", async () => {
    const bench = await initializedBench();
    await bench.send({ method: "notifications/roots/list_changed" });
    await bench.send({ method: "notifications/progress", params: { progressToken: 1 } });
    await bench.send({ method: "notifications/vendor", params: { a: 1 } });
    expect(bench.server.received.map(({ method }) => method)).toEqual(["notifications/vendor"]);
  });

  it("of the server pass unchanged: logs and progress", async () => {
    const bench = await initializedBench();
    const log = { method: "notifications/message", params: { level: "info", data: { a: 1 } } };
    const progress = {
      method: "notifications/progress",
      params: { progressToken: 9, progress: 1 },
    };
    for (const message of [log, progress]) {
      bench.server.say(message);
      expect(bench.last).toEqual({ jsonrpc: "2.0", ...message });
    }
  });

  it("of the server that cancel nothing of ours stay here, and do not harm a call", async () => {
    const bench = await initializedBench();
    await bench.request(1, "tools/call", { name: "n" });
    const requestId = bench.server.last.id;
    bench.server.say({ method: "notifications/cancelled", params: { requestId } });
    bench.server.answer({ content: [] }, requestId);
    expect(bench.heard.map(({ message }) => message.id)).toEqual([1]);
  });
});

describe("the server", () => {
  it("may not send requests", async () => {
    const bench = await initializedBench();
    bench.server.say({ id: "s", method: "sampling/createMessage", params: {} });
    expect(bench.server.last).toMatchObject({ id: "s", error: { code: -32601 } });
    expect(bench.heard).toEqual([]);
  });

  it("is started and closed through the channel, which tells when it ends", async () => {
    const bench = openBench();
    const reasons: string[] = [];
    bench.channel.onclose = (reason) => reasons.push(reason);
    await bench.channel.start();
    expect(bench.server.isStarted).toBe(true);
    await bench.channel.close();
    expect([bench.server.isClosed, reasons]).toEqual([true, ["closed"]]);
    await expect(bench.request(1, "tools/list")).rejects.toThrow("it has ended");
  });
});
