/** Transport rows of revisions with `initialize`: what a POST, GET or DELETE is answered. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../../support/bridge-server.ts";
import { fixture } from "../../support/gateway.ts";
import { ACCEPT, initialize, messagesOf, openSession, post } from "../../support/mcp-session.ts";

let server: BridgeServer;
let endpoint: string;
beforeAll(async () => {
  server = await startBridge({
    services: {
      bench: { command: process.execPath, args: [fixture("workbench.js")] },
      echo: { command: process.execPath, args: [fixture("echo.js")] },
    },
    limits: { requestBody: "64kb" },
  });
  endpoint = server.endpoint("bench");
});
afterAll(() => server.close());

const version = (value: string) => ({ headers: { "mcp-protocol-version": value } });
const ping = { jsonrpc: "2.0", id: 1, method: "ping" };

/** Status and JSON-RPC error code. */
const verdict = async (response: Response) => [response.status, (await response.json()).error.code];

describe("a session (T01-T07, T10)", () => {
  it("T01 answers POST, GET and DELETE at one path", async () => {
    const session = await openSession(endpoint);
    const abort = new AbortController();
    const stream = await session.get({}, abort.signal);
    expect([stream.status, stream.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
    abort.abort();
    expect((await session.delete()).status).toBe(204);
  });

  it.each([
    ["2025-03-26", "2025-03-26"],
    ["2025-06-18", "2025-06-18"],
    ["2025-11-25", "2025-11-25"],
    ["1999-01-01", "2025-11-25"],
    ["2026-07-28", "2025-11-25"],
  ])(
    "T02 a client that asks for %s gets %s, even from a server that repeats anything",
    async (asked, got) => {
      const session = await openSession(endpoint, { version: asked });
      expect(session.hello["protocolVersion"]).toBe(got);
      await session.delete();
    },
  );

  it("T03 gives out ids of at least 128 bits in visible ASCII, never the same, and never shows them", async () => {
    const sessions = await Promise.all(Array.from({ length: 8 }, () => openSession(endpoint)));
    const ids = sessions.map(({ id }) => id);
    expect(new Set(ids).size).toBe(8);
    for (const id of ids) {
      expect(id).toMatch(/^[\x21-\x7E]{22,}$/);
      expect(JSON.stringify(server.bridge.sessions())).not.toContain(id);
      expect(JSON.stringify(server.events)).not.toContain(id);
      expect(server.logged()).not.toContain(id);
    }
    await Promise.all(sessions.map((session) => session.delete()));
  });

  it("T04 refuses requests without a session id", async () => {
    expect(await verdict(await post(endpoint, ping))).toEqual([400, -32600]);
    const get = await fetch(endpoint, { headers: { accept: "text/event-stream" } });
    expect(await verdict(get)).toEqual([400, -32600]);
    expect((await fetch(endpoint, { method: "DELETE" })).status).toBe(400);
  });

  it("T05 T06 does not know a session that was deleted, whose child is gone", async () => {
    const session = await openSession(endpoint);
    const pid = await session.tool("pid");
    await session.delete();
    expect(await verdict(await session.post(ping))).toEqual([404, -32001]);
    expect(await verdict(await session.get())).toEqual([404, -32001]);
    expect(await verdict(await session.delete())).toEqual([404, -32001]);
    await expect.poll(() => isAlive(pid)).toBe(false);
  });

  it("T18 B07 does not know a session of somebody else, or of another service (SB9)", async () => {
    const ada = await openSession(endpoint);
    const foreign = { headers: { "x-test-caller": "bob" } };
    expect(await verdict(await ada.post(ping, foreign))).toEqual([404, -32001]);
    const resumed = await ada.get({ ...foreign.headers, "last-event-id": "1-1" });
    expect(await verdict(resumed)).toEqual([404, -32001]);
    const deleted = await fetch(endpoint, {
      method: "DELETE",
      headers: { ...ada.headers, ...foreign.headers },
    });
    expect(await verdict(deleted)).toEqual([404, -32001]);
    const elsewhere = await post(server.endpoint("echo"), ping, { headers: ada.headers });
    expect(await verdict(elsewhere)).toEqual([404, -32001]);
    expect(await ada.request("ping")).toMatchObject({ result: {} });
    await ada.delete();
  });

  it("T07 accepts notifications and responses with 202 and no body", async () => {
    const session = await openSession(endpoint);
    for (const message of [
      { jsonrpc: "2.0", method: "notifications/roots/list_changed" },
      { jsonrpc: "2.0", id: 99, result: {} },
      { jsonrpc: "2.0", id: 98, error: { code: 1, message: "no" } },
    ]) {
      const response = await session.post(message);
      expect([response.status, await response.text()]).toEqual([202, ""]);
    }
    await session.delete();
  });

  it("T09 T10 refuses versions it does not know and needs none", async () => {
    const session = await openSession(endpoint);
    expect(await verdict(await session.post(ping, version("1999-01-01")))).toEqual([400, -32600]);
    expect((await session.post(ping, version("2025-06-18"))).status).toBe(200);
    expect((await session.post(ping)).status).toBe(200);
    await session.delete();
  });
});

describe("a batch (T08)", () => {
  it("is answered in a session of 2025-03-26", async () => {
    const session = await openSession(endpoint, { version: "2025-03-26" });
    const response = await session.post([
      ping,
      { jsonrpc: "2.0", method: "notifications/whatever" },
      { jsonrpc: "2.0", id: "1", method: "vendor/anything", params: {} },
    ]);
    const ids = (await messagesOf(response)).map(({ id }) => id);
    expect(new Set(ids)).toEqual(new Set([1, "1"]));
    await session.delete();
  });

  it("is refused in later sessions, outside of any, when empty, and around initialize", async () => {
    const later = await openSession(endpoint);
    expect(await verdict(await later.post([ping]))).toEqual([400, -32600]);
    expect(await verdict(await post(endpoint, [ping]))).toEqual([400, -32600]);
    expect(await verdict(await post(endpoint, [initialize()]))).toEqual([400, -32600]);
    const early = await openSession(endpoint, { version: "2025-03-26" });
    expect(await verdict(await early.post([]))).toEqual([400, -32600]);
    expect(await verdict(await early.post([initialize()]))).toEqual([400, -32600]);
    expect(await verdict(await early.post([ping, ping]))).toEqual([400, -32600]);
    await Promise.all([later.delete(), early.delete()]);
  });
});

describe("what is no good (T11, B14)", () => {
  it("T11 asks for both media types on POST and for events on GET", async () => {
    const session = await openSession(endpoint);
    for (const accept of ["application/json", "text/event-stream", "text/html", ""]) {
      expect((await session.post(ping, { headers: { accept } })).status).toBe(406);
    }
    expect((await session.get({ accept: "application/json" })).status).toBe(406);
    for (const accept of ["*/*", "text/event-stream;q=0.9 , APPLICATION/JSON"]) {
      expect((await session.post(ping, { headers: { accept } })).status).toBe(200);
    }
    await session.delete();
  });

  it.each([
    ["a form", "a=b", "application/x-www-form-urlencoded", 415, -32600],
    ["no JSON", "{", "application/json", 400, -32700],
    ["an empty body", "", "application/json", 400, -32700],
    ["a number", "1", "application/json", 400, -32600],
    ["null", "null", "application/json; charset=utf-8", 400, -32600],
    [
      "another JSON-RPC",
      '{"jsonrpc":"1.0","id":1,"method":"ping"}',
      "application/json",
      400,
      -32600,
    ],
    [
      "an object as id",
      '{"jsonrpc":"2.0","id":{},"method":"ping"}',
      "application/json",
      400,
      -32600,
    ],
    ["null as id", '{"jsonrpc":"2.0","id":null,"method":"ping"}', "application/json", 400, -32600],
    ["a number as method", '{"jsonrpc":"2.0","id":1,"method":1}', "application/json", 400, -32600],
    [
      "text as params",
      '{"jsonrpc":"2.0","id":1,"method":"a","params":"b"}',
      "application/json",
      400,
      -32600,
    ],
    [
      "result and error",
      '{"jsonrpc":"2.0","id":1,"result":1,"error":{}}',
      "application/json",
      400,
      -32600,
    ],
  ])("refuses %s", async (_, body, type, status, code) => {
    const response = await post(endpoint, body, { headers: { "content-type": type } });
    expect(await verdict(response)).toEqual([status, code]);
  });

  it("refuses bytes that are not UTF-8", async () => {
    const response = await fetch(endpoint, {
      method: "POST",
      headers: { accept: ACCEPT, "content-type": "application/json" },
      body: Buffer.from([0x22, 0xff, 0xfe, 0x22]),
    });
    expect(await verdict(response)).toEqual([400, -32700]);
  });

  it("refuses a body over the limit, announced or not", async () => {
    const text = JSON.stringify({ ...ping, params: { text: "x".repeat(70_000) } });
    expect(await verdict(await post(endpoint, text))).toEqual([413, -32600]);
    const streamed = await fetch(endpoint, {
      method: "POST",
      headers: { accept: ACCEPT, "content-type": "application/json" },
      body: new Blob([text]).stream(),
      duplex: "half",
    } as RequestInit);
    expect(await verdict(streamed)).toEqual([413, -32600]);
  });

  it("says which methods there are", async () => {
    const response = await fetch(endpoint, { method: "PUT", body: "{}" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, POST, DELETE"]);
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
