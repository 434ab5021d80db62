/** Streams that break and go on: what a client gets again, and what nobody else gets (T15 to T18). */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../support/bridge-server.ts";
import { fixture } from "../support/gateway.ts";
import {
  ACCEPT,
  allEvents,
  eventsOf,
  messagesOf,
  openSession,
  type McpSession,
  type RawEvent,
  type Wire,
} from "../support/mcp-session.ts";
import { createMovableClock, type MovableClock } from "../support/movable-clock.ts";

let server: BridgeServer;
let endpoint: string;
let clock: MovableClock;
beforeAll(async () => {
  clock = createMovableClock();
  const program = (name: string, era: "legacy" | "modern") => ({
    command: process.execPath,
    args: [fixture(name)],
    era,
  });
  server = await startBridge({
    services: {
      bench: program("workbench.js", "legacy"),
      modern: program("modern-workbench.js", "modern"),
    },
    clock,
  });
  endpoint = server.endpoint("bench");
});
afterAll(() => server.close());

const call = (id: unknown, name: string, given: object = {}, progressToken?: unknown) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: {
    name,
    arguments: given,
    ...(progressToken !== undefined && { _meta: { progressToken } }),
  },
});

const resume = (session: McpSession, id: string, more: object = {}) =>
  session.get({ "last-event-id": id, ...more });

/** Begin a call, break its stream after `count` events. @returns them */
async function broken(session: McpSession, body: object, count: number): Promise<RawEvent[]> {
  const abort = new AbortController();
  const events = eventsOf(await session.post(body, { signal: abort.signal }));
  const got: RawEvent[] = [];
  while (got.length < count) got.push((await events.next()).value);
  abort.abort();
  return got;
}

const messages = (events: RawEvent[]): Wire[] =>
  events.flatMap(({ data }) => (data === "" ? [] : [JSON.parse(data)]));

describe("a stream that broke", () => {
  it("goes on where it was: each message once, whatever broke again (T15, T16)", async () => {
    const session = await openSession(endpoint);
    const [primer] = await broken(session, call(1, "progress", { steps: 40 }, "p"), 1);
    const all: RawEvent[] = [];
    let last = primer!.id!;
    for (let attempt = 0; !all.some(({ data }) => data.includes('"result"')); attempt += 1) {
      const abort = new AbortController();
      const response = await session.get({ "last-event-id": last }, abort.signal);
      let got = 0;
      for await (const event of eventsOf(response)) {
        last = event.id ?? last;
        if (event.data !== "") all.push(event);
        // Also right behind the primer, when nothing else has come yet.
        if (++got > attempt % 4) break;
      }
      abort.abort();
    }
    expect(messages(all).map(({ params, id }) => params?.progress ?? `answer ${id}`)).toEqual([
      ...Array.from({ length: 40 }, (_, index) => index + 1),
      "answer 1",
    ]);
    expect(new Set(all.map(({ id }) => id)).size).toBe(41);
    await session.delete();
  });

  it("is one of several, and none of the others comes with it (T16)", async () => {
    const session = await openSession(endpoint);
    const streams = await Promise.all(
      [1, 2, 3].map((id) => broken(session, call(id, "progress", { steps: 5 }, `p${id}`), 2)),
    );
    const resumed = await Promise.all(
      streams.map(async ([primer]) => allEvents(await resume(session, primer!.id!))),
    );
    for (const [index, events] of resumed.entries()) {
      const got = messages(events);
      expect(got.at(-1)).toMatchObject({ id: index + 1, result: {} });
      expect(new Set(got.slice(0, -1).map(({ params }) => params.progressToken))).toEqual(
        new Set([`p${index + 1}`]),
      );
      expect(got).toHaveLength(6);
    }
    const ids = [...streams.flat(), ...resumed.flat()].flatMap(({ id, data }) =>
      data ? [id] : [],
    );
    expect(new Set(ids).size).toBe(18);
    await session.delete();
  });

  it("is not found with an event of another session, nor by anybody else (T18, B07)", async () => {
    const [ada, again, bob] = [
      await openSession(endpoint),
      await openSession(endpoint),
      await openSession(endpoint, { caller: "bob" }),
    ];
    const [primer] = await broken(ada, call(1, "wait", { ms: 150 }), 1);
    await broken(again, call(1, "wait", { ms: 150 }), 1);
    const id = primer!.id!;
    expect((await resume(again, id)).status).toBe(400);
    expect((await resume(bob, id)).status).toBe(400);
    expect((await resume(bob, id, { "mcp-session-id": ada.id })).status).toBe(404);
    expect((await resume(ada, id, { "mcp-session-id": "unknown" })).status).toBe(404);
    expect(await messagesOf(await resume(ada, id))).toMatchObject([{ id: 1, result: {} }]);
    await Promise.all([ada, again, bob].map((session) => session.delete()));
    expect((await resume(ada, id)).status).toBe(404);
  });

  it("is forgotten after ten minutes (B14)", async () => {
    const session = await openSession(endpoint);
    const [primer] = await broken(session, call(1, "wait", { ms: 150 }), 1);
    await expect
      .poll(async () => (await messagesOf(await resume(session, primer!.id!))).length)
      .toBe(1);
    clock.advance(601);
    expect((await resume(session, primer!.id!)).status).toBe(400);
    await session.delete();
  });
});

describe("how a stream begins (T17)", () => {
  it.each([
    ["2025-11-25", true],
    ["2025-06-18", false],
    ["2025-03-26", false],
  ])("in %s with an event without data: %j, and with a retry", async (version, primes) => {
    const session = await openSession(endpoint, { version });
    const [first] = await broken(session, call(1, "progress", { steps: 3 }, "p"), 1);
    expect(first).toMatchObject(
      primes ? { data: "", retry: "1000" } : { data: expect.stringContaining("progress") },
    );
    const resumed = await allEvents(await resume(session, first!.id!));
    expect(resumed[0]!.data === "").toBe(primes);
    expect(resumed.slice(1).some(({ data }) => data === "")).toBe(false);
    await session.delete();
  });
});

describe("a client that does not read (B14)", () => {
  it(
    "is let go, harms nobody, and finds what came last when it comes back",
    { timeout: 60_000 },
    async () => {
      const [slow, other] = [await openSession(endpoint), await openSession(endpoint)];
      const options = {
        method: "POST",
        headers: { ...slow.headers, accept: ACCEPT, "content-type": "application/json" },
      };
      const body = JSON.stringify(call(71, "flood", { count: 60, bytes: 1_000_000 }));
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        httpRequest(endpoint, options, resolve).on("error", reject).end(body);
      });
      const first = await new Promise<string>((resolve) => {
        response.once("data", (chunk) => {
          response.pause();
          resolve(String(chunk));
        });
      });
      const id = /^id: (.*)$/m.exec(first)![1]!;
      // Answered when the server has written all of it.
      expect(await slow.tool("subscribed")).toEqual([]);
      expect((await other.request("ping")).result).toEqual({});
      const again = await messagesOf(await resume(slow, id));
      expect(again.at(-1)).toMatchObject({ id: 71, result: {} });
      // Four megabytes of it, and the answer.
      expect(again.length).toBeLessThan(6);
      let size = 0;
      await new Promise<void>((resolve) => {
        response.on("data", (chunk: Buffer) => (size += chunk.length));
        response.on("error", () => undefined).on("close", () => resolve());
        response.resume();
      });
      expect(size).toBeLessThan(40_000_000);
      await Promise.all([slow.delete(), other.delete()]);
    },
  );
});

describe("GET without a session (M01, T04)", () => {
  it("is 405 where only revisions without GET are spoken, and 400 elsewhere", async () => {
    const get = (service: string, method = "GET") =>
      fetch(server.endpoint(service), { method, headers: { accept: "text/event-stream" } });
    for (const method of ["GET", "DELETE"]) {
      const modern = await get("modern", method);
      expect([modern.status, modern.headers.get("allow")]).toEqual([405, "POST"]);
      expect((await get("bench", method)).status).toBe(400);
    }
    const session = await openSession(server.endpoint("modern"));
    expect((await session.get()).status).toBe(200);
    expect((await session.delete()).status).toBe(204);
  });
});
