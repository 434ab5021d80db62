/** T24 What a legacy session hears unasked, from a modern server that tells it on `subscriptions/listen`. */
import { describe, expect, it } from "vitest";
import {
  DISCOVERED,
  ENVELOPE,
  initializedBench,
  type LegacyBench,
} from "../../../support/legacy-bench.ts";

const TAG = `${ENVELOPE}subscriptionId`;
const UPDATED = "notifications/resources/updated";
const TOOLS = "notifications/tools/list_changed";

const listens = ({ server }: LegacyBench) =>
  server.received.filter(({ method }) => method === "subscriptions/listen");
const cancelled = ({ server }: LegacyBench) =>
  server.received
    .filter(({ method }) => method === "notifications/cancelled")
    .map(({ params }) => params.requestId);

/** Let promises of the channel settle. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The server agrees to what it was asked last, or to less. */
async function acknowledge(bench: LegacyBench, less?: object): Promise<number> {
  const { id, params } = listens(bench).at(-1);
  const notifications = { ...params.notifications, ...less };
  bench.server.say({
    method: "notifications/subscriptions/acknowledged",
    params: { notifications, _meta: { [TAG]: id } },
  });
  await settle();
  return id;
}

const tell = (bench: LegacyBench, id: unknown, method: string, params: object = {}): void =>
  bench.server.say({ method, params: { ...params, _meta: { [TAG]: id } } });

async function ready(options: Parameters<typeof initializedBench>[0] = {}): Promise<LegacyBench> {
  const bench = await initializedBench(options);
  await bench.send({ method: "notifications/initialized" });
  await settle();
  return bench;
}

async function subscribe(bench: LegacyBench, id: number, uri: unknown): Promise<void> {
  await bench.request(id, "resources/subscribe", { uri });
  await settle();
}

describe("changes of lists", () => {
  it("are listened for once the client is ready, those that the server has", async () => {
    const bench = await initializedBench();
    expect(bench.server.received).toEqual([]);
    await bench.send({ method: "notifications/initialized" });
    await bench.send({ method: "notifications/initialized" });
    await settle();
    expect(listens(bench).map(({ params }) => params.notifications)).toEqual([
      { toolsListChanged: true },
    ]);
    expect(bench.server.last.params._meta).toHaveProperty([`${ENVELOPE}protocolVersion`]);
  });

  it.each([
    ["prompts", { promptsListChanged: true }],
    ["resources", { resourcesListChanged: true }],
  ])("are listened for where it has no others: %s", async (kind, filter) => {
    const capabilities = { tools: {}, [kind]: { listChanged: true } };
    const bench = await ready({ server: { ...DISCOVERED, capabilities } });
    expect(bench.server.last.params.notifications).toEqual(filter);
  });

  it("are not listened for where the server has none", async () => {
    const bench = await ready({ server: { ...DISCOVERED, capabilities: { tools: {} } } });
    expect(bench.server.received).toEqual([]);
  });

  it("reach the client without the tag, and belong to no request", async () => {
    const bench = await ready();
    const id = await acknowledge(bench);
    expect(bench.heard).toEqual([]);
    tell(bench, id, TOOLS);
    bench.server.say({ method: TOOLS, params: { _meta: { [TAG]: id, "vendor/key": 1 } } });
    expect(bench.heard).toEqual([
      { message: { jsonrpc: "2.0", method: TOOLS }, about: undefined },
      {
        message: { jsonrpc: "2.0", method: TOOLS, params: { _meta: { "vendor/key": 1 } } },
        about: undefined,
      },
    ]);
  });

  it("of a subscription that nobody has are not told", async () => {
    const bench = await ready();
    const id = await acknowledge(bench);
    tell(bench, `${id}`, TOOLS);
    tell(bench, 999, TOOLS);
    expect(bench.heard).toEqual([]);
  });

  it("are listened for again when the server ended the subscription", async () => {
    const bench = await ready();
    bench.server.answer({ resultType: "complete" }, await acknowledge(bench));
    expect(listens(bench).length).toBe(1);
    bench.clock.advance(5);
    await settle();
    expect(listens(bench).length).toBe(2);
    const id = await acknowledge(bench);
    bench.server.say({ method: "notifications/cancelled", params: { requestId: id } });
    bench.clock.advance(5);
    await settle();
    expect(listens(bench).length).toBe(3);
    expect(cancelled(bench)).toEqual([]);
  });

  it("are listened for once when the client subscribes to something meanwhile", async () => {
    const bench = await ready();
    bench.server.answer({ resultType: "complete" }, await acknowledge(bench));
    await subscribe(bench, 1, "a:1");
    await acknowledge(bench);
    bench.clock.advance(60);
    await settle();
    expect(listens(bench).length).toBe(2);
  });

  it("are not listened for again where the server refused", async () => {
    const bench = await ready();
    bench.server.refuse(-32601, "no", undefined, listens(bench)[0].id);
    await settle();
    bench.clock.advance(60);
    await settle();
    expect(listens(bench).length).toBe(1);
    expect(bench.heard).toEqual([]);
  });
});

describe("resources/subscribe", () => {
  it("opens a new subscription with all resources before it closes the old one", async () => {
    const bench = await ready();
    const first = await acknowledge(bench);
    await subscribe(bench, 1, "a:1");
    expect(listens(bench).at(-1).params.notifications).toEqual({
      toolsListChanged: true,
      resourceSubscriptions: ["a:1"],
    });
    expect([cancelled(bench), bench.heard]).toEqual([[], []]);
    const second = await acknowledge(bench);
    expect(cancelled(bench)).toEqual([first]);
    expect(bench.last).toEqual({ jsonrpc: "2.0", id: 1, result: {} });
    await subscribe(bench, 2, "a:2");
    expect(listens(bench).at(-1).params.notifications.resourceSubscriptions).toEqual([
      "a:1",
      "a:2",
    ]);
    await acknowledge(bench);
    expect(cancelled(bench)).toEqual([first, second]);
  });

  it("loses no update while it changes and tells none twice", async () => {
    const bench = await ready();
    const old = await acknowledge(bench);
    await subscribe(bench, 1, "a:1");
    const fresh = listens(bench).at(-1).id;
    tell(bench, old, TOOLS);
    tell(bench, fresh, TOOLS);
    expect(bench.heard.length).toBe(1);
    await acknowledge(bench);
    bench.heard.length = 0;
    tell(bench, old, TOOLS);
    tell(bench, fresh, TOOLS);
    tell(bench, fresh, UPDATED, { uri: "a:1" });
    expect(bench.heard.map(({ message }) => message)).toEqual([
      { jsonrpc: "2.0", method: TOOLS },
      { jsonrpc: "2.0", method: UPDATED, params: { uri: "a:1" } },
    ]);
  });

  it("changes one thing at a time", async () => {
    const bench = await initializedBench();
    await Promise.all([subscribe(bench, 1, "a:1"), subscribe(bench, 2, "a:2")]);
    expect(listens(bench).length).toBe(1);
    await acknowledge(bench);
    expect(listens(bench).map(({ params }) => params.notifications.resourceSubscriptions)).toEqual([
      ["a:1"],
      ["a:1", "a:2"],
    ]);
    await acknowledge(bench);
    expect(bench.heard.map(({ message }) => message.id)).toEqual([1, 2]);
  });

  it("does nothing for what is watched already", async () => {
    const bench = await initializedBench();
    await subscribe(bench, 1, "a:1");
    await acknowledge(bench);
    await subscribe(bench, 2, "a:1");
    expect(bench.last).toEqual({ jsonrpc: "2.0", id: 2, result: {} });
    expect(listens(bench).length).toBe(1);
  });

  it("fails where the server has no subscriptions, or nothing is named", async () => {
    const without = await ready({ server: { ...DISCOVERED, capabilities: { resources: {} } } });
    await subscribe(without, 1, "a:1");
    expect(without.last).toMatchObject({ id: 1, error: { code: -32601 } });
    const bench = await initializedBench();
    await subscribe(bench, 2, 7);
    expect(bench.last).toMatchObject({ id: 2, error: { code: -32602 } });
    expect([...without.server.received, ...bench.server.received]).toEqual([]);
  });

  it("fails where the server does not watch that resource, and goes on with the others", async () => {
    const bench = await initializedBench();
    await subscribe(bench, 1, "a:1");
    await acknowledge(bench);
    await subscribe(bench, 2, "a:2");
    const id = await acknowledge(bench, { resourceSubscriptions: ["a:1"] });
    expect(bench.last).toMatchObject({ id: 2, error: { code: -32603 } });
    tell(bench, id, UPDATED, { uri: "a:1" });
    expect(bench.last).toMatchObject({ method: UPDATED });
    await subscribe(bench, 3, "a:3");
    expect(listens(bench).at(-1).params.notifications.resourceSubscriptions).toEqual([
      "a:1",
      "a:3",
    ]);
  });

  it("fails with the server's refusal, and the old subscription stays", async () => {
    const bench = await ready();
    const old = await acknowledge(bench);
    await subscribe(bench, 1, "a:1");
    bench.server.refuse(-32603, "limit reached");
    await settle();
    expect(bench.last).toMatchObject({ id: 1, error: { code: -32603, message: "limit reached" } });
    tell(bench, old, TOOLS);
    expect(bench.last).toMatchObject({ method: TOOLS });
    expect(cancelled(bench)).toEqual([]);
  });

  it("fails when the server does not acknowledge it in time", async () => {
    const bench = await initializedBench();
    await subscribe(bench, 1, "a:1");
    const [{ id }] = listens(bench);
    bench.clock.advance(10);
    await settle();
    expect(bench.last).toMatchObject({ id: 1, error: { code: -32603 } });
    expect(cancelled(bench)).toEqual([id]);
    // Too late now.
    await acknowledge(bench);
    tell(bench, id, UPDATED, { uri: "a:1" });
    expect(bench.heard.length).toBe(1);
  });

  it("does not let a client watch more than the server can be asked for", async () => {
    const bench = await initializedBench();
    for (let count = 0; count < 1000; count += 1) {
      await bench.request(count, "resources/subscribe", { uri: `a:${count}` });
      await settle();
      await acknowledge(bench);
    }
    await subscribe(bench, 1000, "a:1000");
    expect(bench.last).toMatchObject({ id: 1000, error: {} });
    expect(listens(bench).length).toBe(1000);
  });
});

describe("resources/unsubscribe", () => {
  it("goes on with what is left", async () => {
    const bench = await ready();
    await acknowledge(bench);
    await subscribe(bench, 1, "a:1");
    const old = await acknowledge(bench);
    await bench.request(2, "resources/unsubscribe", { uri: "a:1" });
    await settle();
    expect(listens(bench).at(-1).params.notifications).toEqual({ toolsListChanged: true });
    await acknowledge(bench);
    expect(bench.last).toEqual({ jsonrpc: "2.0", id: 2, result: {} });
    expect(cancelled(bench)).toContain(old);
  });

  it("closes the subscription when nothing is left", async () => {
    const bench = await initializedBench();
    await subscribe(bench, 1, "a:1");
    const id = await acknowledge(bench);
    await bench.request(2, "resources/unsubscribe", { uri: "a:1" });
    await settle();
    expect([cancelled(bench), listens(bench).length]).toEqual([[id], 1]);
    expect(bench.last).toEqual({ jsonrpc: "2.0", id: 2, result: {} });
    tell(bench, id, UPDATED, { uri: "a:1" });
    expect(bench.heard.length).toBe(2);
  });

  it("is content with what was never watched", async () => {
    const bench = await initializedBench();
    await bench.request(2, "resources/unsubscribe", { uri: "a:1" });
    await settle();
    expect(bench.last).toEqual({ jsonrpc: "2.0", id: 2, result: {} });
    expect(bench.server.received).toEqual([]);
  });
});

describe("the end of the server", () => {
  it("is the end of it all: nothing is opened any more", async () => {
    const bench = await ready();
    bench.server.answer({ resultType: "complete" }, await acknowledge(bench));
    bench.server.end("crashed");
    bench.clock.advance(60);
    await settle();
    expect(listens(bench).length).toBe(1);
  });
});
