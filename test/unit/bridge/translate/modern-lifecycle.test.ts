/** Children behind translated requests: how many there are, who has which, and how each ends. */
import { describe, expect, it } from "vitest";
import {
  ALL,
  FakeChannel,
  settled,
  startBench,
  type Bench,
  type FakeResponse,
} from "../../../support/fake-legacy.ts";
import type { Wire } from "../../../support/mcp-session.ts";

const TOOL = { name: "tool" };
const PLAIN = { capabilities: {} };

const alive = ({ channels }: Bench) => channels.filter(({ isClosed }) => !isClosed).length;

async function park(bench: Bench, id: string | number = 1): Promise<FakeResponse> {
  const response = await bench.send("tools/call", TOOL, { id });
  const channel = bench.channels.find(
    (each) => each.of("tools/call").length > 0 && !asked.has(each),
  )!;
  asked.add(channel);
  channel.say({ id: "q", method: "elicitation/create", params: { message: "?" } });
  bench.clock.advance(0.03);
  expect(response.answer.result.resultType).toBe("input_required");
  return response;
}
const asked = new WeakSet<FakeChannel>();

describe("calls nobody can be asked about", () => {
  it("share one child, whoever waits for it to come up", async () => {
    const bench = startBench();
    const responses = await Promise.all(
      Array.from({ length: 20 }, (_, id) => bench.send("tools/call", TOOL, { ...PLAIN, id })),
    );
    expect(bench.channels).toHaveLength(1);
    for (const { id } of bench.channel.of("tools/call").toReversed()) {
      bench.channel.say({ id, result: { its: id } });
    }
    const numbers = bench.channel.of("tools/call").map(({ id }) => id);
    expect(responses.map(({ answer }) => [answer.id, answer.result.its])).toEqual(
      numbers.map((number, id) => [id, number]),
    );
  });

  it("run beside one that can be", async () => {
    const bench = startBench();
    const asking = await bench.send("tools/call", TOOL);
    const list = await bench.send("tools/list");
    bench.channel.answer("tools/list", { tools: [] });
    expect(list.status).toBe(200);
    expect(asking.headersSent).toBe(false);
    expect(bench.channels).toHaveLength(1);
  });
});

describe("calls that may ask", () => {
  it("take turns while they are quick", async () => {
    const bench = startBench();
    const first = await bench.send("tools/call", TOOL, { id: 1 });
    const second = await bench.send("tools/call", TOOL, { id: 2 });
    expect(bench.channel.of("tools/call")).toHaveLength(1);
    bench.channel.answer("tools/call", { n: 1 });
    await settled();
    bench.channel.answer("tools/call", { n: 2 });
    expect([first.answer.result.n, second.answer.result.n]).toEqual([1, 2]);
    bench.clock.advance(1);
    expect(bench.channels).toHaveLength(1);
  });

  it("get a child each when they are not, one after the other", async () => {
    const bench = startBench();
    for (const id of [1, 2, 3]) await bench.send("tools/call", TOOL, { id });
    for (const count of [2, 3, 3]) {
      bench.clock.advance(0.11);
      await settled();
      expect(bench.channels).toHaveLength(count);
    }
    expect(bench.channels).toHaveLength(3);
    expect(bench.channels.map((each) => each.of("tools/call").length)).toEqual([1, 1, 1]);
  });

  it("are not held up by one that waits for its client (M18)", async () => {
    const bench = startBench();
    await park(bench);
    for (let count = 0; count < 50; count += 1) {
      const response = await bench.send("tools/call", TOOL);
      bench.channel.answer("tools/call", { count });
      expect(response.answer.result.count).toBe(count);
      await settled();
    }
    expect(bench.channels).toHaveLength(2);
    bench.clock.advance(601);
    await settled();
    expect(bench.channels[0]!.isClosed).toBe(true);
  });

  it("make the oldest of many that wait give way", async () => {
    const bench = startBench();
    const parked = [];
    for (let id = 0; id < 17; id += 1) parked.push(await park(bench, id));
    expect(bench.channels.map(({ isClosed }) => isClosed).indexOf(false)).toBe(1);
    expect(alive(bench)).toBe(16);
    const { requestState } = parked[0]!.answer.result;
    const late = await bench.send("tools/call", { ...TOOL, requestState });
    expect(late.answer.error.code).toBe(-32602);
  });

  it("give up one that waits when there is no room for one that runs", async () => {
    const bench = startBench({ limits: { sessionsPerUser: 2 } });
    await park(bench, 1);
    await park(bench, 2);
    const third = await bench.send("tools/call", TOOL);
    await settled();
    bench.channel.answer("tools/call", { third: true });
    expect(third.answer.result.third).toBe(true);
    expect(bench.channels.map(({ isClosed }) => isClosed)).toEqual([true, false, false]);
  });

  it("wait for each other when there is no room for more", async () => {
    const bench = startBench({ limits: { sessionsPerUser: 1 } });
    await bench.send("tools/call", TOOL, { id: 1 });
    const second = await bench.send("tools/call", TOOL, { id: 2 });
    bench.clock.advance(1);
    await settled();
    expect(second.refusal).toBeUndefined();
    bench.channel.answer("tools/call", {});
    await settled();
    bench.channel.answer("tools/call", {});
    expect(second.status).toBe(200);
  });

  it("of another person have another child, even where a server is shared", async () => {
    const bench = startBench({ isShared: true });
    for (const caller of ["ada", "eve"]) {
      await bench.send("tools/list", {}, { caller });
      bench.channels[0]!.answer("tools/list", {});
      await bench.send("tools/call", TOOL, { caller });
      bench.channel.answer("tools/call", {});
      await settled();
    }
    expect(bench.channels.map((each) => each.of("tools/list").length)).toEqual([2, 0, 0]);
    expect(bench.channels.map((each) => each.of("tools/call").length)).toEqual([0, 1, 1]);
  });
});

describe("a client that goes away", () => {
  it("cancels its call, and no other on the same child (M19)", async () => {
    const bench = startBench();
    const gone = await bench.send("tools/call", TOOL, PLAIN);
    const stays = await bench.send("tools/call", TOOL, PLAIN);
    gone.leave();
    await settled();
    const [number, other] = bench.channel.of("tools/call").map(({ id }) => id);
    expect(
      bench.channel.of("notifications/cancelled").map(({ params }) => params.requestId),
    ).toEqual([number]);
    bench.channel.say({ id: number, result: {} });
    bench.channel.say({ id: other, result: {} });
    expect([gone.headersSent, stays.status]).toEqual([false, 200]);
    expect(bench.channel.isClosed).toBe(false);
  });

  it("does not leave what it was told to others on the same child", async () => {
    const bench = startBench({ isShared: true });
    const gone = await bench.send("tools/call", TOOL, PLAIN);
    const stays = await bench.send("tools/call", TOOL, { ...PLAIN, caller: "bob" });
    gone.leave();
    await settled();
    bench.channel.say({ method: "notifications/vendor", params: { of: "ada" } });
    bench.clock.advance(11);
    bench.channel.say({ method: "notifications/vendor", params: { of: "bob" } });
    expect(stays.messages.map(({ params }) => params.of)).toEqual(["bob"]);
  });

  it("takes the child along that could still ask something (M19)", async () => {
    const bench = startBench();
    const gone = await bench.send("tools/call", TOOL);
    gone.leave();
    await settled();
    expect(bench.channel.of("notifications/cancelled")).toHaveLength(1);
    expect(bench.channel.isClosed).toBe(true);
    await bench.send("tools/call", TOOL);
    expect(bench.channels).toHaveLength(2);
  });

  it("while it waits for a child leaves no trace", async () => {
    const bench = startBench();
    await bench.send("tools/call", TOOL);
    const gone = await bench.send("tools/call", TOOL);
    gone.leave();
    bench.clock.advance(1);
    await settled();
    bench.channel.answer("tools/call", {});
    await settled();
    expect(bench.channels).toHaveLength(1);
    expect(bench.channel.of("tools/call")).toHaveLength(1);
    expect(bench.translation.idleSince).toBeDefined();
  });

  it("with a question in hand may come back", async () => {
    const bench = startBench();
    const response = await park(bench);
    response.leave();
    await settled();
    expect(bench.channel.isClosed).toBe(false);
    const { requestState } = response.answer.result;
    const second = await bench.send("tools/call", { ...TOOL, requestState });
    second.leave();
    await settled();
    expect(bench.channel.of("notifications/cancelled")).toHaveLength(1);
    expect(bench.channel.isClosed).toBe(true);
  });
});

describe("a child that ends", () => {
  it("ends its calls with an error; the next is served by another one (B12)", async () => {
    const bench = startBench();
    const plain = await bench.send("tools/call", TOOL, PLAIN);
    bench.channel.end("it crashed");
    expect(plain.status).toBe(502);
    expect(plain.answer.error).toEqual({ code: -32603, message: "it crashed" });
    const next = await bench.send("tools/call", TOOL, PLAIN);
    bench.channel.answer("tools/call", {});
    expect([next.status, bench.channels.length]).toEqual([200, 2]);
  });

  it("under a parked call says so when the client is back", async () => {
    const bench = startBench();
    const { answer } = await park(bench);
    bench.channel.end("it crashed");
    const { requestState } = answer.result;
    const back = await bench.send("tools/call", { ...TOOL, requestState });
    expect([back.status, back.answer.error.code]).toEqual([502, -32603]);
    expect(bench.translation.idleSince).toBeDefined();
  });

  it("before it is ready fails all who wait, and takes no room", async () => {
    const bench = startBench({
      connect: () => Promise.reject(new Error("no such command")),
      limits: { sessionsPerUser: 1 },
    });
    for (let count = 0; count < 2; count += 1) {
      const responses = await Promise.all([
        bench.send("tools/list"),
        bench.send("tools/call", TOOL),
      ]);
      expect(responses.map(({ refusal }) => refusal?.message)).toEqual([
        "no such command",
        "no such command",
      ]);
    }
  });

  it("that does not initialise is closed, and the client told why", async () => {
    for (const [say, reason] of [
      [undefined, "no answer to initialize within 60 seconds"],
      [{ code: 1, message: "no licence" }, "it did not initialize: no licence"],
    ] as const) {
      const channel = new FakeChannel({});
      channel.send = async ({ id }: Wire) => {
        if (say) queueMicrotask(() => channel.say({ id, error: say }));
      };
      const bench = startBench({ connect: () => Promise.resolve(channel) });
      const response = await bench.send("tools/list");
      bench.clock.advance(60);
      await settled();
      expect([response.refusal?.message, channel.isClosed]).toEqual([reason, true]);
    }
  });

  it("for being silent too long is answered for (504)", async () => {
    const bench = startBench();
    const response = await bench.send("tools/call", TOOL, { meta: { progressToken: "t" } });
    const { id } = bench.channel.of("tools/call")[0];
    const limits = { timeout: 300, requestLifetime: 1000 };
    const look = (seconds: number) => {
      bench.clock.advance(seconds);
      bench.translation.giveUp(limits);
      return bench.channel.of("notifications/cancelled").length;
    };
    expect(look(299)).toBe(0);
    const params = { progressToken: id, progress: 1 };
    bench.channel.say({ method: "notifications/progress", params });
    expect(look(299)).toBe(0);
    expect(look(2)).toBe(1);
    expect(response.answer.error.code).toBe(-32603);
    expect(bench.channel.of("notifications/cancelled")).toHaveLength(1);
  });

  it("is needed no more goes: extra ones soon, the last one later", async () => {
    const bench = startBench();
    for (const id of [1, 2, 3]) {
      await bench.send("tools/call", TOOL, { id });
      bench.clock.advance(0.2);
      await settled();
    }
    for (const channel of bench.channels) channel.answer("tools/call", {});
    await settled();
    expect(alive(bench)).toBe(3);
    bench.clock.advance(90);
    await settled();
    expect(alive(bench)).toBe(1);
    bench.clock.advance(1800);
    await settled();
    expect(alive(bench)).toBe(0);
  });

  it("is one of all when the translation is closed", async () => {
    const bench = startBench();
    await park(bench);
    const running = await bench.send("tools/call", TOOL);
    let isGone = false;
    void bench.translation.closed.then(() => (isGone = true));
    await bench.translation.close("the gateway is stopping");
    await settled();
    expect(running.answer.error).toEqual({ code: -32603, message: "the gateway is stopping" });
    expect([alive(bench), isGone]).toEqual([0, true]);
  });

  it("was somebody's whose grant ended", async () => {
    const bench = startBench();
    await park(bench);
    const running = await bench.send("tools/call", TOOL);
    const count = bench.translation.end(({ grantId }) => grantId === "grant-of-ada", "revoked");
    expect(count).toBe(2);
    await settled();
    expect(running.answer.error.message).toBe("revoked");
    expect(alive(bench)).toBe(0);
    expect(bench.translation.end(() => true, "again")).toBe(0);
  });
});

describe("headers of a tool's arguments", () => {
  it("are looked up in the list of an old server, too", async () => {
    const bench = startBench();
    const request = {
      jsonrpc: "2.0" as const,
      id: 1,
      method: "tools/call",
      params: { name: "tool", arguments: { region: "eu" }, _meta: { [CAPABILITIES]: ALL } },
    };
    const head = { headers: { "mcp-param-region": "us" }, rawHeaders: ["Mcp-Param-Region", "us"] };
    const checking = bench.translation.checkHeaders(head, request);
    await settled();
    const inputSchema = { properties: { region: { type: "string", "x-mcp-header": "Region" } } };
    bench.channel.answer("tools/list", { tools: [{ name: "tool", inputSchema }] });
    await expect(checking).rejects.toMatchObject({ status: 400, code: -32020 });
  });
});
const CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";
