/** `subscriptions/listen` over servers of older revisions, which know no such thing. */
import { describe, expect, it } from "vitest";
import { settled, startBench } from "../../../support/fake-legacy.ts";

const SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId";
const changed = (list: string) => ({ method: `notifications/${list}/list_changed` });
const updated = (uri: string) => ({ method: "notifications/resources/updated", params: { uri } });
const listen = (notifications: unknown) => ({ notifications });
const FILE = "file:///a";

describe("a subscription", () => {
  it("is acknowledged first, with what the server can do of it (M21)", async () => {
    const bench = startBench();
    const stream = await bench.send(
      "subscriptions/listen",
      listen({ toolsListChanged: true, promptsListChanged: true, resourceSubscriptions: [FILE] }),
      { id: "mine" },
    );
    expect(stream.headers).toMatchObject({ "x-accel-buffering": "no" });
    expect(stream.messages).toEqual([
      {
        jsonrpc: "2.0",
        method: "notifications/subscriptions/acknowledged",
        params: {
          notifications: { toolsListChanged: true, resourceSubscriptions: [FILE] },
          _meta: { [SUBSCRIPTION]: "mine" },
        },
      },
    ]);
  });

  it("hears what it wants, by its own id, and nothing else (M21)", async () => {
    const bench = startBench();
    const wants = listen({ toolsListChanged: true });
    const streams = await Promise.all([
      bench.send("subscriptions/listen", wants, { id: 1 }),
      bench.send("subscriptions/listen", wants, { id: 1, caller: "bob" }),
      bench.send("subscriptions/listen", listen({ resourcesListChanged: true }), { id: "1" }),
    ]);
    for (const list of ["tools", "prompts", "resources"]) bench.channel.say(changed(list));
    bench.channel.say({ method: "notifications/message", params: { level: "info", data: 1 } });
    expect(
      streams.map(({ messages }) =>
        messages.slice(1).map(({ method, params }) => [method, params["_meta"][SUBSCRIPTION]]),
      ),
    ).toEqual([
      [["notifications/tools/list_changed", 1]],
      [["notifications/tools/list_changed", 1]],
      [["notifications/resources/list_changed", "1"]],
    ]);
  });

  it("hears of a change that any child tells", async () => {
    const bench = startBench();
    const stream = await bench.send("subscriptions/listen", listen({ toolsListChanged: true }));
    await bench.send("tools/call", { name: "x" }, { capabilities: {} });
    expect(bench.channels).toHaveLength(2);
    bench.channel.say(changed("tools"));
    expect(stream.messages).toHaveLength(2);
  });

  it("to a resource is one at the server, however many want it (M21)", async () => {
    const bench = startBench();
    const wants = listen({ resourceSubscriptions: [FILE, FILE] });
    const first = await bench.send("subscriptions/listen", wants, { id: 1 });
    const second = await bench.send("subscriptions/listen", wants, { id: 2 });
    expect(bench.channel.of("resources/subscribe").map(({ params }) => params)).toEqual([
      { uri: FILE },
    ]);
    for (const uri of [FILE, `${FILE}/part`, `${FILE}b`, "file:///"])
      bench.channel.say(updated(uri));
    for (const { messages } of [first, second]) {
      expect(messages.slice(1).map(({ params }) => params.uri)).toEqual([FILE, `${FILE}/part`]);
    }
    first.leave();
    await settled();
    expect(bench.channel.of("resources/unsubscribe")).toHaveLength(0);
    second.leave();
    await settled();
    expect(bench.channel.of("resources/unsubscribe").map(({ params }) => params)).toEqual([
      { uri: FILE },
    ]);
    expect(bench.translation.idleSince).toBeDefined();
  });

  it("promises nothing the server cannot keep", async () => {
    const bench = startBench({ capabilities: { tools: {} } });
    const stream = await bench.send(
      "subscriptions/listen",
      listen({ toolsListChanged: true, resourceSubscriptions: [FILE] }),
    );
    expect(stream.answer.params.notifications).toEqual({});
    expect(bench.channel.of("resources/subscribe")).toHaveLength(0);
  });

  it("says what it wants", async () => {
    const bench = startBench();
    const stream = await bench.send("subscriptions/listen", {});
    expect(stream.answer.error.code).toBe(-32602);
  });

  it("is kept alive by comments, keeps its child, and ends in peace with it (M21 M22)", async () => {
    const bench = startBench();
    const wants = listen({ toolsListChanged: true });
    const first = await bench.send("subscriptions/listen", wants, { id: "a" });
    bench.clock.advance(4000);
    expect(first.text.match(/^: ping$/gm)!.length).toBeGreaterThan(200);
    expect(bench.channel.isClosed).toBe(false);
    expect(bench.translation.idleSince).toBeUndefined();
    const peace = (id: string) => ({
      jsonrpc: "2.0",
      id,
      result: { resultType: "complete", _meta: { [SUBSCRIPTION]: id } },
    });
    bench.channel.end("it crashed");
    expect(first.answer).toEqual(peace("a"));
    const second = await bench.send("subscriptions/listen", wants, { id: "b" });
    await bench.translation.close("the gateway is stopping");
    expect(second.answer).toEqual(peace("b"));
  });

  it("outlives a call on the same child that is cancelled", async () => {
    const bench = startBench();
    const stream = await bench.send("subscriptions/listen", listen({ toolsListChanged: true }));
    const call = await bench.send("tools/call", { name: "x" });
    call.leave();
    await settled();
    expect(bench.channels.map(({ isClosed }) => isClosed)).toEqual([false]);
    await bench.send("tools/call", { name: "x" });
    expect(bench.channels).toHaveLength(2);
    stream.leave();
    await settled();
    expect(bench.channels.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  });
});
