/**
 * The echo server on both transports and in both eras, spoken to in plain JSON.
 */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { createEcho } from "../../../src/echo/echo.ts";
import { serveHttp } from "../../../src/echo/http.ts";
import { serveStdio } from "../../../src/echo/stdio.ts";
import { initialize, post, type Wire } from "../../support/mcp-session.ts";

const create = (isStateless = false) =>
  createEcho({ version: "1.2.3", clock: systemClock, isStateless });

const envelope = (more: object = {}) => ({
  _meta: {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": { name: "modern", version: "1" },
    ...more,
  },
});
const call = (name: string, given: object = {}, more: object = {}) => ({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name, arguments: given, ...more },
});

function overStdio(isStateless = false) {
  const input = new PassThrough();
  const output = new PassThrough();
  const ended = serveStdio(create(isStateless), input, output);
  const lines = createInterface({ input: output })[Symbol.asyncIterator]();
  const send = (message: unknown): void => void input.write(`${JSON.stringify(message)}\n`);
  const receive = async (): Promise<Wire> => JSON.parse((await lines.next()).value as string);
  return {
    input,
    ended,
    send,
    receive,
    ask: async (message: object): Promise<Wire> => {
      send(message);
      return await receive();
    },
  };
}

describe("echo over stdio", () => {
  it("tells what it knows of a session with initialize", async () => {
    const { ask, send } = overStdio();
    const hello = await ask(initialize("2025-06-18", { roots: {} }));
    expect(hello.result).toMatchObject({
      protocolVersion: "2025-06-18",
      serverInfo: { name: "mcp-gateway-echo", version: "1.2.3" },
    });
    send({ jsonrpc: "2.0", method: "notifications/initialized" });
    const { result } = await ask(call("session"));
    expect(result.structuredContent).toMatchObject({
      transport: "stdio",
      era: "legacy",
      session: {
        protocolVersion: "2025-06-18",
        client: { name: "raw" },
        capabilities: { roots: {} },
        requests: 2,
      },
      process: { pid: process.pid },
    });
    expect(JSON.parse(result.content[0].text)).toEqual(result.structuredContent);
  });

  it("remembers what it was given, unless it is stateless", async () => {
    for (const isStateless of [false, true]) {
      const { ask } = overStdio(isStateless);
      expect((await ask(call("echo", { text: "hi" }))).result.content[0].text).toBe("hi");
      const { result, error } = await ask(call("replay"));
      if (isStateless) expect(error.code).toBe(-32602);
      else expect(result.content[0].text).toBe("hi");
      const listed = await ask({ jsonrpc: "2.0", id: 2, method: "tools/list" });
      const names = listed.result.tools.map(({ name }: { name: string }) => name);
      expect(names.includes("replay")).toBe(!isStateless);
    }
  });

  it("takes every request of 2026-07-28 on its own", async () => {
    const { ask } = overStdio();
    const discovered = await ask({
      jsonrpc: "2.0",
      id: "a",
      method: "server/discover",
      params: envelope(),
    });
    expect(discovered).toMatchObject({
      id: "a",
      result: { resultType: "complete", supportedVersions: ["2026-07-28"], ttlMs: 60_000 },
    });
    await ask(call("echo", { text: "hi" }, envelope()));
    expect(await ask(call("replay", {}, envelope()))).toMatchObject({ error: { code: -32602 } });
    const { result } = await ask(call("request", {}, envelope({ traceparent: "00-x" })));
    expect(result).toMatchObject({
      resultType: "complete",
      structuredContent: {
        era: "modern",
        client: { name: "modern" },
        meta: { traceparent: "00-x" },
        headers: "none over stdio",
      },
    });
    const other = { "io.modelcontextprotocol/protocolVersion": "2099-01-01" };
    expect(await ask(call("echo", {}, envelope(other)))).toMatchObject({
      error: { code: -32022, data: { supported: ["2026-07-28"], requested: "2099-01-01" } },
    });
    const none = { "io.modelcontextprotocol/clientCapabilities": undefined };
    expect(await ask(call("echo", {}, envelope(none)))).toMatchObject({ error: { code: -32602 } });
    const removed = { jsonrpc: "2.0", id: 3, method: "ping", params: envelope() };
    expect(await ask(removed)).toMatchObject({ id: 3, error: { code: -32601 } });
  });

  it("shows names of variables and no values", async () => {
    process.env["ECHO_TEST_SECRET"] = "hunter2hunter2";
    const { result } = await overStdio().ask(call("environment"));
    delete process.env["ECHO_TEST_SECRET"];
    expect(result.structuredContent.names).toContain("ECHO_TEST_SECRET");
    expect(JSON.stringify(result)).not.toContain("hunter2");
  });

  it("waits with progress, and not for who has cancelled", async () => {
    const { send, receive, ask, input, ended } = overStdio();
    send(call("wait", { seconds: 0.05 }, { _meta: { progressToken: "p" } }));
    expect(await receive()).toMatchObject({ params: { progressToken: "p", progress: 0 } });
    expect(await receive()).toMatchObject({ params: { progressToken: "p", progress: 0.05 } });
    expect((await receive()).result.structuredContent.waitedMs).toBeGreaterThanOrEqual(49);
    send({ ...call("wait", { seconds: 30 }), id: 7 });
    send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 7 } });
    expect(await ask({ jsonrpc: "2.0", id: 8, method: "ping" })).toMatchObject({ id: 8 });
    expect((await ask(call("wait", { seconds: 61 }))).result.isError).toBe(true);
    send({ ...call("wait", { seconds: 30 }), id: 9 });
    input.end();
    await ended;
  });

  it("goes on after a line that is no message", async () => {
    const { send, receive, ask, input } = overStdio();
    input.write("nonsense\n\n");
    expect(await receive()).toMatchObject({ error: { code: -32700 } });
    send([]);
    expect(await receive()).toMatchObject({ error: { code: -32700 } });
    send({ jsonrpc: "2.0", id: 5, result: {} });
    expect(await ask(call("nothing"))).toMatchObject({ error: { code: -32602 } });
    expect(await ask(call("echo", { text: 5 }))).toMatchObject({ result: { isError: true } });
  });
});

describe("echo over HTTP", () => {
  let server: Server;
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });
  const start = async (isStateless = false): Promise<string> => {
    server = await serveHttp(create(isStateless), 0);
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  };
  const mirrored = (method: string, name?: string): Record<string, string> => ({
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": method,
    ...(name !== undefined && { "mcp-name": name }),
  });

  it("shows the headers and the identity, and that no credential came", async () => {
    const url = await start();
    const opened = await post(url, initialize());
    const session = { "mcp-session-id": opened.headers.get("mcp-session-id")! };
    const identity = { "x-auth-subject": "local:ada", "x-auth-scope": "mcp" };
    const answer = await post(url, call("request"), { headers: { ...session, ...identity } });
    const { structuredContent } = (await answer.json()).result;
    expect(structuredContent).toMatchObject({
      transport: "http",
      era: "legacy",
      authorization: "absent",
      identity,
      headers: { "content-type": "application/json" },
    });
  });

  it("says that a credential came without showing it", async () => {
    const url = await start(true);
    const headers = { authorization: "Bearer abc123def456", cookie: "a=secretcookie" };
    const answer = await post(url, call("request"), { headers });
    const text = await answer.text();
    expect(JSON.parse(text).result.structuredContent.authorization).toBe("present");
    expect(text).not.toMatch(/abc123|secretcookie/);
  });

  it("keeps sessions apart, ends them, and knows no others", async () => {
    const url = await start();
    const ids = [];
    for (const text of ["one", "two"]) {
      const opened = await post(url, initialize());
      const id = opened.headers.get("mcp-session-id")!;
      ids.push(id);
      await post(url, call("echo", { text }), { headers: { "mcp-session-id": id } });
    }
    const replay = (id: string) => post(url, call("replay"), { headers: { "mcp-session-id": id } });
    expect(await (await replay(ids[0]!)).text()).toContain("one");
    const ended = { method: "DELETE", headers: { "mcp-session-id": ids[0]! } };
    expect((await fetch(url, ended)).status).toBe(204);
    expect((await replay(ids[0]!)).status).toBe(404);
    expect((await post(url, call("replay"))).status).toBe(400);
    expect((await fetch(url)).status).toBe(405);
    const note = { jsonrpc: "2.0", method: "notifications/initialized" };
    const noted = await post(url, note, { headers: { "mcp-session-id": ids[1]! } });
    expect(noted.status).toBe(202);
  });

  it("has no sessions when it is stateless", async () => {
    const url = await start(true);
    const opened = await post(url, initialize());
    expect(opened.headers.get("mcp-session-id")).toBeNull();
    expect((await post(url, call("session"))).status).toBe(200);
  });

  it("speaks 2026-07-28 with its statuses", async () => {
    const url = await start();
    const ask = (body: object, headers: Record<string, string>) => post(url, body, { headers });
    const echo = call("echo", { text: "hi" }, envelope());
    const answer = await ask(echo, mirrored("tools/call", "echo"));
    expect(await answer.json()).toMatchObject({ result: { resultType: "complete" } });
    const wrong = await ask(echo, mirrored("tools/call", "other"));
    expect(wrong.status).toBe(400);
    expect(await wrong.json()).toMatchObject({ error: { code: -32020 } });
    const ping = { jsonrpc: "2.0", id: 1, method: "ping", params: envelope() };
    expect((await ask(ping, mirrored("ping"))).status).toBe(404);
  });

  it("refuses pages of other origins, other hosts and bodies that are no message", async () => {
    const url = await start(true);
    const headers = { origin: "https://evil.example" };
    expect((await post(url, call("request"), { headers })).status).toBe(403);
    expect((await post(url, "[")).status).toBe(400);
    expect((await post(url, [])).status).toBe(400);
    expect((await post(url, "x".repeat(1_100_000))).status).toBe(400);
  });
});
