/** Raw messages of 2026-07-28 over a server of older revisions, with real processes. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../support/bridge-server.ts";
import { fixture } from "../support/gateway.ts";
import { eventsOf, messagesOf, type Wire } from "../support/mcp-session.ts";
import { modernRequest, postModern, withLog } from "../support/modern-request.ts";

const ENVELOPE = "io.modelcontextprotocol/";
const ABLE = { [`${ENVELOPE}clientCapabilities`]: { elicitation: {}, sampling: {}, roots: {} } };
const FORM = { message: "?", requestedSchema: { type: "object", properties: {} } };
const ASK = { method: "elicitation/create", params: FORM };
const YES = { action: "accept", content: { is: "fine" } };

let server: BridgeServer;
const program = { command: process.execPath, args: [fixture("workbench.js"), "full"] };
beforeAll(async () => {
  server = await startBridge({
    services: { old: program, brief: program, dying: program },
    limits: { pendingInput: "2s" },
  });
});
afterAll(() => server.close());

interface Options {
  caller?: string;
  meta?: object;
  id?: unknown;
  signal?: AbortSignal;
  headers?: Record<string, string>;
  service?: string;
}

const send = (method: string, params: object, options: Options = {}) => {
  const { id = 1, meta = {}, service = "old", ...rest } = options;
  return postModern(server.endpoint(service), modernRequest(method, params, id, meta), rest);
};

/** Status and messages of a whole answer, the last one as `answer`. */
async function whole(method: string, params: object, options: Options = {}) {
  const response = await send(method, params, options);
  const messages = await messagesOf(response);
  return { status: response.status, messages, answer: messages.at(-1) };
}

const call = (name: string, given: object = {}, options: Options = {}, more: object = {}) =>
  whole("tools/call", { name, arguments: given, ...more }, options);

/** What a tool says, parsed. */
async function tool(name: string, given: object = {}, options: Options = {}): Promise<Wire> {
  const { answer } = await call(name, given, options);
  return JSON.parse(answer.result.content[0].text);
}

describe("what the wire shows", () => {
  it("M01 M04 M06 M09 M23 is checked as for any server of this revision", async () => {
    for (const method of ["GET", "DELETE"]) {
      const headers = { accept: "text/event-stream", "x-test-caller": "ada" };
      const response = await fetch(server.endpoint("old"), { method, headers });
      expect([400, 405]).toContain(response.status);
    }
    const refused = [
      [await whole("tools/list", {}, { headers: { "mcp-protocol-version": "" } }), 400, -32020],
      [await whole("tools/list", {}, { headers: { "mcp-method": "tools/call" } }), 400, -32020],
      [await call("say", {}, { headers: { "mcp-name": "pid" } }), 400, -32020],
      [await whole("initialize", {}), 404, -32601],
      [await whole("ping", {}), 404, -32601],
      [await whole("logging/setLevel", { level: "info" }), 404, -32601],
      [await whole("resources/subscribe", { uri: "x:y" }), 404, -32601],
      [await whole("tasks/list", {}), 404, -32601],
      [await whole("vendor/unknown", {}), 404, -32601],
    ] as const;
    for (const [{ status, answer }, expected, code] of refused) {
      expect([status, answer.error.code, answer.id]).toEqual([expected, code, 1]);
    }
    const response = await send("tools/list", {}, { headers: { "mcp-session-id": "x" } });
    expect([response.status, response.headers.get("mcp-session-id")]).toEqual([200, null]);
  });

  it("M02 M03 M05 M08 needs the envelope and no name, and minds no other headers", async () => {
    const version = { [`${ENVELOPE}protocolVersion`]: "2099-01-01" };
    const bodies: [object, number, number | undefined][] = [
      [{}, 200, undefined],
      [{ [`${ENVELOPE}clientCapabilities`]: undefined }, 400, -32602],
      [{ [`${ENVELOPE}clientCapabilities`]: [] }, 400, -32602],
      [{ [`${ENVELOPE}logLevel`]: "loud" }, 400, -32602],
    ];
    const headers = { "mcp-param-extra": "x", "x-other": "y" };
    for (const [meta, expected, code] of bodies) {
      const { status, answer } = await whole("tools/list", {}, { meta, headers });
      expect([status, answer.error?.code]).toEqual([expected, code]);
    }
    const { status, answer } = await whole(
      "tools/list",
      {},
      { meta: version, headers: { "mcp-protocol-version": "2099-01-01" } },
    );
    expect([status, answer.error.code]).toEqual([400, -32022]);
    expect(answer.error.data).toEqual({ supported: ["2026-07-28"], requested: "2099-01-01" });
  });

  it("M11 M12 has complete results, with the same hints on every page", async () => {
    const pages = [await whole("tools/list", {}), await whole("tools/list", { cursor: "pid" })];
    for (const { answer } of pages) {
      expect(answer.result).toMatchObject({
        resultType: "complete",
        ttlMs: 0,
        cacheScope: "private",
        tools: [{}],
        _meta: { [`${ENVELOPE}serverInfo`]: { name: "workbench" } },
      });
    }
    const { answer } = await call("say", { text: "x" });
    expect(answer.result).not.toHaveProperty("ttlMs");
  });

  it("M25 M26 has no empty contents and none of the codes that are gone", async () => {
    for (const uri of ["missing:x", "empty:x"]) {
      const { status, answer } = await whole("resources/read", { uri });
      expect([status, answer.error.code]).toEqual([200, -32602]);
    }
    const there = await whole("resources/read", { uri: "file:///x" });
    expect(there.answer.result.contents).toHaveLength(1);
  });

  it("M28 passes on what it does not know, both ways", async () => {
    const meta = { "vendor/key": [1, null, "ü"], traceparent: "00-a-b-01" };
    const { answer } = await whole("vendor/anything", { own: true }, { meta });
    expect(answer.result).toMatchObject({
      echo: { own: true, _meta: meta },
      "x-extra": [1, "ü", null],
      resultType: "complete",
    });
    expect(Object.keys(answer.result.echo._meta)).toEqual(Object.keys(meta));
  });

  it("M13 never has a request of the server in it, and M24 is not held up", async () => {
    const meta = { ...ABLE, progressToken: "t" };
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
    const messages = await messagesOf(response);
    expect(messages.map(({ method }) => method)).toEqual(["notifications/progress", undefined]);
    expect(messages[0].params.progressToken).toBe("t");
    expect(messages[1].result.resultType).toBe("input_required");
  });

  it("M24 brings each piece of progress when it happens", async () => {
    const meta = { progressToken: 5 };
    const given = { steps: 3 };
    const response = await send("tools/call", { name: "progress", arguments: given }, { meta });
    const steps: unknown[] = [];
    for await (const { data } of eventsOf(response)) {
      const { params, result } = JSON.parse(data);
      steps.push(params ? [params.progressToken, params.progress] : result.resultType);
    }
    expect(steps).toEqual([[5, 1], [5, 2], [5, 3], "complete"]);
  });
});

describe("a question in mid-call", () => {
  const asking = { name: "ask", arguments: ASK };
  const first = async (options: Options = {}) => {
    const { answer } = await whole("tools/call", asking, { meta: ABLE, ...options });
    return answer.result;
  };
  const again = (requestState: string, options: Options = {}, key = "elicitation-1") => {
    const params = { ...asking, requestState, inputResponses: { [key]: YES } };
    return whole("tools/call", params, { meta: ABLE, id: "b", ...options });
  };

  it("M15 is not asked of a client that cannot answer", async () => {
    const { error } = await tool("ask", ASK);
    expect(error.code).toBe(-32601);
    const [hello] = await tool("received");
    expect(hello.params.capabilities).toEqual({});
  });

  it("M16 is answered only by who was asked, in the same request, once", async () => {
    const { requestState } = await first();
    const refused = [
      await again(requestState.slice(0, -1) + (requestState.endsWith("A") ? "B" : "A")),
      await again(requestState, { caller: "bob" }),
      await whole("tools/call", { name: "say", arguments: ASK, requestState }, { meta: ABLE }),
      await whole("tools/call", { ...asking, arguments: {}, requestState }, { meta: ABLE }),
    ];
    for (const { status, answer } of refused) {
      expect([status, answer.error.code]).toEqual([200, -32602]);
    }
    const { answer } = await again(requestState);
    expect([answer.id, JSON.parse(answer.result.content[0].text).result]).toEqual(["b", YES]);
    expect((await again(requestState)).answer.error.code).toBe(-32602);
  });

  it("M17 is asked again when the answer is missing", async () => {
    const { requestState, inputRequests } = await first();
    const second = await again(requestState, {}, "unknown");
    expect(second.answer.result.inputRequests).toEqual(inputRequests);
    const third = await again(second.answer.result.requestState);
    expect(third.answer.result.resultType).toBe("complete");
  });

  it("M18 blocks nobody, and is given up after its time", async () => {
    const options = { caller: "eve", service: "brief" };
    const { requestState } = await first(options);
    const meta = ABLE;
    for (let count = 0; count < 50; count += 1) {
      expect(await tool("say", { text: count }, { ...options, meta })).toBe(count);
    }
    const children = () => server.bridge.health()["brief"]!.children.length;
    expect(children()).toBe(2);
    await expect.poll(children, { timeout: 8000 }).toBe(1);
    expect((await again(requestState, options)).answer.error.code).toBe(-32602);
  });

  it("is answered where it came up, though the service was replaced meanwhile", async () => {
    const other = await startBridge({ services: { old: program } });
    const post = async (more: object = {}, caller = "ada") => {
      const body = modernRequest("tools/call", { ...asking, ...more }, 1, ABLE);
      const [answer] = await messagesOf(await postModern(other.endpoint("old"), body, { caller }));
      return answer;
    };
    const { requestState } = (await post()).result;
    const children = () => other.bridge.health()["old"]!.children;
    const [pid] = children();
    await other.replaceServices({ old: program });
    const back = { requestState, inputResponses: { "elicitation-1": YES } };
    expect((await post(back, "bob")).error.code).toBe(-32602);
    expect(JSON.parse((await post(back)).result.content[0].text).result).toEqual(YES);
    await expect.poll(children).not.toContain(pid);
    expect((await post()).result.resultType).toBe("input_required");
    await other.close();
  });

  it("B12 of a child that ended ends with an error; the next call has another child", async () => {
    const options = { service: "dying", meta: ABLE };
    const { requestState } = await first(options);
    const [pid] = server.bridge.health()["dying"]!.children;
    process.kill(pid!, "SIGKILL");
    await expect.poll(() => server.bridge.health()["dying"]!.children.length).toBe(0);
    const late = await again(requestState, options);
    expect([late.status, late.answer.error.code]).toEqual([502, -32603]);
    const crash = await call("crash", { text: "bye" }, options);
    expect([crash.status, crash.answer.error.code]).toEqual([502, -32603]);
    expect(await tool("say", { text: "alive" }, options)).toBe("alive");
  });
});

describe("many at once", () => {
  it("M19 a client that leaves cancels its own call and no other", async () => {
    const abort = new AbortController();
    const params = { name: "wait", arguments: { ms: 60_000 } };
    const options = { caller: "leaver", signal: abort.signal };
    const gone = send("tools/call", params, options);
    gone.catch(() => undefined);
    const caller = { caller: "leaver" };
    const waiting = (all: Wire[]): unknown =>
      all.find((one) => one.params?.arguments?.ms === 60_000)?.id;
    const received = (): Promise<Wire[]> => tool("received", {}, caller);
    await expect.poll(async () => waiting(await received())).toBeDefined();
    const number = waiting(await received());
    const stays = tool("wait", { ms: 300 }, caller);
    abort.abort();
    await expect(gone).rejects.toThrow();
    const cancelled = async () =>
      (await received()).flatMap((one) =>
        one.method === "notifications/cancelled" ? [one.params.requestId] : [],
      );
    await expect.poll(cancelled).toEqual([number]);
    expect(await stays).toBe("waited");
  });

  it("M20 the log of one call is on its stream alone, from its level on", async () => {
    const say = (level: string, mark: string) => ({
      method: "notifications/message",
      params: { level, data: mark },
    });
    const [quiet, loud, grave] = await Promise.all([
      call("notify", say("error", "quiet")),
      call("notify", say("info", "loud"), { meta: withLog("debug") }),
      call("notify", say("info", "grave"), { meta: withLog("error") }),
    ]);
    const heard = ({ messages }: { messages: Wire[] }) =>
      messages.flatMap(({ params }) => params?.data ?? []);
    expect([quiet, loud, grave].map(heard)).toEqual([[], ["loud"], []]);
    expect(await tool("level", {}, { meta: withLog("warning") })).toBe("warning");
  });

  it("M21 M22 streams of equal ids each hear what they want, and end in peace", async () => {
    const listen = (notifications: object, caller: string) =>
      send("subscriptions/listen", { notifications }, { id: "same", caller });
    const streams = await Promise.all([
      listen({ toolsListChanged: true }, "cleo"),
      listen({ promptsListChanged: true }, "cleo"),
    ]);
    const events = streams.map((stream) => eventsOf(stream));
    const next = async (index: number) => JSON.parse((await events[index]!.next()).value!.data);
    for (const index of [0, 1]) {
      const { method, params } = await next(index);
      expect(method).toBe("notifications/subscriptions/acknowledged");
      expect(params._meta).toEqual({ [`${ENVELOPE}subscriptionId`]: "same" });
    }
    for (const list of ["prompts", "tools"]) {
      await tool("notify", { method: `notifications/${list}/list_changed` }, { caller: "cleo" });
    }
    expect((await next(0)).method).toBe("notifications/tools/list_changed");
    expect((await next(1)).method).toBe("notifications/prompts/list_changed");
    await server.bridge.end({ subject: "local:cleo" }, "test");
    expect(await next(0)).toMatchObject({ id: "same", result: { resultType: "complete" } });
  });

  it("B03 B04 every answer goes home, whatever its id", async () => {
    const ids = [0, "0", 1, "1", 9_007_199_254_740_991, "ü"];
    const meta = ABLE;
    const answers = await Promise.all(
      Array.from({ length: 60 }, async (_, text) => {
        const id = ids[text % ids.length];
        const { answer } = await call("say", { text }, { id, ...(text % 2 ? { meta } : {}) });
        return [answer.id, JSON.parse(answer.result.content[0].text)];
      }),
    );
    expect(answers).toEqual(answers.map((_, text) => [ids[text % ids.length], text]));
  });
});
