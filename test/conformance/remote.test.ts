/**
 * Servers elsewhere that are built with the SDKs, through the bridge: what a client sees does not tell where the server is.
 */
import { afterEach, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../support/bridge-server.ts";
import { openSession, post, messagesOf, type Wire } from "../support/mcp-session.ts";
import {
  referee,
  sdkEvents,
  sdkSessions,
  sdkStateless,
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

const say = { name: "say", arguments: { text: "grüße" } };

describe("a legacy client and a server elsewhere", () => {
  it.each([
    ["with sessions", sdkSessions],
    ["without sessions, in JSON", sdkStateless],
    ["over the transport of 2024-11-05, found out", sdkEvents],
  ])("talk %s", async (_, start) => {
    const upstream = await start();
    const bridge = await behind(upstream);
    const session = await openSession(bridge.endpoint("far"));
    const { result } = await session.request("tools/call", say);
    expect(result.content).toEqual([{ type: "text", text: "grüße" }]);
    const listed = await session.request("tools/list");
    expect(listed.result.tools.map(({ name }: Wire) => name)).toEqual(["say", "ask"]);
    expect(bridge.bridge.health()["far"]).toMatchObject({ state: "running" });
    await session.delete();
  });

  it("remember the old transport, and need not be told of it", async () => {
    const upstream = await sdkEvents();
    const bridge = await behind(upstream);
    await openSession(bridge.endpoint("far"));
    upstream.requests.length = 0;
    await openSession(bridge.endpoint("far"));
    expect(upstream.requests[0]).toMatchObject({ method: "GET", url: "/mcp" });
  });

  it("relay what the server asks on the stream of its call", async () => {
    const bridge = await behind(await sdkSessions());
    const session = await openSession(bridge.endpoint("far"), { capabilities: { roots: {} } });
    const response = await session.post({
      jsonrpc: "2.0",
      id: 9,
      method: "tools/call",
      params: { name: "ask", arguments: {} },
    });
    const reader = messagesOf(response);
    await expect
      .poll(async () => {
        const answer = { jsonrpc: "2.0", id: 1, result: { roots: [{ uri: "file:///a" }] } };
        return (await session.post(answer)).status;
      })
      .toBe(202);
    const messages = await reader;
    expect(messages.map(({ method }) => method)).toEqual(["roots/list", undefined]);
    expect(messages[1].result.content[0].text).toBe("file:///a");
  });

  it("end the session there with the one here", async () => {
    const upstream = await sdkSessions();
    const bridge = await behind(upstream);
    const session = await openSession(bridge.endpoint("far"));
    await session.delete();
    await expect.poll(() => upstream.requests.at(-1)?.method).toBe("DELETE");
  });
});

describe("a modern client and a server elsewhere", () => {
  it("talk, each request on its own", async () => {
    const upstream = await referee("modern");
    const bridge = await behind(upstream);
    const name = "test_simple_text";
    const response = await post(
      bridge.endpoint("far"),
      {
        jsonrpc: "2.0",
        id: 1,
        method: "tools/call",
        params: {
          name,
          arguments: {},
          _meta: {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
          },
        },
      },
      {
        headers: {
          "mcp-protocol-version": "2026-07-28",
          "mcp-method": "tools/call",
          "mcp-name": name,
        },
      },
    );
    const [answer] = await messagesOf(response);
    expect(answer).toMatchObject({ id: 1, result: { resultType: "complete" } });
    expect(bridge.bridge.health()["far"]).toMatchObject({ state: "running", era: "modern" });
  });
});
