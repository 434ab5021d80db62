/**
 * The eras of servers elsewhere: found out by the rules clients go by, told apart from outages, and hidden from clients of the
 * other one. Requests without sessions: their headers, their cancellation, their failures.
 */
import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { startBridge, type BridgeServer } from "../support/bridge-server.ts";
import { startGateway } from "../support/gateway.ts";
import { eventsOf, initialize, messagesOf, post, type Wire } from "../support/mcp-session.ts";
import { logIn } from "../support/strict-client.ts";
import {
  legacyAnswer,
  legacyUpstream,
  referee,
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
  const bridge = await startBridge({ services: { far: { url: upstream.url, ...more } } });
  open.push(bridge);
  return bridge;
}

const PREFIX = "io.modelcontextprotocol/";
const ENVELOPE = {
  [`${PREFIX}protocolVersion`]: "2026-07-28",
  [`${PREFIX}clientCapabilities`]: {},
};

/** A request of 2026-07-28 with its headers. */
function ask(bridge: BridgeServer, method: string, params: Wire = {}, more: Wire = {}) {
  const name = params.name ?? params.uri;
  const body = { jsonrpc: "2.0", id: "one", method, params: { ...params, _meta: ENVELOPE } };
  return post(bridge.endpoint("far"), body, {
    ...more,
    headers: {
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": method,
      ...(name !== undefined && { "mcp-name": encode(name) }),
      ...more.headers,
    },
  });
}

const encode = (text: string) =>
  /^[\x20-\x7e]*$/.test(text) ? text : `=?base64?${Buffer.from(text).toString("base64")}?=`;

const DISCOVERED = {
  resultType: "complete",
  supportedVersions: ["2026-07-28"],
  capabilities: { tools: {} },
  ttlMs: 0,
  cacheScope: "private",
};

/** A small modern server; `instead` answers what a test wants answered otherwise. */
const modernUpstream = (
  instead: (response: ServerResponse, body: Wire) => unknown = () => false,
): Promise<Upstream> =>
  startUpstream((request, response, body) => {
    if (request.method !== "POST") response.writeHead(405).end();
    else if (body.method === "initialize") {
      const error = { code: -32022, message: "no", data: { supported: ["2026-07-28"] } };
      sendJson(response, { jsonrpc: "2.0", id: body.id, error }, {}, 400);
    } else if (instead(response, body) === false) {
      const result = body.method === "server/discover" ? DISCOVERED : { resultType: "complete" };
      sendJson(response, { jsonrpc: "2.0", id: body.id, result });
    }
  });

describe("every era of client over every era of server elsewhere, through the whole gateway", () => {
  it.each([
    ["legacy", "legacy"],
    ["legacy", "auto"],
    ["modern", "legacy"],
    ["modern", "auto"],
  ] as const)(
    "a %s server and a client in mode %s; no token reaches the server (B15)",
    async (era, mode) => {
      const upstream = await referee(era);
      open.push(upstream);
      const gateway = await startGateway({ config: { services: { far: { url: upstream.url } } } });
      open.push(gateway);
      const { tokens } = await logIn(gateway.resource);
      const client = new Client({ name: "v2", version: "1" }, { versionNegotiation: { mode } });
      const transport = new StreamableHTTPClientTransport(new URL(gateway.resource), {
        requestInit: { headers: { authorization: `Bearer ${tokens.access_token}` } },
      });
      await client.connect(transport);
      const { tools } = await client.listTools();
      expect(tools.map(({ name }) => name)).toContain("test_simple_text");
      const said = await client.callTool({ name: "test_simple_text", arguments: {} });
      expect(JSON.stringify(said)).toContain("This is a simple text");
      await client.close();
      // Whatever happened on the way, the token went no further than the gateway.
      const seen = JSON.stringify(upstream.requests);
      expect(seen).not.toContain(tokens.access_token);
      expect(upstream.requests.every(({ headers }) => headers.authorization === undefined)).toBe(
        true,
      );
    },
  );
});

describe("the era of a server elsewhere", () => {
  const eraOf = async (upstream: Upstream): Promise<string | undefined> => {
    const bridge = await behind(upstream);
    await (await ask(bridge, "server/discover")).text();
    return bridge.bridge.health()["far"]!.era;
  };
  const refuseModern = (status: number, error?: object) =>
    startUpstream((request, response, body) => {
      if (request.method !== "POST") response.writeHead(405).end();
      else if (body.method !== "server/discover") sendJson(response, legacyAnswer(body) ?? {});
      else if (error) sendJson(response, { jsonrpc: "2.0", id: body.id, error }, {}, status);
      else response.writeHead(status).end();
    });

  it("is modern when it can be discovered and takes no initialize", async () => {
    expect(await eraOf(await modernUpstream())).toBe("modern");
  });

  it("is dual when it takes both; the session that showed it is ended", async () => {
    const upstream = await legacyUpstream((_, response, body) =>
      body.method === "server/discover"
        ? sendJson(response, { jsonrpc: "2.0", id: body.id, result: DISCOVERED })
        : false,
    );
    expect(await eraOf(upstream)).toBe("dual");
    await expect.poll(() => upstream.requests.map(({ method }) => method)).toContain("DELETE");
  });

  it.each([
    ["400 with an error of its own", 400, { code: -32000, message: "no session" }],
    ["404", 404, undefined],
    ["405", 405, undefined],
    ["200 with an unknown method", 200, { code: -32601, message: "unknown" }],
  ])("is legacy after %s", async (_, status, error) => {
    expect(await eraOf(await refuseModern(status, error))).toBe("legacy");
  });

  it("is asked for once", async () => {
    const upstream = await modernUpstream();
    const bridge = await behind(upstream);
    await Promise.all([1, 2, 3].map(async () => (await ask(bridge, "tools/list")).text()));
    const probes = upstream.requests.filter(({ body }) => body.method === "server/discover");
    expect(probes).toHaveLength(1);
  });

  it.each([401, 403, 429, 500, 503])("is not told by %i: that is an outage", async (status) => {
    const upstream = await startUpstream((_, response) => {
      response.writeHead(status, { "www-authenticate": "Bearer" }).end();
    });
    const bridge = await behind(upstream);
    const response = await ask(bridge, "server/discover");
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(response.headers.get("www-authenticate")).toBeNull();
    expect(bridge.bridge.health()["far"]).toMatchObject({ state: "failing" });
    expect(bridge.bridge.health()["far"]!.era).toBeUndefined();
    // Neither does a client of the other era learn anything but that.
    const opened = await post(bridge.endpoint("far"), initialize());
    expect(opened.status).toBe(503);
  });
});

describe("a request without a session", () => {
  it("carries headers made from its body, and none of the client's (M06, M07)", async () => {
    const tool = {
      name: "tür",
      inputSchema: {
        type: "object",
        properties: {
          region: { type: "string", "x-mcp-header": "Region" },
          deep: { properties: { count: { type: "integer", "x-mcp-header": "Count" } } },
          flag: { type: "boolean", "x-mcp-header": "Flag" },
        },
      },
    };
    const upstream = await modernUpstream((response, { id, method }) => {
      if (method !== "tools/list") return false;
      const result = { resultType: "complete", tools: [tool], ttlMs: 0, cacheScope: "private" };
      return sendJson(response, { jsonrpc: "2.0", id, result });
    });
    const bridge = await behind(upstream, { era: "modern" });
    const given = { region: "münchen", deep: { count: 3 } };
    const headers = {
      "mcp-param-region": encode("münchen"),
      "mcp-param-count": "3",
      "mcp-param-unknown": "x",
      "mcp-session-id": "of-the-client",
      cookie: "a=b",
    };
    const response = await ask(
      bridge,
      "tools/call",
      { name: "tür", arguments: given },
      { headers },
    );
    expect(await messagesOf(response)).toMatchObject([{ id: "one" }]);
    const called = upstream.requests.find(({ body }) => body.method === "tools/call")!;
    expect(called.headers).toMatchObject({
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": encode("tür"),
      "mcp-param-region": encode("münchen"),
      "mcp-param-count": "3",
    });
    for (const name of ["mcp-param-flag", "mcp-param-unknown", "mcp-session-id", "cookie"]) {
      expect(called.headers).not.toHaveProperty(name);
    }
  });

  it("is cancelled there when the client leaves (M19)", async () => {
    const left: string[] = [];
    const upstream = await modernUpstream((response, { method }) => {
      if (method !== "tools/call") return false;
      return response.once("close", () => left.push("left"));
    });
    const bridge = await behind(upstream, { era: "modern" });
    const abort = new AbortController();
    const asked = ask(bridge, "tools/call", { name: "x" }, { signal: abort.signal });
    await expect.poll(() => upstream.requests.at(-1)?.body.method).toBe("tools/call");
    abort.abort();
    await asked.catch(() => undefined);
    await expect.poll(() => left).toEqual(["left"]);
    expect(JSON.stringify(upstream.requests)).not.toContain("notifications/cancelled");
  });

  it("tells what is said on its own stream to its own client (M20)", async () => {
    const waiting: (() => void)[] = [];
    const upstream = await modernUpstream((response, { id, method, params }) => {
      if (method !== "tools/call") return false;
      const told = {
        jsonrpc: "2.0",
        method: "notifications/message",
        params: { level: "info", data: params.name },
      };
      response.writeHead(200, STREAM).write(`data: ${JSON.stringify(told)}\n\n`);
      waiting.push(() => {
        const answer = { jsonrpc: "2.0", id, result: { resultType: "complete" } };
        response.end(`data: ${JSON.stringify(answer)}\n\n`);
      });
      // Both are under way before either is answered.
      if (waiting.length === 2) for (const go of waiting) setTimeout(go, 50);
      return true;
    });
    const bridge = await behind(upstream, { era: "modern" });
    const call = async (name: string) => {
      const meta = { ...ENVELOPE, [`${PREFIX}logLevel`]: "info" };
      const body = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, _meta: meta } };
      const headers = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call" };
      const response = await post(bridge.endpoint("far"), body, {
        headers: { ...headers, "mcp-name": name },
      });
      return (await messagesOf(response)).map(({ params }) => params?.data);
    };
    expect(await Promise.all([call("a"), call("b")])).toEqual([
      ["a", undefined],
      ["b", undefined],
    ]);
  });

  it("keeps a subscription open, under the client's own id (M21)", async () => {
    const upstream = await modernUpstream((response, { id, method, params }) => {
      if (method !== "subscriptions/listen") return false;
      const tell = (name: string) => {
        const _meta = { [`${PREFIX}subscriptionId`]: id };
        const told = {
          jsonrpc: "2.0",
          method: `notifications/${name}`,
          params: { ...params, _meta },
        };
        response.write(`data: ${JSON.stringify(told)}\n\n`);
      };
      response.writeHead(200, STREAM);
      tell("subscriptions/acknowledged");
      tell("tools/list_changed");
      return setTimeout(() => response.end(), 50);
    });
    const bridge = await behind(upstream, { era: "modern" });
    const notifications = { toolsListChanged: true };
    const response = await ask(bridge, "subscriptions/listen", { notifications });
    const seen: Wire[] = [];
    for await (const { data } of eventsOf(response)) if (data) seen.push(JSON.parse(data));
    expect(seen.map(({ method }) => method)).toEqual([
      "notifications/subscriptions/acknowledged",
      "notifications/tools/list_changed",
      undefined,
    ]);
    expect(seen[1].params._meta[`${PREFIX}subscriptionId`]).toBe("one");
    expect(seen[2].result._meta[`${PREFIX}subscriptionId`]).toBe("one");
  });

  it.each([
    ["500", 500, 502],
    ["401", 401, 502],
    ["429", 429, 429],
    ["503", 503, 503],
  ])("that is refused with %s has a status of the gateway's own", async (_, status, shown) => {
    const upstream = await modernUpstream((response, { method }) => {
      if (method !== "tools/call") return false;
      return response.writeHead(status, { "retry-after": "9" }).end("<html>");
    });
    const bridge = await behind(upstream, { era: "modern" });
    const response = await ask(bridge, "tools/call", { name: "x" });
    expect(response.status).toBe(shown);
    expect(response.headers.get("retry-after")).toBe(shown === 502 ? null : "9");
    const { error, id } = await response.json();
    expect({ id, code: error.code }).toEqual({ id: "one", code: -32603 });
  });

  it("that fails harms no other one", async () => {
    const upstream = await modernUpstream((response, { id, method, params }) => {
      if (method !== "tools/call") return false;
      if (params.name === "breaks") return response.socket!.destroy();
      const answer = { jsonrpc: "2.0", id, result: { resultType: "complete" } };
      return setTimeout(() => sendJson(response, answer), 200);
    });
    const bridge = await behind(upstream, { era: "modern" });
    const slow = ask(bridge, "tools/call", { name: "slow" });
    const broken = await ask(bridge, "tools/call", { name: "breaks" });
    expect(broken.status).toBe(502);
    expect((await slow).status).toBe(200);
  });
});
