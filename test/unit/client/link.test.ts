import { describe, expect, it } from "vitest";
import { Link } from "../../../src/client/link.ts";
import type { Channel } from "../../../src/mcp/channel.ts";
import type { JsonRpcMessage } from "../../../src/mcp/json-rpc.ts";
import type { Wire } from "../../support/mcp-session.ts";

const MODERN = { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } };
const HELLO = {
  jsonrpc: "2.0",
  id: "h",
  method: "initialize",
  params: { capabilities: {} },
} as const;

interface Side {
  sent: Wire[];
  channel: Channel;
}

/** A link whose other ends a test plays; `initialize` and what sets state are answered by themselves. */
function linked() {
  const sides: Side[] = [];
  const heard: Wire[] = [];
  const refused = new Set<unknown>();
  const link = new Link({
    open() {
      const sent: Wire[] = [];
      const channel: Channel = {
        start: async () => undefined,
        close: async () => channel.onclose?.("was left"),
        async send(message: Wire) {
          sent.push(message);
          const isOwn = String(message.id).startsWith("mcp-gateway:");
          if (message.method !== "initialize" && !isOwn) return;
          channel.onmessage?.({ jsonrpc: "2.0", id: message.id, result: {} });
        },
      };
      sides.push({ sent, channel });
      return channel;
    },
    toHost: (message) => heard.push(message),
    wasRefused: (message: Wire) => refused.delete(message.id),
    trace: () => undefined,
  });
  const send = (message: object): void =>
    link.send({ jsonrpc: "2.0", ...message } as JsonRpcMessage);
  return { link, sides, heard, refused, send };
}

const settle = (): Promise<void> => new Promise((fulfil) => setImmediate(fulfil));
const methodsOf = ({ sent }: Side): string[] => sent.map(({ method }) => method);

describe("a link whose session is lost", () => {
  it("opens another with the host's words and sets again what was set", async () => {
    const { sides, send, heard, refused } = linked();
    send(HELLO);
    send({ method: "notifications/initialized" });
    send({ id: 1, method: "logging/setLevel", params: { level: "error" } });
    send({ id: 2, method: "resources/subscribe", params: { uri: "file:///a" } });
    send({ id: 3, method: "resources/subscribe", params: { uri: "file:///b" } });
    send({ id: 4, method: "resources/unsubscribe", params: { uri: "file:///a" } });
    await settle();
    for (const id of [1, 2, 3, 4]) sides[0]!.channel.onmessage!({ jsonrpc: "2.0", id, result: {} });
    send({ id: 5, method: "tools/call" });
    await settle();
    refused.add(5);
    sides[0]!.channel.onclose!("does not know the session any more");
    await settle();
    expect(methodsOf(sides[1]!)).toEqual([
      "initialize",
      "notifications/initialized",
      "logging/setLevel",
      "resources/subscribe",
      "tools/call",
    ]);
    expect(sides[1]!.sent[0]!.params).toEqual(HELLO.params);
    expect(sides[1]!.sent[3]!.params.uri).toBe("file:///b");
    expect(sides[1]!.sent[4]!.id).toBe(5);
    // The host hears nothing of all this.
    expect(heard.map(({ id }) => id)).toEqual(["h", 1, 2, 3, 4]);
  });

  it("never sends again what may have been carried out", async () => {
    const { sides, send, heard } = linked();
    send(HELLO);
    send({ id: 1, method: "tools/call" });
    await settle();
    sides[0]!.channel.onclose!("does not know the session any more");
    await settle();
    expect(heard.at(-1)).toMatchObject({ id: 1, error: { code: -32000 } });
    expect(heard.at(-1)!.error.message).toContain("not known");
    send({ id: 2, method: "tools/list" });
    await settle();
    expect(methodsOf(sides[1]!)).toEqual(["initialize", "notifications/initialized", "tools/list"]);
  });
});

describe("a link to both eras", () => {
  it("keeps requests that stand for themselves apart, their cancellation too", async () => {
    const { sides, send } = linked();
    send({ id: "probe", method: "server/discover", params: MODERN });
    send(HELLO);
    send({ id: 1, method: "tools/call", params: MODERN });
    send({ id: 2, method: "tools/call" });
    send({ method: "notifications/cancelled", params: { requestId: 1 } });
    send({ method: "notifications/cancelled", params: { requestId: 2 } });
    await settle();
    expect(sides[0]!.sent.map(({ id, params }) => id ?? params.requestId)).toEqual(["probe", 1, 1]);
    expect(sides[1]!.sent.map(({ id, params }) => id ?? params.requestId)).toEqual(["h", 2, 2]);
  });

  it("passes one answer for each request, and none that nobody awaits", async () => {
    const { sides, send, heard, link } = linked();
    send({ id: 0, method: "tools/call", params: MODERN });
    send({ id: "0", method: "tools/call", params: MODERN });
    await settle();
    const { channel } = sides[0]!;
    for (const id of [0, 0, "0", "other"]) channel.onmessage!({ jsonrpc: "2.0", id, result: {} });
    expect(heard.map(({ id }) => id)).toEqual([0, "0"]);
    await link.idle();
  });

  it("answers everything at its end", async () => {
    const { send, heard, link } = linked();
    send({ id: 1, method: "tools/call", params: MODERN });
    await settle();
    await link.close(1);
    expect(heard).toMatchObject([{ id: 1, error: { code: -32000 } }]);
  });
});
