/** Sessions that outlive the process that served them, over a real store. */
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { handleOf } from "../../../src/bridge/bridge.ts";
import type { ConfigInput } from "../../../src/config.ts";
import { makeConfig } from "../../../src/config-file.ts";
import { createEventBus } from "../../../src/events.ts";
import { createLog } from "../../../src/log.ts";
import { createSessionMemory } from "../../../src/server/session-memory.ts";
import { createStore } from "../../../src/server/store/index.ts";
import type { Store } from "../../../src/server/store/store.ts";
import { startBridge, type BridgeServer } from "../../support/bridge-server.ts";
import { fixture } from "../../support/gateway.ts";
import { eventsOf, messagesOf, openSession, post } from "../../support/mcp-session.ts";
import { createMovableClock, type MovableClock } from "../../support/movable-clock.ts";

let folder: string;
let store: Store;
let clock: MovableClock;
const servers: BridgeServer[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "revival-"));
  clock = createMovableClock();
  const config = makeConfig({
    publicUrl: "http://localhost:0",
    store: { type: "lowdb", path: folder },
    services: { any: { command: "any" } },
  });
  const log = await createLog({ level: "silent", pretty: false });
  store = await createStore(config.store, { clock, log, events: createEventBus(() => undefined) });
  for (const name of ["ada", "bob"]) {
    await store.put("grant", `grant-of-${name}`, {
      grantId: `grant-of-${name}`,
      clientId: `client-of-${name}`,
      subject: `local:${name}`,
      resource: "http://localhost/bench/mcp",
      scopes: ["mcp"],
      identity: { subject: `local:${name}` },
      createdAt: clock.now(),
      expiresAt: clock.now() + 1e6,
    });
  }
});

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  await store.close();
  await rm(folder, { recursive: true });
});

const workbench = { command: process.execPath, args: [fixture("workbench.js")] };

/** Another process with the same store, as far as the bridge can tell. */
async function start(
  bench: ConfigInput["services"][string] = workbench,
  isShared = false,
): Promise<BridgeServer> {
  const limits = { sessionLifetime: 86_400 };
  const memory = createSessionMemory({
    store,
    clock,
    limits,
    isShared,
    onTaken: (id) => void server.bridge.end({ sessionId: handleOf(id) }, "taken over"),
  });
  const server: BridgeServer = await startBridge({ services: { bench }, clock, memory });
  servers.push(server);
  return server;
}

const log = (level: string) => ({
  method: "notifications/message",
  params: { level, data: "told" },
});

const tool = (name: string, given: object = {}) => ({
  jsonrpc: "2.0",
  id: "call",
  method: "tools/call",
  params: { name, arguments: given },
});

const remembered = async () => (await store.list("mcpSession")).items;

describe("a session whose gateway has gone", () => {
  it("goes on in a fresh server that hears what the first one heard", async () => {
    const first = await start();
    const session = await openSession(first.endpoint("bench"), { capabilities: { roots: {} } });
    await session.request("logging/setLevel", { level: "warning" });
    await session.request("resources/subscribe", { uri: "file:///a" });
    await session.request("resources/subscribe", { uri: "file:///b" });
    await session.request("resources/unsubscribe", { uri: "file:///a" });
    const before = await session.tool("pid");
    await expect
      .poll(async () => (await remembered())[0]?.record.subscriptions)
      .toEqual(["file:///b"]);
    await first.bridge.close(0.2);

    const second = await start();
    const { headers } = session;
    const answer = await post(second.endpoint("bench"), tool("received"), { headers });
    expect(answer.status).toBe(200);
    const heard = JSON.parse((await answer.json()).result.content[0].text);
    expect(heard.map(({ method }: { method: string }) => method)).toEqual([
      "initialize",
      "notifications/initialized",
      "logging/setLevel",
      "resources/subscribe",
      "tools/call",
    ]);
    expect(heard[0].params.capabilities).toEqual({ roots: {} });
    expect(heard[2].params).toEqual({ level: "warning" });
    expect(heard[3].params).toEqual({ uri: "file:///b" });
    expect(second.bridge.sessions()).toMatchObject([{ subject: "local:ada", era: "legacy" }]);
    expect(second.bridge.sessions()[0]!.pid).not.toBe(before);
  });

  it("goes on over a server that never knew of sessions", async () => {
    const modern = { ...workbench, args: [fixture("modern-workbench.js"), "full"] };
    const first = await start(modern);
    const session = await openSession(first.endpoint("bench"));
    await session.request("logging/setLevel", { level: "warning" });
    await session.request("resources/subscribe", { uri: "file:///a" });
    await expect.poll(async () => (await remembered())[0]?.record.subscriptions.length).toBe(1);
    await first.bridge.close(0.2);

    const second = await start(modern);
    const { headers } = session;
    const answer = await post(second.endpoint("bench"), tool("received"), { headers });
    const heard = JSON.parse((await answer.json()).result.content[0].text);
    const listens = heard.filter(
      ({ method }: { method: string }) => method === "subscriptions/listen",
    );
    expect(listens.at(-1).params.notifications).toEqual({
      toolsListChanged: true,
      resourcesListChanged: true,
      resourceSubscriptions: ["file:///a"],
    });
    expect(heard.at(-1).params._meta).toMatchObject({
      "io.modelcontextprotocol/logLevel": "warning",
    });
  });

  it("comes back once for many who ask at once", async () => {
    const first = await start();
    const { headers } = await openSession(first.endpoint("bench"));
    await expect.poll(remembered).toHaveLength(1);
    const second = await start();
    const asked = Array.from({ length: 8 }, (_, id) =>
      post(second.endpoint("bench"), { ...tool("pid"), id }, { headers }),
    );
    const pids = await Promise.all(
      asked.map(async (answer) => (await (await answer).json()).result.content[0].text),
    );
    expect(new Set(pids).size).toBe(1);
    expect(second.bridge.health()["bench"]!.children).toEqual([Number(pids[0])]);
  });

  it("shares one server again with another of the same person", async () => {
    const shared = { ...workbench, isolation: "user" as const };
    const first = await start(shared);
    const sessions = [];
    for (const level of ["debug", "error"]) {
      const session = await openSession(first.endpoint("bench"));
      await session.request("logging/setLevel", { level });
      sessions.push(session);
    }
    await expect.poll(remembered).toHaveLength(2);
    const second = await start(shared);
    const heard: unknown[] = [];
    for (const { headers } of sessions.toReversed()) {
      const told = tool("notify", log("info"));
      const response = await post(second.endpoint("bench"), told, { headers });
      heard.push((await messagesOf(response)).length);
    }
    // The one that wants errors only came first; the other one's level is the server's now.
    expect(heard).toEqual([1, 2]);
    expect(second.bridge.health()["bench"]!.children).toHaveLength(1);
  });

  it("repeats no event of its life before, and none of the new one for an old", async () => {
    const first = await start();
    const session = await openSession(first.endpoint("bench"));
    const { value: primer } = await eventsOf(await session.get()).next();
    await expect.poll(remembered).toHaveLength(1);
    const second = await start();
    const get = (id: string) =>
      fetch(second.endpoint("bench"), {
        headers: { ...session.headers, accept: "text/event-stream", "last-event-id": id },
      });
    expect((await get(primer!.id!.replace(/-0-0.*/, "-1-1"))).status).toBe(400);
    const listening = await get(primer!.id);
    expect(listening.status).toBe(200);
    const notify = tool("notifyLater", { method: "notifications/tools/list_changed" });
    await post(second.endpoint("bench"), notify, { headers: session.headers });
    for await (const { id, data } of eventsOf(listening)) {
      if (data === "") continue;
      expect(JSON.parse(data).method).toBe("notifications/tools/list_changed");
      expect(Number(id!.split("-").at(-2))).toBeGreaterThan(1e14);
      break;
    }
  });
});

describe("a session stays unknown", () => {
  const dead = async (server: BridgeServer, headers: Record<string, string>) =>
    (await post(server.endpoint("bench"), tool("pid"), { headers })).status;

  it("to others, who learn nothing and change nothing (B07)", async () => {
    const first = await start();
    const { headers } = await openSession(first.endpoint("bench"));
    await expect.poll(remembered).toHaveLength(1);
    const second = await start();
    expect(await dead(second, { ...headers, "x-test-caller": "bob" })).toBe(404);
    expect(second.bridge.health()["bench"]!.children).toEqual([]);
    expect(await dead(second, headers)).toBe(200);
  });

  it("T05 after its client ended it, before and after the gateway went", async () => {
    const first = await start();
    const ended = await openSession(first.endpoint("bench"));
    const other = await openSession(first.endpoint("bench"));
    await expect.poll(remembered).toHaveLength(2);
    expect((await ended.delete()).status).toBe(204);
    const second = await start();
    expect(await dead(second, ended.headers)).toBe(404);
    const { headers } = other;
    const endpoint = second.endpoint("bench");
    expect((await fetch(endpoint, { method: "DELETE", headers })).status).toBe(204);
    expect(await dead(second, headers)).toBe(404);
    expect(second.bridge.health()["bench"]!.children).toEqual([]);
    expect(await remembered()).toEqual([]);
  });

  it("B12 after its server crashed", async () => {
    const first = await start();
    const session = await openSession(first.endpoint("bench"));
    await session.request("tools/call", { name: "crash", arguments: { text: "" } });
    expect(await dead(first, session.headers)).toBe(404);
    await expect
      .poll(async () => {
        clock.advance(3);
        return await remembered();
      })
      .toEqual([]);
  });

  it("after its grant was revoked, and after its lifetime", async () => {
    const first = await start();
    const revoked = await openSession(first.endpoint("bench"), { caller: "bob" });
    const old = await openSession(first.endpoint("bench"));
    await expect.poll(remembered).toHaveLength(2);
    await store.deleteGrant("grant-of-bob");
    const second = await start();
    expect(await dead(second, revoked.headers)).toBe(404);
    clock.advance(86_401);
    expect(await dead(second, old.headers)).toBe(404);
  });

  it("where the server is another one, or must not forget", async () => {
    const first = await start();
    const { headers } = await openSession(first.endpoint("bench"));
    await expect.poll(remembered).toHaveLength(1);
    expect(await dead(await start({ ...workbench, env: { OTHER: "1" } }), headers)).toBe(404);
    expect(await dead(await start({ ...workbench, revive: false }), headers)).toBe(404);
    // Still there for the one it was made with, however that is looked after.
    expect(await dead(await start({ ...workbench, timeout: "1m", warm: 1 }), headers)).toBe(200);
    const never = await start({ ...workbench, revive: false });
    await openSession(never.endpoint("bench"));
    expect(await remembered()).toHaveLength(1);
  });

  it("where the server says of itself that it is another one", async () => {
    const file = join(folder, "version");
    writeFileSync(file, "1");
    const code = `require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
      const { id, method } = JSON.parse(line);
      const version = require("fs").readFileSync(${JSON.stringify(file)}, "utf8");
      const serverInfo = { name: "changing", version };
      const hello = { protocolVersion: "2025-11-25", capabilities: {}, serverInfo };
      const result = method === "initialize" ? hello : {};
      if (id !== undefined) console.log(JSON.stringify({ jsonrpc: "2.0", id, result }));
    })`;
    const changing = { command: process.execPath, args: ["-e", code] };
    const { headers } = await openSession((await start(changing)).endpoint("bench"));
    await expect.poll(remembered).toHaveLength(1);
    expect(await dead(await start(changing), headers)).toBe(200);
    writeFileSync(file, "2");
    const last = await start(changing);
    expect(await dead(last, headers)).toBe(404);
    await expect.poll(() => last.bridge.health()["bench"]!.children).toEqual([]);
    expect(await remembered()).toEqual([]);
  });

  it("on other gateways while the one that serves it lives, and not once that is gone", async () => {
    const first = await start(workbench, true);
    const { headers } = await openSession(first.endpoint("bench"));
    await expect.poll(remembered).toHaveLength(1);
    const second = await start(workbench, true);
    expect(await dead(second, headers)).toBe(404);
    expect(await dead(first, headers)).toBe(200);
    const [entry] = await remembered();
    await store.delete("gatewayProcess", entry!.record.owner);
    expect(await dead(second, headers)).toBe(200);
    // The first one only seemed to be gone; it notices when it comes to itself.
    clock.advance(8);
    await expect.poll(() => first.bridge.sessions()).toEqual([]);
    expect(second.bridge.sessions()).toHaveLength(1);
    expect(await remembered()).toHaveLength(1);
  }, 20_000);
});
