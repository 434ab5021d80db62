/**
 * Servers elsewhere that are broken, slow or hostile: what a client is told, and what the server never gets.
 */
import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../support/bridge-server.ts";
import { initialize, openSession, post, type Wire } from "../support/mcp-session.ts";
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
    environment: { FAR_KEY: "s3cr3t-of-far" },
  });
  open.push(bridge);
  return bridge;
}

/** Answers a tool call otherwise; everything else as it should be. */
const onCall = (answer: (response: ServerResponse, body: Wire) => void) =>
  legacyUpstream((_, response, body) =>
    body.method === "tools/call" ? answer(response, body) : false,
  );

async function call(bridge: BridgeServer): Promise<{ result?: Wire; error?: Wire; id: unknown }> {
  const session = await openSession(bridge.endpoint("far"));
  return await session.request("tools/call", { name: "x", arguments: { a: 1 } });
}

describe("what a server elsewhere gets of a caller (B15)", () => {
  it("is the message and the configured headers, and nothing that came with the request", async () => {
    const upstream = await legacyUpstream();
    const bridge = await behind(upstream, { headers: { Authorization: "Bearer ${FAR_KEY}" } });
    const strange = {
      authorization: "Bearer token-of-the-caller",
      cookie: "a=cookie-of-the-caller",
      forwarded: "for=1.2.3.4",
      "x-forwarded-user": "user-of-the-caller",
      "x-forwarded-for": "1.2.3.4",
      "x-test-caller": "ada",
      "mcp-param-secret": "param-of-the-caller",
      "last-event-id": "event-of-the-caller",
    };
    const opened = await post(bridge.endpoint("far"), initialize(), { headers: strange });
    const id = opened.headers.get("mcp-session-id")!;
    await post(
      bridge.endpoint("far"),
      { jsonrpc: "2.0", id: 2, method: "ping" },
      { headers: { ...strange, "mcp-session-id": id } },
    );
    expect(upstream.requests.length).toBeGreaterThanOrEqual(2);
    const allowed = new Set([
      "host", "connection", "authorization", "accept-encoding", "content-type", "accept",
      "content-length", "mcp-session-id", "mcp-protocol-version",
    ]); // prettier-ignore
    for (const { headers } of upstream.requests) {
      expect(headers.authorization).toBe("Bearer s3cr3t-of-far");
      expect(Object.keys(headers).filter((name) => !allowed.has(name))).toEqual([]);
      expect(JSON.stringify(headers)).not.toContain("caller");
      expect(headers["mcp-session-id"]).not.toBe(id);
    }
    expect(upstream.requests[1]!.headers).toMatchObject({
      "mcp-session-id": "s-1",
      "mcp-protocol-version": "2025-11-25",
    });
  });

  it("is no second header of the gateway's own: such a configuration is refused", async () => {
    const upstream = await legacyUpstream();
    await expect(behind(upstream, { headers: { "Mcp-Session-Id": "x" } })).rejects.toThrow(
      "services.far.headers.Mcp-Session-Id is a header that the gateway writes itself",
    );
    await expect(behind(upstream, { headers: { Authorization: "${NONE}" } })).rejects.toThrow(
      "needs the environment variable NONE",
    );
    await expect(behind(upstream, { headers: { Authorization: "a\nb" } })).rejects.toThrow(
      "has a character that a header cannot carry",
    );
  });
});

describe("a redirect", () => {
  it("to another origin is not followed, and takes no credentials there", async () => {
    const thief = await legacyUpstream();
    open.push(thief);
    const upstream = await startUpstream((_, response) => {
      response.writeHead(307, { location: thief.url }).end();
    });
    const bridge = await behind(upstream, { headers: { "X-Api-Key": "${FAR_KEY}" } });
    const response = await post(bridge.endpoint("far"), initialize());
    expect(response.status).toBe(502);
    expect((await response.json()).error.message).toContain("redirects to another origin");
    expect(thief.requests).toEqual([]);
  });

  it("on the same origin is followed with its body, but not for ever", async () => {
    const upstream = await startUpstream((request, response, body) => {
      if (request.url === "/mcp") response.writeHead(308, { location: "/moved/" }).end();
      else if (request.url === "/moved/") sendJson(response, legacyAnswer(body));
      else response.writeHead(307, { location: "/loop" }).end();
    });
    const bridge = await behind(upstream);
    expect((await post(bridge.endpoint("far"), initialize())).status).toBe(200);
    const loop = { ...upstream, url: upstream.url.replace("mcp", "loop"), close: async () => {} };
    const other = await behind(loop);
    const refused = await post(other.endpoint("far"), initialize());
    expect((await refused.json()).error.message).toContain("redirects more than 3 times");
    expect(upstream.requests.filter(({ url }) => url === "/loop")).toHaveLength(4);
  });

  it.each([301, 302, 303])("with %i is refused: the POST would become a GET", async (status) => {
    const upstream = await startUpstream((_, response) => {
      response.writeHead(status, { location: "/mcp/" }).end();
    });
    const bridge = await behind(upstream);
    const { error } = await (await post(bridge.endpoint("far"), initialize())).json();
    expect(error.message).toContain(`redirects with status ${status}`);
    expect(upstream.requests).toHaveLength(1);
  });
});

describe("a refusal of the server elsewhere", () => {
  it.each([401, 403])("of our credentials (%i) is no challenge to the client", async (status) => {
    const upstream = await startUpstream((_, response) => {
      response.writeHead(status, { "www-authenticate": 'Bearer realm="far"' });
      response.end("<html>s3cr3t-of-far</html>");
    });
    const bridge = await behind(upstream, { headers: { "X-Api-Key": "${FAR_KEY}" } });
    const response = await post(bridge.endpoint("far"), initialize());
    expect(response.status).toBe(502);
    expect(response.headers.get("www-authenticate")).toBeNull();
    const { error } = await response.json();
    expect(error.message).toBe(
      `service far refuses the gateway's own credentials (${status}); see its headers in the configuration`,
    );
    expect(bridge.bridge.health()["far"]).toEqual({
      state: "failing",
      children: [],
      era: "legacy",
      reason: error.message,
    });
  });

  it.each([429, 503])("with %i says when to come back", async (status) => {
    const upstream = await startUpstream((_, response) => {
      response.writeHead(status, { "retry-after": "17" }).end();
    });
    const bridge = await behind(upstream);
    const response = await post(bridge.endpoint("far"), initialize());
    expect(response.status).toBe(status);
    expect(response.headers.get("retry-after")).toBe("17");
  });

  it("in a page of HTML is not repeated to the client", async () => {
    const bridge = await behind(
      await onCall((response) => {
        response.writeHead(500, { "content-type": "text/html" });
        response.end("<html>internal secrets</html>");
      }),
    );
    const { error } = await call(bridge);
    expect(error).toEqual({ code: -32000, message: "service far answered with status 500" });
  });

  it("in words of JSON-RPC is the server's own and passes", async () => {
    const error = { code: -32011, message: "not today", data: { its: "own" } };
    const bridge = await behind(
      await onCall((response) => sendJson(response, { jsonrpc: "2.0", id: null, error }, {}, 409)),
    );
    expect(await call(bridge)).toMatchObject({ id: 1, error });
  });
});

describe("an answer that is none", () => {
  const cases: [string, (response: ServerResponse, body: Wire) => void, string][] = [
    ["HTML", (r) => r.writeHead(200, { "content-type": "text/html" }).end("<p>"), "answered with text/html"],
    ["no JSON", (r) => r.writeHead(200, { "content-type": "application/json" }).end("{"), "something that is not MCP"],
    ["no JSON-RPC", (r) => sendJson(r, { hello: 1 }), "something that is not MCP"],
    ["nothing at all", (r) => r.writeHead(202).end(), "ended its answer before the result"],
    ["a stream without it", (r) => r.writeHead(200, STREAM).end(": \n\n"), "ended its answer before the result"],
    ["a broken connection", (r) => r.socket!.destroy(), "closed the connection"],
    ["a broken stream", (r) => r.writeHead(200, STREAM).write("data: {", () => r.socket!.destroy()), "closed the connection"],
    [
      "11 MB",
      (r) => r.writeHead(200, { "content-type": "application/json" }).end(Buffer.alloc(11 * 2 ** 20, 32)),
      "more than 10485760 bytes",
    ],
    ["an event of 11 MB", (r) => r.writeHead(200, STREAM).end(Buffer.alloc(11 * 2 ** 20, 97)), "an event of more than"],
    [
      "compressed",
      (r, { id }) => {
        r.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
        r.end(gzipSync(JSON.stringify({ jsonrpc: "2.0", id, result: {} })));
      },
      "compresses its answers",
    ],
    [
      "nested too deep",
      (r, { id }) => {
        r.writeHead(200, { "content-type": "application/json" });
        r.end(`{"jsonrpc":"2.0","id":${id},"result":${"[".repeat(5000)}${"]".repeat(5000)}}`);
      },
      "something that is not MCP",
    ],
  ]; // prettier-ignore
  it.each(cases)("%s is an error of that call alone", async (_, answer, words) => {
    let calls = 0;
    const bridge = await behind(
      await legacyUpstream((_request, response, body) =>
        body.method === "tools/call" && ++calls === 1 ? answer(response, body) : false,
      ),
    );
    const session = await openSession(bridge.endpoint("far"));
    const broken = await session.request("tools/call", { name: "x" });
    expect(broken.error.message).toContain(words);
    expect((await session.request("tools/call", { name: "x" })).result).toBeDefined();
    expect(bridge.bridge.health()["far"]).toMatchObject({ state: "running" });
  });
});
