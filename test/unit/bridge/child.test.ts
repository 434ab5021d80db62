/** Bridge rows about processes: what they may write, how they end, and what happens to those who wait. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../../support/bridge-server.ts";
import { fixture } from "../../support/gateway.ts";
import { initialize, messagesOf, openSession, post } from "../../support/mcp-session.ts";

let server: BridgeServer;
let folder: string;
const program = (name: string, ...args: string[]) => ({
  command: process.execPath,
  args: [fixture(name), ...args],
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bridge-"));
  server = await startBridge({
    services: {
      bench: { ...program("workbench.js"), env: { GIVEN: "${DATABASE_PASSWORD}", PLAIN: "1" } },
      noisy: program("noisy.js"),
      floods: program("floods-stdout.js"),
      stubborn: program("ignores-sigterm.js"),
      wrapped: program("wrapper.js", "./ignores-sigterm.js", join(folder, "pid")),
      dies: {
        ...program("dies-after.js", "1"),
        env: { DATABASE_PASSWORD: "${DATABASE_PASSWORD}" },
      },
      missing: { command: "no-such-command" },
      nowhere: { ...program("echo.js"), cwd: join(folder, "missing") },
    },
    environment: {
      PATH: process.env["PATH"],
      HOME: "/home/ada",
      LC_ALL: "C.UTF-8",
      DATABASE_PASSWORD: "correct horse",
      AWS_SECRET_ACCESS_KEY: "never",
      NODE_OPTIONS: "--no-warnings",
    },
  });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const tell = (result: unknown) => ({ jsonrpc: "2.0", id: 1, result });

describe("what a server writes", () => {
  it("B10 is a message, or is passed over", async () => {
    const session = await openSession(server.endpoint("noisy"));
    expect(await session.request("split")).toEqual(tell({ text: "naïve 🦊 ü" }));
    const together = await session.post({ jsonrpc: "2.0", id: 1, method: "together" });
    expect((await messagesOf(together)).map(({ method, result }) => method ?? result.text)).toEqual(
      ["notifications/message", "second"],
    );
    expect(server.logged()).toContain("*** Noisy Server 1.0 ***");
    await session.delete();
  });

  it("B10 may be 5 MB in one line", async () => {
    const session = await openSession(server.endpoint("noisy"));
    const { result } = await session.request("long", { length: 5 * 1_048_576 });
    expect(result.text.length).toBe(5 * 1_048_576);
    await session.delete();
  });

  it("ends the server when a line does not end", async () => {
    const session = await openSession(server.endpoint("floods"));
    const { error } = await session.request("flood");
    expect(error.message).toContain("wrote a line longer than");
    expect((await session.post({ jsonrpc: "2.0", id: 2, method: "ping" })).status).toBe(404);
  });
});

describe("a server that does not work", () => {
  it.each([
    ["missing", "service missing: command no-such-command not found on PATH"],
    ["nowhere", "service nowhere: working directory"],
    ["dies", "service dies exited with code 3: cannot reach the database with [redacted]"],
  ])("says why to the client: %s", async (name, reason) => {
    const response = await post(server.endpoint(name), initialize());
    expect(response.headers.get("mcp-session-id")).toBeNull();
    const { id, error } = await response.json();
    expect([id, error.code]).toEqual([0, -32_000]);
    expect(error.message).toContain(reason);
    expect(server.bridge.health()[name]).toMatchObject({ state: "failing", children: [] });
    expect(JSON.stringify(server.events) + server.logged()).not.toContain("never");
  });

  it("B12 crashes: what runs gets errors, what comes later a 404, and a new session works", async () => {
    const session = await openSession(server.endpoint("bench"));
    const running = session.request("tools/call", { name: "wait", arguments: { ms: 60_000 } });
    const crash = { name: "crash", arguments: { text: "Bearer abcdefghijklmnop" } };
    const crashed = await session.request("tools/call", crash);
    for (const { error } of [crashed, await running]) {
      expect(error).toMatchObject({ code: -32_000 });
      expect(error.message).toContain("exited with code 7");
    }
    expect((await session.post({ jsonrpc: "2.0", id: 3, method: "ping" })).status).toBe(404);
    const exit = server.events.findLast((event) => event.type === "service.exited");
    expect(exit).toMatchObject({ exitCode: 7, stderr: "Bearer [redacted]" });
    const next = await openSession(server.endpoint("bench"));
    expect(await next.tool("count")).toBe(1);
    await next.delete();
  });
});

describe("the end of a server", () => {
  it("B13 comes whatever it ignores", async () => {
    const session = await openSession(server.endpoint("stubborn"));
    const { pid } = server.bridge.sessions().at(-1)!;
    await server.bridge.end({ service: "stubborn" }, "test");
    expect(isAlive(pid!)).toBe(false);
    expect((await session.request("ping").catch(() => "gone")) ?? "gone").toBe("gone");
  });

  it("B13 reaches what a launcher left behind", async () => {
    await openSession(server.endpoint("wrapped"));
    const grandchild = Number(readFileSync(join(folder, "pid"), "utf8"));
    expect(isAlive(grandchild)).toBe(true);
    await server.bridge.end({ service: "wrapped" }, "test");
    await expect.poll(() => isAlive(grandchild)).toBe(false);
  });
});

describe("the environment of a server (B16)", () => {
  it("is an allow-list and what the configuration gives", async () => {
    const session = await openSession(server.endpoint("bench"));
    const { env } = await session.tool("env");
    // The shell that registers the process with the reaper sets PWD.
    delete env.PWD;
    expect(env).toEqual({
      PATH: process.env["PATH"],
      HOME: "/home/ada",
      LC_ALL: "C.UTF-8",
      GIVEN: "correct horse",
      PLAIN: "1",
    });
    await session.delete();
  });
});

/** A zombie is dead: in a container nobody may collect it. */
function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
