/**
 * What may be asked of the gateway for a server elsewhere: nothing leaks, nothing hangs, nothing piles up, and its health is
 * what it is.
 */
import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../support/bridge-server.ts";
import { initialize, openSession, post } from "../support/mcp-session.ts";
import { createMovableClock } from "../support/movable-clock.ts";
import { startTlsSite } from "../support/tls-site.ts";
import { legacyAnswer, legacyUpstream, sendJson, type Upstream } from "../support/upstream.ts";

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each.close();
});

async function behind(url: string, more: object = {}, clock = createMovableClock()) {
  const bridge: BridgeServer = await startBridge({
    services: { far: { url, era: "legacy", ...more } },
    environment: { FAR_KEY: 's3cr3t"of\\far' },
    clock,
  });
  open.push(bridge);
  return bridge;
}

async function legacy(...given: Parameters<typeof legacyUpstream>): Promise<Upstream> {
  const upstream = await legacyUpstream(...given);
  open.push(upstream);
  return upstream;
}

/** Answers every connection with bytes. */
async function raw(answer: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
    socket.once("data", () => answer(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push({
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    },
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
}

const reasonOf = async (bridge: BridgeServer): Promise<string> => {
  const response = await post(bridge.endpoint("far"), initialize());
  return (await response.json()).error.message;
};

describe("the credentials of the gateway", () => {
  it("come back in no error, however the server elsewhere writes them", async () => {
    const upstream = await legacy((request, response, body) => {
      if (body.method !== "tools/call") return false;
      const said = String(request.headers["x-api-key"]);
      const error = { code: -1, message: `bad key ${said}`, data: { key: said } };
      return sendJson(response, { jsonrpc: "2.0", id: body.id, error }, {}, 400);
    });
    const bridge = await behind(upstream.url, { headers: { "X-Api-Key": "${FAR_KEY}" } });
    const session = await openSession(bridge.endpoint("far"));
    const { error } = await session.request("tools/call", { name: "x" });
    expect(error).toEqual({
      code: -1,
      message: "bad key [redacted]",
      data: { key: "[redacted]" },
    });
    expect(bridge.logged()).not.toContain("s3cr3t");
  });
});

describe("a server elsewhere that is no MCP server", () => {
  it.each([
    ["bytes that are no HTTP", "hello\r\n\r\n", "does not speak HTTP"],
    ["headers without end", `HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(20_000)}`, "headers that are too large"],
    ["nothing", "", "closed the connection"],
  ])("is told by %s", async (_, bytes, words) => {
    const bridge = await behind(await raw((socket) => socket.end(bytes)));
    expect(await reasonOf(bridge)).toContain(words);
  }); // prettier-ignore

  it("is told by a certificate nobody vouches for; nothing was said to it", async () => {
    const site = await startTlsSite();
    open.push(site);
    const bridge = await behind(`${site.origin}/mcp`, { headers: { "X-Api-Key": "${FAR_KEY}" } });
    expect(await reasonOf(bridge)).toBe("service far has a certificate that is not trusted");
    expect(site.requests).toEqual([]);
  });
});

describe("the health of a server elsewhere", () => {
  it("is looked at again without anybody's request, at longer and longer intervals", async () => {
    let isDown = true;
    const clock = createMovableClock();
    const upstream = await legacy((_, response) =>
      isDown ? response.writeHead(500).end() : false,
    );
    const bridge = await behind(upstream.url, {}, clock);
    await reasonOf(bridge);
    const looks = async (seconds: number): Promise<number> => {
      const before = upstream.requests.length;
      clock.advance(seconds);
      await new Promise((resolve) => setTimeout(resolve, 150));
      return upstream.requests.length - before;
    };
    expect(bridge.bridge.health()["far"]).toMatchObject({ state: "failing" });
    expect([await looks(5), await looks(5), await looks(5)]).toEqual([1, 0, 1]);
    isDown = false;
    await looks(60);
    expect(bridge.bridge.health()["far"]).toMatchObject({ state: "idle" });
    expect(await looks(600)).toBe(0);
  });

  it("does not recover by an answer that is none: a wrong address stays wrong", async () => {
    const clock = createMovableClock();
    const upstream = await legacy((_, response) => response.writeHead(404).end());
    const bridge = await behind(upstream.url, {}, clock);
    expect(await reasonOf(bridge)).toBe("service far answered with status 404");
    for (let look = 0; look < 3; look += 1) {
      const before = upstream.requests.length;
      clock.advance(60);
      await expect.poll(() => upstream.requests.length).toBeGreaterThan(before);
    }
    expect(bridge.bridge.health()["far"]).toMatchObject({ state: "failing" });
    expect(bridge.logged()).not.toContain("answers again");
  });

  it.each([
    ["a page instead of a GET stream", "GET", 200, "<html>"],
    ["500 to GET", "GET", 500, ""],
    ["500 to DELETE", "DELETE", 500, ""],
    ["plain text to a notification", "POST", 200, "ok"],
  ])("does not suffer from %s", async (_, method, status, text) => {
    const upstream = await legacy((request, response, body) => {
      if (request.method !== method || (method === "POST" && body.id !== undefined)) return false;
      response.writeHead(status, { "content-type": "text/html" });
      return response.end(text);
    });
    const bridge = await behind(upstream.url);
    const session = await openSession(bridge.endpoint("far"));
    expect((await session.request("ping")).result).toEqual({});
    expect(bridge.bridge.health()["far"]).toMatchObject({ state: "running" });
    await session.delete();
    await expect.poll(() => upstream.requests.at(-1)?.method).toBe("DELETE");
    expect(bridge.bridge.health()["far"]).toMatchObject({ state: "idle" });
    expect(bridge.logged()).not.toContain('"level":40');
  });
});

describe("many clients of one server elsewhere", () => {
  it("each get their own answers, though all count from one (B04)", async () => {
    let next = 0;
    const upstream = await legacy((_, response, body) => {
      if (body.method === "initialize") {
        return sendJson(response, legacyAnswer(body), { "mcp-session-id": `s-${next++}` });
      }
      // Answers overtake one another.
      if (body.method !== "tools/call") return false;
      return setTimeout(() => sendJson(response, legacyAnswer(body)), Math.random() * 20);
    });
    const bridge = await behind(upstream.url);
    const said = await Promise.all(
      Array.from({ length: 40 }, async (_, client) => {
        const session = await openSession(bridge.endpoint("far"), { caller: `caller-${client}` });
        const answers = await Promise.all(
          [0, 1, 2, 3].map((call) => session.tool("say", { client, call })),
        );
        await session.delete();
        return answers;
      }),
    );
    const expected = Array.from({ length: 40 }, (_, client) =>
      [0, 1, 2, 3].map((call) => ({ client, call })),
    );
    expect(said).toEqual(expected);
    const ids = new Set(upstream.requests.map(({ headers }) => headers["mcp-session-id"]));
    expect(ids.size).toBe(41);
  });

  it("leave no connection behind that nobody needs", async () => {
    const upstream = await legacy((request, response) => {
      if (request.method !== "GET") return false;
      return response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    });
    const bridge = await behind(upstream.url);
    const sessions = await Promise.all(
      Array.from({ length: 20 }, () => openSession(bridge.endpoint("far"))),
    );
    await expect.poll(() => upstream.connections()).toBeGreaterThanOrEqual(20);
    await Promise.all(sessions.map((session) => session.delete()));
    await expect.poll(() => upstream.connections(), { timeout: 8000 }).toBe(0);
  });
});

describe("a large result", () => {
  it("passes whole", async () => {
    const text = "ü".repeat(4_000_000);
    const upstream = await legacy((_, response, body) => {
      if (body.method !== "tools/call") return false;
      const result = { content: [{ type: "text", text }] };
      return sendJson(response, { jsonrpc: "2.0", id: body.id, result });
    });
    const bridge = await behind(upstream.url);
    const session = await openSession(bridge.endpoint("far"));
    const { result } = await session.request("tools/call", { name: "x" });
    expect(result.content[0].text === text).toBe(true);
  });
});

describe("a server elsewhere that does not answer", () => {
  it("is given up after the service's time-out, and told so", async () => {
    const upstream = await legacy((_, _response, body) => body.method === "tools/call");
    const clock = createMovableClock();
    const bridge = await behind(upstream.url, { timeout: "20s" }, clock);
    const session = await openSession(bridge.endpoint("far"));
    const waiting = session.request("tools/call", { name: "x" });
    await expect.poll(() => upstream.requests.at(-1)?.body.method).toBe("tools/call");
    for (let look = 0; look < 8; look += 1) clock.advance(5);
    expect((await waiting).error.message).toMatch(/20|no sign|no answer|time/i);
    await expect.poll(() => upstream.requests.at(-1)?.body.method).toBe("notifications/cancelled");
  });
});
