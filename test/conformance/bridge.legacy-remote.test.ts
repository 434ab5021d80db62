/**
 * A client of the revisions with `initialize` on a server of 2026-07-28 that is elsewhere: two gateways in a row, of which the
 * first translates and the second is the server.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  ElicitRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../support/bridge-server.ts";
import { fixture } from "../support/gateway.ts";
import type { Wire } from "../support/mcp-session.ts";

let elsewhere: BridgeServer;
let server: BridgeServer;
let client: Client;
beforeAll(async () => {
  const args = [fixture("modern-workbench.js"), "full"];
  elsewhere = await startBridge({ services: { bench: { command: process.execPath, args } } });
  server = await startBridge({
    services: {
      bench: { url: elsewhere.endpoint("bench"), era: "modern" },
      nowhere: { url: elsewhere.endpoint("nobody"), era: "modern" },
    },
  });
  client = new Client({ name: "v1", version: "1" }, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => ({
    action: "accept",
    content: { heard: params.message },
  }));
  await client.connect(new StreamableHTTPClientTransport(new URL(server.endpoint("bench"))));
});
afterAll(async () => {
  await client.close();
  await server.close();
  await elsewhere.close();
});

async function tool(name: string, given: object = {}): Promise<Wire> {
  const result: Wire = await client.callTool({ name, arguments: { ...given } });
  return JSON.parse(result.content[0].text);
}

it("T25 is asked in the course of its calls, round after round", async () => {
  expect(client.getServerVersion()?.name).toBe("modern-workbench");
  expect((await tool("rounds", { count: 2 })).map(({ content }: Wire) => content.heard)).toEqual([
    "question 1",
    "question 2",
  ]);
});

it("T22 has its progress", async () => {
  const progress: number[] = [];
  await client.callTool({ name: "rounds", arguments: { count: 1 } }, undefined, {
    onprogress: (step) => progress.push(step.progress),
  });
  expect(progress).toEqual([1, 2, 3]);
});

it("T23 has its log", async () => {
  const logged: unknown[] = [];
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
    logged.push(params.data);
  });
  await client.setLoggingLevel("info");
  expect(await tool("logAt", { level: "error", data: "told" })).toBe("logged");
  await expect.poll(() => logged).toEqual(["told"]);
});

it("T24 hears of what it subscribed to, once", async () => {
  const heard: string[] = [];
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
    heard.push(params.uri);
  });
  await client.subscribeResource({ uri: "a:1" });
  await client.subscribeResource({ uri: "a:2" });
  const method = "notifications/resources/updated";
  for (const uri of ["a:1", "a:3", "a:2"]) await tool("change", { method, uri });
  await expect.poll(() => heard).toEqual(["a:1", "a:2"]);
});

it("T19 cancels what it does not wait for", async () => {
  const abort = new AbortController();
  const given = { name: "wait", arguments: { ms: 60_000 } };
  const running = client.callTool(given, undefined, { signal: abort.signal });
  running.catch(() => undefined);
  await tool("pid");
  abort.abort();
  await expect(running).rejects.toThrow();
  await expect
    .poll(async () => {
      const received: Wire[] = await tool("received");
      const own = received.find(({ params }) => params?.name === "wait").id;
      return received.some(
        ({ method, params }) => method === "notifications/cancelled" && params.requestId === own,
      );
    })
    .toBe(true);
});

it("is told when the server is not there", async () => {
  const lost = new Client({ name: "v1", version: "1" });
  const url = new URL(server.endpoint("nowhere"));
  await expect(lost.connect(new StreamableHTTPClientTransport(url))).rejects.toThrow();
});
