/**
 * What goes wrong with one server or one client, while somebody else works on: nobody else may notice.
 */
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../support/bridge-server.ts";
import { fixture } from "../support/gateway.ts";
import { openSession, type McpSession } from "../support/mcp-session.ts";

const MEGABYTE = 1_048_576;
let server: BridgeServer;
let witness: McpSession;

beforeAll(async () => {
  const service = (name: string) => ({ command: process.execPath, args: [fixture(name)] });
  const services = {
    bench: service("workbench.js"),
    noisy: service("noisy.js"),
    floods: service("floods-stdout.js"),
  };
  server = await startBridge({ services });
  witness = await openSession(server.endpoint("bench"), { caller: "witness" });
});
afterAll(() => server.close());

/** @returns how many calls somebody else made meanwhile, every one of which was answered as it should be */
async function meanwhile(mishap: () => Promise<void>): Promise<number> {
  let isOver = false;
  let calls = 0;
  const working = (async () => {
    while (!isOver) {
      const text = `call ${calls}`;
      expect(await witness.tool("say", { text })).toBe(text);
      calls += 1;
    }
  })();
  await mishap().finally(() => (isOver = true));
  await working;
  return calls;
}

describe("somebody else works on (B10, B12, B14)", () => {
  it("while a server answers with ten megabytes in one line", async () => {
    const calls = await meanwhile(async () => {
      const session = await openSession(server.endpoint("noisy"));
      const length = 10 * MEGABYTE - 200; // the limit is the line's, envelope included
      const { result } = await session.request("long", { length });
      expect(result.text.length).toBe(length);
      await session.delete();
    });
    expect(calls).toBeGreaterThan(0);
  });

  it("while a line is longer than any may be", async () => {
    await meanwhile(async () => {
      const session = await openSession(server.endpoint("floods"));
      const { error } = await session.request("flood");
      expect(error.message).toContain("wrote a line longer than");
    });
  });

  it("while a server writes five megabytes of complaints", async () => {
    await meanwhile(async () => {
      const session = await openSession(server.endpoint("noisy"));
      const { result } = await session.request("loud", { length: 5 * MEGABYTE });
      expect(result.text).toBe("said it all");
      await session.delete();
    });
  });

  it("while characters arrive in halves, between banners", async () => {
    await meanwhile(async () => {
      const session = await openSession(server.endpoint("noisy"));
      expect((await session.request("split")).result).toEqual({ text: "naïve 🦊 ü" });
      await session.delete();
    });
  });

  it("while another session of the same service crashes in the middle of a call", async () => {
    await meanwhile(async () => {
      const session = await openSession(server.endpoint("bench"));
      const running = session.request("tools/call", { name: "wait", arguments: { ms: 60_000 } });
      const crash = { name: "crash", arguments: { text: "oh" } };
      expect((await session.request("tools/call", crash)).error).toBeDefined();
      expect((await running).error.message).toContain("exited with code 7");
    });
  });

  it("while a client does not read what it asked for", async () => {
    await meanwhile(async () => {
      const session = await openSession(server.endpoint("bench"));
      const { hostname, port, pathname } = new URL(server.endpoint("bench"));
      const call = { name: "flood", arguments: { count: 64, bytes: MEGABYTE } };
      const body = JSON.stringify({ jsonrpc: "2.0", id: 7, method: "tools/call", params: call });
      const headers = {
        host: `${hostname}:${port}`,
        ...session.headers,
        accept: "application/json, text/event-stream",
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
      };
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
      const socket = connect(Number(port), hostname);
      socket.on("error", () => undefined);
      socket.pause();
      socket.write(`POST ${pathname} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${body}`);
      // The server has done its work, though nobody listened, and the session is as good as before.
      expect(await session.tool("say", { text: "and now?" })).toBe("and now?");
      // It was let go of, so what comes now is the end.
      const isOver = new Promise((resolve) => socket.once("close", resolve));
      socket.resume();
      await isOver;
      await session.delete();
    });
  });
});
