/** Care for processes: back-off, room, time limits, warm processes, and what is said of all that. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { ConfigInput } from "../../src/config.ts";
import { startBridge, type BridgeServer } from "../support/bridge-server.ts";
import { fixture } from "../support/gateway.ts";
import { eventsOf, initialize, openSession, post } from "../support/mcp-session.ts";
import { modernRequest, postModern } from "../support/modern-request.ts";

let server: BridgeServer;
afterEach(() => server.close());

const program = (name: string, ...args: string[]) => ({
  command: process.execPath,
  args: [fixture(name), ...args],
});

async function start(
  services: ConfigInput["services"],
  limits?: ConfigInput["limits"],
): Promise<(service: string) => string> {
  const environment = { ...process.env, DATABASE_PASSWORD: "correct horse" };
  server = await startBridge({ services, environment, ...(limits && { limits }) });
  return (service) => server.endpoint(service);
}

const started = () => server.events.filter(({ type }) => type === "service.started").length;
const health = (service: string) => server.bridge.health()[service]!;
const toolCall = (name: string, given: object = {}) =>
  modernRequest("tools/call", { name, arguments: given });

describe("a service that does not come up (B12)", () => {
  const dies = {
    ...program("dies-after.js", "1"),
    env: { DATABASE_PASSWORD: "${DATABASE_PASSWORD}" },
  };
  const reason = "exited with code 3: cannot reach the database with [redacted]";

  it.each(["legacy", "modern"] as const)(
    "is not started at full rate, and everybody is told why at once: %s",
    async (era) => {
      const endpoint = await start({ dies: { ...dies, era } });
      const ask = () =>
        era === "legacy"
          ? post(endpoint("dies"), initialize())
          : postModern(endpoint("dies"), modernRequest("tools/list", {}, 0));
      await ask();
      const answers = await Promise.all(Array.from({ length: 50 }, ask));
      for (const answer of answers) {
        // A modern server takes requests of its principal as soon as it runs: those it dies of are its own failure.
        expect(answer.status).toBeOneOf(era === "legacy" ? [503] : [502, 503]);
        const wait = Number(answer.headers.get("retry-after"));
        if (answer.status === 503) expect(wait).toBeGreaterThanOrEqual(1);
        const { id, error } = await answer.json();
        const why = answer.status === 503 ? reason : "exited with code 3";
        expect([id, error.message]).toEqual([0, expect.stringContaining(why)]);
      }
      expect(started()).toBeLessThan(8);
      const { state, retryAt, children, lastExit } = health("dies");
      expect([state, children]).toEqual(["failing", []]);
      expect(lastExit!.reason).toContain(reason);
      expect(retryAt! - lastExit!.at).toBeGreaterThan(0);
    },
  );

  it("is tried again, and well once it answers", async () => {
    const endpoint = await start({ dies: { ...program("dies-after.js", "1"), era: "legacy" } });
    await post(endpoint("dies"), initialize());
    const { retryAt, restarts } = health("dies");
    await new Promise((resolve) => setTimeout(resolve, retryAt! * 1000 - Date.now() + 20));
    await post(endpoint("dies"), initialize());
    expect(health("dies").restarts).toBe(restarts! + 1);
  });
});

describe("the era of a server is found out", () => {
  it("B08 on processes that serve nobody, even if they end when they are asked", async () => {
    const folder = mkdtempSync(join(tmpdir(), "probe-"));
    const log = join(folder, "log");
    const endpoint = await start({ any: program("first-word.js", "exits", log) });
    const answer = await postModern(endpoint("any"), toolCall("pid"));
    const pid = Number((await answer.json()).result.content[0].text);
    const words = readFileSync(log, "utf8").trim().split("\n");
    expect(words.filter((line) => line.endsWith("server/discover"))).toHaveLength(1);
    expect(words.filter((line) => line.startsWith(`${pid} `))).toEqual([`${pid} initialize`]);
    expect(health("any")).toMatchObject({ state: "running", era: "legacy", restarts: 0 });
    rmSync(folder, { recursive: true });
  });

  it("B09 within seconds when it says nothing", async () => {
    const endpoint = await start({ any: program("first-word.js", "ignores") });
    const before = performance.now();
    expect((await postModern(endpoint("any"), toolCall("pid"))).status).toBe(200);
    expect(performance.now() - before).toBeLessThan(9000);
  }, 15_000);
});

describe("room (B14)", () => {
  it("is bounded for a service, whichever way it is used", async () => {
    const bench = { ...program("workbench.js"), maxSessions: 2 };
    const modern = { ...program("modern-workbench.js"), maxSessions: 1 };
    const endpoint = await start({ bench, modern, other: program("workbench.js") });
    const first = await openSession(endpoint("bench"));
    await openSession(endpoint("bench"), { caller: "bob" });
    const full = await post(endpoint("bench"), initialize());
    expect([full.status, full.headers.get("retry-after")]).toEqual([503, "5"]);
    expect((await full.json()).error.message).toBe("All sessions of the service bench are in use");
    await openSession(endpoint("other"));
    expect((await postModern(endpoint("modern"), toolCall("pid"))).status).toBe(200);
    const late = await postModern(endpoint("modern"), toolCall("pid"), { caller: "bob" });
    expect(late.status).toBe(503);
    await first.delete();
    await expect.poll(async () => (await post(endpoint("bench"), initialize())).status).toBe(200);
  });

  it("lets sixty that come at once take turns", async () => {
    const endpoint = await start({ bench: program("echo.js") }, { sessionsPerUser: 100 });
    const all = Array.from({ length: 60 }, () => post(endpoint("bench"), initialize()));
    const statuses = await Promise.all(all.map(async (one) => (await one).status));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(health("bench").children.length).toBe(60);
  }, 30_000);
});

describe("a call that takes too long", () => {
  it("is given up when it shows no life, and its server told", async () => {
    const endpoint = await start({ bench: { ...program("workbench.js"), timeout: "1s" } });
    const session = await openSession(endpoint("bench"));
    const { error } = await session.request("tools/call", {
      name: "wait",
      arguments: { ms: 60_000 },
    });
    expect(error.message).toBe("The server showed no progress for 1s");
    const received = await session.tool("received");
    const call = received.find(
      ({ params }: { params?: { name?: string } }) => params?.name === "wait",
    );
    expect(received.at(-2)).toMatchObject({
      method: "notifications/cancelled",
      params: { requestId: call.id },
    });
  });

  it("goes on while it shows progress, but not for ever", async () => {
    const bench = { ...program("workbench.js"), timeout: "1s" };
    const endpoint = await start({ bench }, { requestLifetime: "4s" });
    const session = await openSession(endpoint("bench"));
    const progress = (steps: number) =>
      session.request("tools/call", {
        name: "progress",
        arguments: { steps },
        _meta: { progressToken: "mine" },
      });
    const [short, long] = await Promise.all([progress(350), progress(4000)]);
    expect(short.result.content[0].text).toBe('"done"');
    expect(long.error.message).toBe("The server did not finish within 4s");
  }, 20_000);

  it("may wait for a person, whose time is bounded too", async () => {
    const bench = { ...program("workbench.js"), timeout: "1s" };
    const endpoint = await start({ bench }, { pendingInput: "3s" });
    const session = await openSession(endpoint("bench"), { capabilities: { elicitation: {} } });
    const asking = await session.post({
      jsonrpc: "2.0",
      id: "asks",
      method: "tools/call",
      params: {
        name: "ask",
        arguments: { method: "elicitation/create", params: { message: "?" } },
      },
    });
    const messages = [];
    for await (const { data } of eventsOf(asking)) if (data !== "") messages.push(JSON.parse(data));
    const [question, withdrawn, answer] = messages;
    expect(question.method).toBe("elicitation/create");
    expect(withdrawn).toMatchObject({
      method: "notifications/cancelled",
      params: { requestId: question.id },
    });
    expect(JSON.parse(answer.result.content[0].text).error.message).toBe(
      "The client did not answer within 3s",
    );
  }, 15_000);

  it("ends with 504 where there are no sessions; a subscription may last", async () => {
    const endpoint = await start({ modern: { ...program("modern-workbench.js"), timeout: "1s" } });
    const gone = new AbortController();
    const params = { notifications: { toolsListChanged: true } };
    const listening = await postModern(
      endpoint("modern"),
      modernRequest("subscriptions/listen", params, "sub"),
      { signal: gone.signal },
    );
    const late = await postModern(endpoint("modern"), toolCall("wait", { ms: 60_000 }));
    expect(late.status).toBe(504);
    expect((await late.json()).error.message).toBe("The server showed no progress for 1s");
    const received = await postModern(endpoint("modern"), toolCall("received"));
    expect((await received.json()).result.content[0].text).toContain("notifications/cancelled");
    expect(listening.body!.locked).toBe(false);
    const [session] = server.bridge.sessions();
    expect(session).toMatchObject({ era: "modern", protocolVersion: "2026-07-28", requests: 3 });
    gone.abort();
  });
});

describe("processes kept warm", () => {
  it("serve the first call, are replaced, and end with the gateway", async () => {
    const endpoint = await start({ bench: { ...program("workbench.js"), warm: 2 } });
    expect(health("bench")).toMatchObject({ state: "idle", children: [] });
    const warm = health("bench").warm!;
    expect(warm).toHaveLength(2);
    const session = await openSession(endpoint("bench"));
    const pid = await session.tool("pid");
    expect(warm).toContain(pid);
    expect(health("bench").children).toEqual([pid]);
    await expect.poll(() => health("bench").warm, { timeout: 5000 }).toHaveLength(2);
    const [victim] = health("bench").warm!;
    process.kill(victim!, "SIGKILL");
    await expect.poll(() => health("bench").warm, { timeout: 5000 }).not.toContain(victim);
    await expect.poll(() => health("bench").warm, { timeout: 5000 }).toHaveLength(2);
    expect(health("bench").state).toBe("running");
    const all = [...health("bench").warm!, pid as number];
    await server.bridge.close(0.5);
    for (const one of all) expect(() => process.kill(one, 0)).toThrow("ESRCH");
  }, 20_000);
});
