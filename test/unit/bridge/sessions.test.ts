/** Bridge row B14: how many sessions there may be, and how long they live. */
import { afterEach, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../../support/bridge-server.ts";
import { fixture } from "../../support/gateway.ts";
import { initialize, messagesOf, openSession, post } from "../../support/mcp-session.ts";
import { createMovableClock, type MovableClock } from "../../support/movable-clock.ts";

let server: BridgeServer;
let clock: MovableClock;
let endpoint: string;
afterEach(() => server.close());

async function start(limits: object): Promise<void> {
  clock = createMovableClock();
  server = await startBridge({
    services: {
      bench: { command: process.execPath, args: [fixture("workbench.js")] },
      silent: { command: process.execPath, args: [fixture("silent.js")] },
    },
    limits,
    clock,
  });
  endpoint = server.endpoint("bench");
}

const open = (caller: string) =>
  post(endpoint, initialize(), { headers: { "x-test-caller": caller } });

const ended = () =>
  server.events.flatMap((event) => (event.type === "session.ended" ? event.reason : []));

describe("room for sessions", () => {
  it("is bounded for one person and in total, and free again when a session ends", async () => {
    await start({ sessions: 3, sessionsPerUser: 2 });
    const first = await openSession(endpoint);
    await openSession(endpoint);
    const third = await open("ada");
    expect([third.status, third.headers.get("retry-after")]).toEqual([429, "5"]);
    expect(await third.json()).toMatchObject({ id: 0, error: { code: -32_000 } });
    await openSession(endpoint, { caller: "bob" });
    const full = await open("eve");
    expect([full.status, full.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(await full.json()).toMatchObject({ id: 0, error: { code: -32_000 } });
    await first.delete();
    await expect.poll(async () => (await open("eve")).status).toBe(200);
  });

  it("counts those that are being opened", async () => {
    await start({ sessions: 2 });
    const answers = await Promise.all(["ada", "bob", "eve", "joe"].map((caller) => open(caller)));
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 200, 503, 503]);
  });
});

describe("the life of a session", () => {
  it("ends when nobody needs it", async () => {
    await start({ sessionIdle: "10m" });
    const session = await openSession(endpoint);
    clock.advance(599);
    await session.request("ping");
    clock.advance(599);
    expect((await session.request("ping")).result).toEqual({});
    clock.advance(601);
    clock.advance(15);
    expect((await session.post({ jsonrpc: "2.0", id: 9, method: "ping" })).status).toBe(404);
    expect(ended()).toEqual(["idle"]);
    expect(server.bridge.sessions()).toEqual([]);
  });

  it("does not end while a client waits for an answer or listens", async () => {
    await start({ sessionIdle: "10m" });
    const [waiting, listening] = [await openSession(endpoint), await openSession(endpoint)];
    const call = { name: "wait", arguments: { ms: 300 } };
    const answer = waiting.request("tools/call", call);
    await waiting.request("ping");
    const abort = new AbortController();
    await listening.get({}, abort.signal);
    clock.advance(700);
    clock.advance(15);
    expect(ended()).toEqual([]);
    expect(await answer).toMatchObject({ result: {} });
    abort.abort();
    await expect
      .poll(() => {
        clock.advance(700);
        return ended();
      })
      .toContain("idle");
  });

  it("ends although a call runs, when its client left long ago", async () => {
    await start({ sessionIdle: "10m" });
    const session = await openSession(endpoint);
    const abort = new AbortController();
    const call = { name: "wait", arguments: { ms: 60_000 } };
    const body = { jsonrpc: "2.0", id: 1, method: "tools/call", params: call };
    const response = await session.post(body, { signal: abort.signal });
    expect(response.status).toBe(200);
    abort.abort();
    await expect
      .poll(() => {
        clock.advance(700);
        return ended();
      })
      .toEqual(["idle"]);
  });

  it("ends in any case when its time is over", async () => {
    await start({ sessionLifetime: "1h" });
    const session = await openSession(endpoint);
    await session.get();
    clock.advance(3601);
    clock.advance(15);
    expect(ended()).toEqual(["lifetime over"]);
  });

  it("ends by filter, and what waits is told", async () => {
    await start({});
    const ada = await openSession(endpoint);
    const bob = await openSession(endpoint, { caller: "bob" });
    const call = { name: "wait", arguments: { ms: 60_000 } };
    const body = { jsonrpc: "2.0", id: 5, method: "tools/call", params: call };
    const waiting = ada.post(body).then(messagesOf);
    await ada.request("ping");
    expect(await server.bridge.end({}, "nobody")).toBe(0);
    expect(await server.bridge.end({ clientId: "client-of-ada", subject: "x" }, "no")).toBe(0);
    expect(await server.bridge.end({ grantId: "grant-of-ada" }, "revoked")).toBe(1);
    expect((await waiting).at(-1)).toMatchObject({ id: 5, error: { code: -32_000 } });
    expect((await bob.request("ping")).result).toEqual({});
    const [info] = server.bridge.sessions();
    expect(info).toMatchObject({ service: "bench", subject: "local:bob", clientInfo: "raw 1" });
    expect(await server.bridge.end({ sessionId: info!.sessionId }, "revoked")).toBe(1);
  });
});

describe("initialize", () => {
  it("does not wait for ever for a silent server", async () => {
    await start({});
    const answer = post(server.endpoint("silent"), initialize());
    await expect.poll(() => server.bridge.health()["silent"]!.children.length).toBe(1);
    clock.advance(61);
    const { error } = await (await answer).json();
    expect(error).toMatchObject({ code: -32_000, message: expect.stringContaining("60 seconds") });
    clock.advance(5);
    await expect.poll(() => server.bridge.health()["silent"]!.children).toEqual([]);
  });

  it("ends the server when the client leaves before the answer", async () => {
    await start({});
    const abort = new AbortController();
    const answer = post(server.endpoint("silent"), initialize(), { signal: abort.signal });
    await expect.poll(() => server.bridge.health()["silent"]!.children.length).toBe(1);
    abort.abort();
    await expect(answer).rejects.toThrow();
    await expect.poll(() => server.bridge.health()["silent"]!.children).toEqual([]);
    const finished = server.events.findLast((event) => event.type === "request.finished");
    expect(finished).toMatchObject({ status: 499, method: "initialize" });
  });

  it("is refused while the gateway stops", async () => {
    await start({});
    const closing = server.bridge.close(0.1);
    expect((await open("ada")).status).toBe(503);
    await closing;
  });
});
