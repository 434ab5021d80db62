/**
 * Sessions with servers elsewhere: lost, resumed, dead and back again; and streams that come in pieces or never end.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../support/bridge-server.ts";
import { eventsOf, initialize, openSession, post, type Wire } from "../support/mcp-session.ts";
import {
  legacyAnswer,
  legacyUpstream,
  sendJson,
  startUpstream,
  STREAM,
  type Upstream,
} from "../support/upstream.ts";

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each.close();
});

async function behind(upstream: Upstream, more: object = {}): Promise<BridgeServer> {
  open.push(upstream);
  const bridge = await startBridge({
    services: { far: { url: upstream.url, era: "legacy", ...more } },
  });
  open.push(bridge);
  return bridge;
}

const result = (id: unknown, text: string) => ({
  jsonrpc: "2.0",
  id,
  result: { content: [{ type: "text", text }] },
});

describe("a session the server elsewhere has lost", () => {
  const lost: [string, (response: ServerResponse) => void][] = [
    ["404", (response) => response.writeHead(404).end()],
    [
      "400, as some servers have it",
      (response) => {
        const error = { code: -32000, message: "Bad Request: No valid session ID provided" };
        sendJson(response, { jsonrpc: "2.0", id: null, error }, {}, 400);
      },
    ],
  ];
  it.each(lost)(
    "(%s) is lost here, too, so that the client begins anew (T05)",
    async (_, answer) => {
      let isLost = false;
      const bridge = await behind(
        await legacyUpstream((request, response) =>
          isLost && request.headers["mcp-session-id"] ? answer(response) : false,
        ),
      );
      const session = await openSession(bridge.endpoint("far"));
      isLost = true;
      const { error } = await session.request("tools/call", { name: "x" });
      expect(error.message).toContain("does not know the session any more");
      const next = await session.post({ jsonrpc: "2.0", id: 9, method: "ping" });
      expect(next.status).toBe(404);
      isLost = false;
      await openSession(bridge.endpoint("far"));
    },
  );
});

describe("a stream of a server elsewhere", () => {
  const onCall = (answer: (response: ServerResponse, body: Wire) => void) =>
    legacyUpstream((_, response, body) =>
      body.method === "tools/call" ? answer(response, body) : false,
    );

  it("may be cut anywhere, in the middle of a character, too", async () => {
    const bridge = await behind(
      await onCall((response, { id }) => {
        response.writeHead(200, STREAM);
        const text = `\ufeff: hello\r\nevent: message\r\ndata: ${JSON.stringify(result(id, "grüße 🙂"))}\r\n\r\n`;
        const bytes = Buffer.from(text);
        let at = 0;
        const next = (): void => {
          if (at === bytes.length) return void response.end();
          response.write(bytes.subarray(at, ++at), () => setImmediate(next));
        };
        next();
      }),
    );
    const session = await openSession(bridge.endpoint("far"));
    const answer = await session.request("tools/call", { name: "x" });
    expect(answer.result.content[0].text).toBe("grüße 🙂");
  });

  it("that goes on behind the answer is left", async () => {
    let isLeft = false;
    const bridge = await behind(
      await onCall((response, { id }) => {
        response.writeHead(200, STREAM);
        response.write(`data: ${JSON.stringify(result(id, "done"))}\n\n`);
        response.once("close", () => (isLeft = true));
      }),
    );
    const session = await openSession(bridge.endpoint("far"));
    expect((await session.request("tools/call", { name: "x" })).result).toBeDefined();
    await expect.poll(() => isLeft, { timeout: 5000 }).toBe(true);
  });

  it("that breaks behind an event is resumed, when the server said, and only then", async () => {
    const upstream = await legacyUpstream((request, response, body) => {
      if (body.method === "tools/call") {
        response.writeHead(200, STREAM);
        const told = { jsonrpc: "2.0", method: "notifications/message", params: { data: 1 } };
        response.end(`id: e-1\nretry: 300\ndata:\n\nid: e-2\ndata: ${JSON.stringify(told)}\n\n`);
        return true;
      }
      if (request.headers["last-event-id"] !== "e-2") return false;
      response.writeHead(200, STREAM);
      response.end(`id: e-3\ndata: ${JSON.stringify(result(1, "resumed"))}\n\n`);
      return true;
    });
    const bridge = await behind(upstream);
    const session = await openSession(bridge.endpoint("far"));
    const before = performance.now();
    const answer = await session.request("tools/call", { name: "x" });
    expect(answer.result.content[0].text).toBe("resumed");
    expect(performance.now() - before).toBeGreaterThanOrEqual(290);
    const resumed = upstream.requests.find(({ headers }) => headers["last-event-id"]);
    expect(resumed).toMatchObject({ method: "GET", headers: { "mcp-session-id": "s-1" } });
  });

  it("for what is said unasked is opened, and opened again where it ended (T12)", async () => {
    let opened = 0;
    const upstream = await legacyUpstream((request, response) => {
      if (request.method !== "GET") return false;
      opened += 1;
      const told = { jsonrpc: "2.0", method: "notifications/tools/list_changed" };
      response.writeHead(200, STREAM);
      response.write(`id: g-${opened}\nretry: 50\ndata: ${JSON.stringify(told)}\n\n`);
      if (opened < 3) response.end();
      return true;
    });
    const bridge = await behind(upstream);
    const session = await openSession(bridge.endpoint("far"));
    const stream = eventsOf(await session.get());
    for (let seen = 0; seen < 3;) if ((await stream.next()).value!.data) seen += 1;
    const gets = upstream.requests.filter(({ method }) => method === "GET");
    expect(gets.map(({ headers }) => headers["last-event-id"])).toEqual([undefined, "g-1", "g-2"]);
  });

  it("hears of a cancelled call under the server's id, and nothing of it afterwards (T19)", async () => {
    let hanging: IncomingMessage | undefined;
    let isLeft = false;
    const upstream = await legacyUpstream((request, response, body) => {
      if (body.method !== "tools/call") return false;
      hanging = request;
      response.once("close", () => (isLeft = true));
      return true;
    });
    const bridge = await behind(upstream);
    const session = await openSession(bridge.endpoint("far"));
    const waiting = session.post({
      jsonrpc: "2.0",
      id: "mine",
      method: "tools/call",
      params: { name: "x" },
    });
    await expect.poll(() => hanging).toBeDefined();
    await session.post({
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId: "mine" },
    });
    await (await waiting).text();
    await expect.poll(() => isLeft).toBe(true);
    const called = upstream.requests.find(({ body }) => body.method === "tools/call")!;
    const cancelled = upstream.requests.find(
      ({ body }) => body.method === "notifications/cancelled",
    )!;
    expect(cancelled.body.params.requestId).toBe(called.body.id);
  });
});

describe("a server elsewhere that is not there", () => {
  it("is an outage to clients and in its health, until it is back", async () => {
    const upstream = await legacyUpstream();
    const { port } = upstream;
    const bridge = await behind(upstream);
    const session = await openSession(bridge.endpoint("far"));
    await upstream.close();
    const { error } = await session.request("tools/call", { name: "x" });
    expect(error.message).toMatch(/service far (?:cannot be reached: connection refused|closed)/);
    const refused = await post(bridge.endpoint("far"), initialize());
    expect(refused.status).toBe(502);
    expect((await refused.json()).error.message).toBe(
      "service far cannot be reached: connection refused",
    );
    expect(bridge.bridge.health()["far"]).toMatchObject({ state: "failing" });
    open.push(await legacyUpstream(undefined, port));
    await openSession(bridge.endpoint("far"));
    expect(bridge.bridge.health()["far"]).toMatchObject({ state: "running" });
    expect(bridge.logged()).toContain("answers again");
  });

  it("whose name nobody knows is said so, without its name", async () => {
    const bridge = await startBridge({
      services: { far: { url: "https://nowhere.invalid/mcp", era: "legacy" } },
    });
    open.push(bridge);
    const refused = await post(bridge.endpoint("far"), initialize());
    expect(refused.status).toBe(502);
    const text = await refused.text();
    expect(text).toMatch(/its host name (?:is unknown|cannot be looked up)/);
    expect(text).not.toContain("nowhere");
  });
});

describe("the transport of 2024-11-05", () => {
  /** @param endpoint what the server names */
  const events = (endpoint: string) =>
    startUpstream((request, response, body) => {
      if (request.method === "GET") {
        response.writeHead(200, STREAM);
        response.write(`event: endpoint\ndata: ${endpoint}\n\n`);
        streams.push(response);
      } else if (request.url === "/mcp") response.writeHead(405).end();
      else {
        response.writeHead(202).end("Accepted");
        const answer = legacyAnswer(body);
        if (answer) streams.at(-1)!.write(`data: ${JSON.stringify(answer)}\n\n`);
      }
    });
  const streams: ServerResponse[] = [];

  it("is found out by what clients go by: POST refused, GET with an endpoint", async () => {
    const upstream = await events("/post?session=1");
    const bridge = await behind(upstream);
    const session = await openSession(bridge.endpoint("far"));
    expect((await session.request("ping")).result).toEqual({});
    expect(upstream.requests.slice(0, 3).map(({ method, url }) => `${method} ${url}`)).toEqual([
      "POST /mcp",
      "GET /mcp",
      "POST /post?session=1",
    ]);
  });

  it("names no endpoint elsewhere: credentials go with every POST", async () => {
    const thief = await legacyUpstream();
    open.push(thief);
    const bridge = await behind(await events(thief.url), {
      transport: "sse",
      headers: { "x-api-key": "s3cr3t" },
    });
    const refused = await post(bridge.endpoint("far"), initialize());
    expect(refused.status).toBe(502);
    expect((await refused.json()).error.message).toContain("names an endpoint at another origin");
    expect(thief.requests).toEqual([]);
  });

  it("ends its session with its stream", async () => {
    const bridge = await behind(await events("/post"), { transport: "sse" });
    const session = await openSession(bridge.endpoint("far"));
    streams.at(-1)!.end();
    await expect
      .poll(async () => (await session.post({ jsonrpc: "2.0", id: 3, method: "ping" })).status)
      .toBe(404);
  });
});
