/**
 * A legacy client and a scripted modern server with the translation between them: what the client hears, and about which
 * request of its own.
 */
import { expect } from "vitest";
import type { JsonRpcMessage, RequestId } from "../../src/mcp/json-rpc.ts";
import { LegacyChannel } from "../../src/bridge/translate/legacy-channel.ts";
import { createFakeClock, type FakeClock } from "./fake-clock.ts";
import type { Wire } from "./mcp-session.ts";
import { ScriptedChannel } from "./scripted-channel.ts";

export const ENVELOPE = "io.modelcontextprotocol/";
export const CLIENT_INFO = { name: "legacy", version: "1" };

export const DISCOVERED = {
  resultType: "complete",
  supportedVersions: ["2026-07-28"],
  capabilities: {
    tools: { listChanged: true },
    prompts: {},
    resources: { subscribe: true },
    logging: {},
    extensions: { "vendor/extension": {} },
    experimental: { "vendor/trial": {} },
  },
  instructions: "Use it well.",
  ttlMs: 0,
  cacheScope: "private",
  "x-unknown": { kept: true },
  _meta: {
    [`${ENVELOPE}serverInfo`]: { name: "scripted", version: "2", title: "Scripted" },
    "vendor/key": 1,
  },
};

export interface LegacyBench {
  server: ScriptedChannel;
  channel: LegacyChannel;
  clock: FakeClock;
  /** What the client heard, oldest first, with the request it was about. */
  heard: { message: Wire; about: RequestId | undefined }[];
  /** The newest of it. */
  readonly last: Wire;
  send(message: object): Promise<void>;
  request(id: RequestId, method: string, params?: object): Promise<void>;
  /** The client's answer to a question. */
  reply(id: RequestId, result: object): Promise<void>;
}

/** Not initialized yet. */
export function openBench(pendingInput = 600): LegacyBench {
  const server = new ScriptedChannel();
  const clock = createFakeClock();
  const channel = new LegacyChannel({ channel: server, name: "bench", clock, pendingInput });
  const heard: LegacyBench["heard"] = [];
  channel.onmessage = (message, about) => heard.push({ message: structuredClone(message), about });
  const send = (message: object): Promise<void> =>
    channel.send({ jsonrpc: "2.0", ...message } as JsonRpcMessage);
  return {
    server,
    channel,
    clock,
    heard,
    get last() {
      return heard.at(-1)?.message;
    },
    send,
    request: (id, method, params) => send({ id, method, ...(params && { params }) }),
    reply: (id, result) => send({ id, result }),
  };
}

/** Initialized, with nothing heard or received since. */
export async function initializedBench(
  options: { capabilities?: object; version?: string; pendingInput?: number; server?: object } = {},
): Promise<LegacyBench> {
  const bench = openBench(options.pendingInput);
  await bench.request(0, "initialize", {
    protocolVersion: options.version ?? "2025-11-25",
    capabilities: options.capabilities ?? {},
    clientInfo: CLIENT_INFO,
  });
  bench.server.answer(options.server ?? DISCOVERED);
  expect(bench.last).toMatchObject({ id: 0, result: {} });
  bench.heard.length = 0;
  bench.server.received.length = 0;
  return bench;
}
