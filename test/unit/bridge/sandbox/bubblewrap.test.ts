/** What a program behind bubblewrap can reach and what it cannot, tried by the program itself. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ConfigInput } from "../../../../src/config.ts";
import { startBridge, type BridgeServer } from "../../../support/bridge-server.ts";
import { fixture } from "../../../support/gateway.ts";
import {
  initialize,
  openSession,
  post,
  type McpSession,
  type Wire,
} from "../../../support/mcp-session.ts";

type Given = Extract<ConfigInput["services"][string], { command: string }>["permissions"];

let server: BridgeServer;
/** Has everything the tests touch; nothing of it is the program's own. */
let folder: string;
let state: string;
const sockets: Server[] = [];
const sessions = new Map<string, McpSession>();

const at = (...names: string[]): string => join(folder, ...names);
const prober = (permissions: Given, env: Record<string, string> = {}, ...args: string[]) => ({
  command: "node",
  args: [fixture("prober.js"), ...args],
  permissions,
  env,
  cwd: folder,
});

/** Let the program of a service try. */
async function ask(
  service: string,
  tool: string,
  given: object = {},
): Promise<{ ok?: Wire; error?: string }> {
  const session = sessions.get(service) ?? (await openSession(server.endpoint(service)));
  sessions.set(service, session);
  return session.tool(tool, given);
}

const listen = async (where: string | { host: string; port: number }): Promise<Server> => {
  const listening = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => listening.listen(where as never, resolve));
  sockets.push(listening);
  return listening;
};
let port: number;
const abstract = `\0mcp-gateway-test-${process.pid}`;

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "sandbox-")));
  state = at("shared", ".mcp-gateway");
  for (const name of ["shared", "open", "out", "home"]) mkdirSync(at(name));
  mkdirSync(state);
  for (const name of [
    "shared/a.txt",
    "open/b.txt",
    "secret.txt",
    "home/mine",
    "shared/.mcp-gateway/key",
  ]) {
    writeFileSync(at(name), name);
  }
  symlinkSync(at("secret.txt"), at("shared", "escape"));
  symlinkSync(at("open"), at("lead"));
  port = ((await listen({ host: "127.0.0.1", port: 0 })).address() as { port: number }).port;
  await listen(abstract);
  await listen(at("shared", "socket"));
  server = await startBridge({
    stateDirectory: state,
    environment: {
      PATH: process.env["PATH"],
      HOME: at("home"),
      GITHUB_TOKEN: "ghp_given",
      AWS_SECRET_ACCESS_KEY: "never",
    },
    services: {
      nothing: prober({}),
      reads: prober({ read: ["shared", at("lead"), "lead/../open"] }),
      writes: prober({ write: [at("out")], read: [at("open")] }),
      net: prober({ net: true }),
      runs: prober({ run: ["git"] }),
      any: prober({ run: ["*"] }),
      env: prober({ env: ["GITHUB_TOKEN", "NOT_SET"] }, { PLAIN: "1" }),
      all: prober("all"),
      everything: prober({ read: ["/"] }),
      absent: prober({ read: [at("absent")] }),
      own: prober({ read: [join(state, "key")] }),
      kernel: prober({ read: ["/proc"] }),
      unknown: prober({ run: ["no-such-program"] }),
    },
  });
});
afterAll(async () => {
  await server.close();
  for (const socket of sockets) socket.close();
  rmSync(folder, { recursive: true });
});

const failureOf = async (service: string): Promise<string> => {
  const response = await post(server.endpoint(service), initialize());
  return (await response.json()).error.message;
};

describe("permissions.read", () => {
  it("shows what is named and nothing else", async () => {
    expect(await ask("reads", "read", { path: at("shared", "a.txt") })).toEqual({
      ok: "shared/a.txt",
    });
    expect(await ask("reads", "read", { path: at("secret.txt") })).toEqual({ error: "ENOENT" });
    expect(await ask("reads", "read", { path: at("home", "mine") })).toEqual({ error: "ENOENT" });
    expect(await ask("nothing", "read", { path: at("shared", "a.txt") })).toEqual({
      error: "ENOENT",
    });
    expect(await ask("all", "read", { path: at("secret.txt") })).toEqual({ ok: "secret.txt" });
  });

  it("does not let anything be changed", async () => {
    expect(await ask("reads", "write", { path: at("shared", "new") })).toEqual({ error: "EROFS" });
    expect(await ask("reads", "write", { path: at("shared", "a.txt") })).toEqual({
      error: "EROFS",
    });
  });

  it("keeps links meaning what they mean, and lets none lead out", async () => {
    expect(await ask("reads", "real", { path: at("lead") })).toEqual({ ok: at("open") });
    expect(await ask("reads", "read", { path: at("lead", "b.txt") })).toEqual({ ok: "open/b.txt" });
    expect(await ask("reads", "read", { path: at("shared", "escape") })).toEqual({
      error: "ENOENT",
    });
    const up = at("shared", "..", "secret.txt");
    expect(await ask("reads", "read", { path: up })).toEqual({ error: "ENOENT" });
  });

  it("of nothing still shows a program itself, the system, and an empty home", async () => {
    expect(await ask("nothing", "read", { path: fixture("prober.js") })).toHaveProperty("ok");
    expect(await ask("nothing", "list", { path: at("home") })).toEqual({ ok: [] });
    expect(await ask("nothing", "write", { path: at("home", "scratch") })).toEqual({ ok: null });
    expect(await ask("nothing", "write", { path: "/tmp/scratch" })).toEqual({ ok: null });
    expect(await ask("nothing", "list", { path: folder })).toEqual({ ok: ["home"] });
    for (const path of ["/etc/shadow", "/etc/ssl/private", "/root", "/var/log", "/srv", "/sys"]) {
      expect(await ask("nothing", "list", { path }), path).toEqual({ error: "ENOENT" });
    }
    expect((await ask("nothing", "read", { path: "/etc/passwd" })).ok.split("\n")).toHaveLength(2);
    expect(await ask("nothing", "user")).toHaveProperty("ok");
    expect(await ask("nothing", "write", { path: "/new" })).toEqual({ error: "EROFS" });
    expect(await ask("nothing", "write", { path: "/usr/new" })).toEqual({ error: "EROFS" });
    expect(await ask("nothing", "write", { path: at("new") })).toEqual({ ok: null });
    expect(readdirSync(folder)).not.toContain("new");
  });

  it.each([
    ["absent", "services.absent.permissions.read names", "which does not exist"],
    ["own", "services.own.permissions.read names", "which belongs to the gateway"],
    ["kernel", "services.kernel.permissions.read names /proc", "which is no file"],
    ["unknown", "services.unknown.permissions.run names no-such-program", "which was not found"],
  ])("says what is wrong with it: %s", async (service, setting, why) => {
    const said = await failureOf(service);
    expect(said).toContain(setting);
    expect(said).toContain(why);
  });
});

describe("permissions.write", () => {
  it("lets what is named be changed and read, and nothing else", async () => {
    expect(await ask("writes", "write", { path: at("out", "made") })).toEqual({ ok: null });
    expect(readFileSync(at("out", "made"), "utf8")).toBe("written");
    expect(await ask("writes", "read", { path: at("out", "made") })).toEqual({ ok: "written" });
    expect(await ask("writes", "write", { path: at("open", "made") })).toEqual({ error: "EROFS" });
    expect(await ask("reads", "write", { path: at("out", "made") })).toEqual({ error: "ENOENT" });
  });

  it("gives nothing to who leaves a link for the next start", async () => {
    const left = at("out", "sub");
    expect(await ask("writes", "link", { target: folder, path: left })).toEqual({ ok: null });
    expect(await ask("writes", "read", { path: join(left, "secret.txt") })).toEqual({
      error: "ENOENT",
    });
    const next = await startBridge({
      services: {
        next: prober({ write: [at("out")], read: [left] }),
        // It may not change the folder, but who may could be in league with it.
        other: prober({ read: [left] }),
      },
      environment: { PATH: process.env["PATH"], HOME: at("home") },
      stateDirectory: state,
    });
    const session = await openSession(next.endpoint("next"));
    expect(await session.tool("list", { path: at("out") })).toEqual({ ok: ["made", "sub"] });
    expect(await session.tool("read", { path: join(left, "secret.txt") })).toEqual({
      error: "ENOENT",
    });
    const other = await openSession(next.endpoint("other"));
    for (const path of [join(left, "secret.txt"), at("secret.txt")]) {
      expect(await other.tool("read", { path })).toEqual({ error: "ENOENT" });
    }
    await next.close();
  });
});

describe("the gateway's own folder", () => {
  it("is hidden even where a folder above it may be read", async () => {
    expect(await ask("reads", "list", { path: state })).toEqual({ ok: [] });
    expect(await ask("everything", "list", { path: state })).toEqual({ ok: [] });
    expect(await ask("everything", "read", { path: at("secret.txt") })).toEqual({
      ok: "secret.txt",
    });
    expect(await ask("all", "read", { path: join(state, "key") })).toHaveProperty("ok");
  });

  it("can neither be written nor moved to where it would be seen", async () => {
    const above = await startBridge({
      services: { above: prober({ write: [at("shared", "..")] }) },
      environment: { PATH: process.env["PATH"], HOME: at("home") },
      stateDirectory: state,
    });
    const session = await openSession(above.endpoint("above"));
    expect(await session.tool("write", { path: at("made") })).toEqual({ ok: null });
    expect(await session.tool("list", { path: state })).toEqual({ ok: [] });
    expect(await session.tool("write", { path: join(state, "new") })).toEqual({ error: "EROFS" });
    for (const [from, to] of [
      [state, at("shared", "moved")],
      [at("shared"), at("moved")],
    ]) {
      expect(await session.tool("rename", { from, to })).toEqual({ error: "EBUSY" });
    }
    await above.close();
  });
});

describe("permissions.net", () => {
  it("keeps loopback and abstract sockets out too", async () => {
    expect(await ask("nothing", "connect", { host: "127.0.0.1", port })).toEqual({
      error: "ECONNREFUSED",
    });
    expect(await ask("nothing", "connect", { host: "192.0.2.1", port })).toEqual({
      error: "ENETUNREACH",
    });
    expect(await ask("nothing", "connect", { path: abstract })).toEqual({ error: "ECONNREFUSED" });
    expect(await ask("net", "connect", { host: "127.0.0.1", port })).toEqual({ ok: "connected" });
  });

  it("knows sockets with a path as files", async () => {
    const path = at("shared", "socket");
    expect(await ask("net", "connect", { path })).toEqual({ error: "ENOENT" });
    expect(await ask("reads", "connect", { path })).toEqual({ ok: "connected" });
  });
});

describe("permissions.run", () => {
  it("shows programs that are named, and those a program is made of", async () => {
    expect(await ask("runs", "run", { command: "git", args: ["--version"] })).toMatchObject({
      ok: { status: 0 },
    });
    expect(await ask("runs", "run", { command: "/usr/bin/env" })).toEqual({ error: "ENOENT" });
    expect(await ask("nothing", "run", { command: "git" })).toEqual({ error: "ENOENT" });
    expect(await ask("nothing", "run", { command: "/bin/sh" })).toEqual({ error: "ENOENT" });
    expect(await ask("nothing", "list", { path: "/usr/bin" })).toEqual({ ok: ["node"] });
    expect(await ask("any", "run", { command: "sh", args: ["-c", "env | wc -l"] })).toMatchObject({
      ok: { status: 0 },
    });
  });
});

describe("walls of a program's own", () => {
  it("can be built by those who may start programs, as browsers do", async () => {
    const unshare = { command: "unshare", args: ["--user", "true"] };
    expect(await ask("any", "run", unshare)).toMatchObject({ ok: { status: 0 } });
    const lines = server.bridge
      .sessions()
      .map(({ pid, service }) => [service, readFileSync(`/proc/${pid}/cmdline`, "utf8")] as const);
    const hidden = lines.filter(([, line]) => line.includes("--disable-userns"));
    expect(hidden.map(([service]) => service)).toContain("nothing");
    expect(hidden.map(([service]) => service)).not.toContain("any");
  });
});

describe("other processes", () => {
  it("are not there", async () => {
    const { ok: names } = await ask("any", "list", { path: "/proc" });
    const processes = (names as string[]).filter((name) => /^\d+$/.test(name));
    expect(processes.length).toBeLessThan(5);
    const { ok: inEverything } = await ask("everything", "list", { path: "/proc" });
    expect((inEverything as string[]).filter((name) => /^\d+$/.test(name)).length).toBeLessThan(5);
    const left = `cat /proc/self/status`;
    const { ok } = await ask("any", "run", { command: "sh", args: ["-c", left] });
    expect(ok.stdout).toMatch(/^NoNewPrivs:\t1$/m);
    expect(ok.stdout).toMatch(/^CapBnd:\t0+$/m);
    expect(ok.stdout).toMatch(/^CapEff:\t0+$/m);
  });
});

describe("the environment (B16)", () => {
  it("has what is named, besides what every program needs", async () => {
    const { ok: env } = await ask("env", "env");
    delete env.PWD;
    expect(env).toEqual({
      PATH: process.env["PATH"],
      HOME: at("home"),
      GITHUB_TOKEN: "ghp_given",
      PLAIN: "1",
    });
    for (const service of ["nothing", "all"]) {
      expect(JSON.stringify(await ask(service, "env"))).not.toMatch(/ghp_given|never/);
    }
  });

  it("never stands on a command line", async () => {
    await ask("env", "pid");
    const lines = server.bridge
      .sessions()
      .map(({ pid }) => readFileSync(`/proc/${pid}/cmdline`, "utf8"));
    expect(lines.some((line) => line.includes("--unshare-all"))).toBe(true);
    expect(lines.join()).not.toMatch(/ghp_given|never/);
  });
});

describe("the tier in force", () => {
  it("is part of a service's health, and of the log", () => {
    expect(server.bridge.health()).toMatchObject({
      nothing: { sandbox: "bubblewrap" },
      all: { sandbox: "environment" },
    });
    expect(server.logged()).toContain('"service":"nothing","sandbox":"bubblewrap"');
  });
});
