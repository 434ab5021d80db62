/**
 * The bridge against its peers: supergateway and mcp-proxy as they come, without authorization; a bare relay of lines, the
 * least a bridge can do; and the server itself on stdio. Ours is the whole gateway, with a token on every call.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bin } from "../support/gateway-process.ts";
import { logIn } from "../support/strict-client.ts";
import { median, pinned, startServer, type Server } from "./load.ts";
import { freePort } from "../support/bearer-proxy.ts";

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const CHILD = script("bridge-child.js");
const child = [process.execPath, CHILD];
/** A bridge of the bench: Node, and how to learn what memory it uses. */
const node = [process.execPath, "--import", script("live-memory.js")];
const ROUNDS = 3;

interface Target {
  readonly name: string;
  readonly url?: string;
  readonly token?: string;
  readonly command?: string[];
  readonly server?: Server;
}

interface Measured {
  opened: number;
  first: number;
  perSecond: number;
  p50: number;
  p99: number;
  calls: number;
  /** Microseconds of processor time the bridge itself spent on a call; its children not counted. */
  cpu: number;
}

interface Load {
  sessions?: number;
  seconds?: number;
  calls?: number;
  tool?: { name: string; arguments: object };
}

let directory: string;
let gateway: Target;
/** One child for all sessions, as mcp-proxy has it. */
let shared: Target;
let peers: Target[];
let floor: Target;
const stdio: Target = { name: "stdio", command: pinned(0, child).flat() };

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "mcpg-bench-"));
  const [command, ...args] = child;
  const service = { command, args, permissions: "all", era: "legacy" };
  const config = {
    publicUrl: "http://localhost:8080",
    limits: { sessionsPerUser: 1000 },
    services: {
      bench: service,
      shared: { ...service, isolation: "shared" },
      warm: { ...service, warm: 2 },
    },
    defaultService: "bench",
  };
  writeFileSync(join(directory, "mcp-gateway.yaml"), JSON.stringify(config)); // JSON is YAML
  const server = await startServer([...node, bin, "dev", "--json", "--port", "0"], {
    cwd: directory,
    env: { LIVE_MEMORY: liveMemoryFile("mcp-gateway") },
  });
  gateway = { name: "mcp-gateway", server, ...(await endpoint(server, "/mcp")) };
  shared = { name: "mcp-gateway, shared", server, ...(await endpoint(server, "/shared/mcp")) };
  floor = await startPeer("bare relay", [...node, script("floor.js"), CHILD]);
  peers = [
    await startPeer("supergateway", [
      ...program("supergateway"),
      ...["--stdio", child.join(" "), "--outputTransport", "streamableHttp", "--stateful"],
      ...["--logLevel", "none", "--port"],
    ]),
    await startPeer("mcp-proxy", [
      ...program("mcp-proxy"),
      ...["--server", "stream", "--host", "127.0.0.1", "--", ...child],
    ]),
  ];
}, 60_000);

afterAll(async () => {
  for (const { server } of [gateway, floor, ...peers]) await server?.stop();
  rmSync(directory, { recursive: true });
});

async function endpoint(server: Server, path: string): Promise<{ url: string; token: string }> {
  const url = `${String(server.ready.url)}${path}`;
  return { url, token: (await logIn(url)).tokens.access_token };
}

/** The JavaScript file behind a package's command. */
function program(name: string): string[] {
  const require = createRequire(import.meta.url);
  const directory = join(dirname(require.resolve("vitest/package.json")), "..", name);
  const { bin: bins } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as {
    bin: string | Record<string, string>;
  };
  return [...node, join(directory, typeof bins === "string" ? bins : bins[name]!)];
}

/** Peers do not say where they listen, so they are told; the relay says it. */
async function startPeer(name: string, command: string[]): Promise<Target> {
  if (name === "bare relay") {
    const server = await startServer(command, { env: { LIVE_MEMORY: liveMemoryFile(name) } });
    return { name, server, url: `http://127.0.0.1:${String(server.ready.port)}` };
  }
  const port = await freePort();
  const withPort =
    command.at(-1) === "--port"
      ? [...command, String(port)]
      : command.toSpliced(command.indexOf("--"), 0, "--port", String(port));
  const [file, args] = pinned(0, withPort);
  const peer = spawn(file, args, {
    stdio: ["ignore", "ignore", "ignore"],
    env: { ...process.env, NODE_ENV: "production", LIVE_MEMORY: liveMemoryFile(name) },
  });
  const url = `http://127.0.0.1:${port}/mcp`;
  await answers(url);
  const stop = async (): Promise<void> => {
    peer.kill("SIGTERM");
    if (peer.exitCode === null && peer.signalCode === null) await once(peer, "exit");
  };
  return { name, url, server: { child: peer, ready: {}, stop } };
}

async function answers(url: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    try {
      await (await fetch(url)).body?.cancel();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`${url} does not answer`);
}

/** @param meanwhile looks at the server while the sessions are still open */
async function load(
  { url, token, command, server }: Target,
  options: Load,
  meanwhile?: () => void | Promise<void>,
): Promise<Measured> {
  const spent = processorTime(server);
  const [file, args] = pinned(1, [process.execPath, script("bridge-load.js")]);
  const client = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
  const tool = { name: "echo", arguments: { text: "hello" } };
  client.stdin.write(`${JSON.stringify({ url, token, command, tool, ...options })}\n`);
  const [line] = (await Promise.race([
    once(createInterface(client.stdout), "line"),
    once(client, "exit").then(() => ["the load failed"]),
  ])) as [string];
  if (!line.startsWith("{")) throw new Error(`${url ?? "stdio"}: ${line}`);
  const measured = JSON.parse(line) as Measured;
  measured.cpu = ((processorTime(server) - spent) * 1e6) / measured.calls;
  await meanwhile?.();
  client.stdin.end();
  if (client.exitCode === null) await once(client, "exit");
  return measured;
}

/** Medians of rounds in which the targets take turns, so that whatever else the machine does falls on all. */
async function inTurns(targets: readonly Target[], options: Load): Promise<Map<string, Measured>> {
  for (const target of targets)
    await load(target, { ...options, ...(options.seconds && { seconds: 1 }) });
  const rounds = new Map<string, Measured[]>(targets.map(({ name }) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const target of targets) rounds.get(target.name)!.push(await load(target, options));
  }
  const middle = (all: Measured[], member: keyof Measured): number =>
    median(all.map((one) => one[member]));
  return new Map(
    Array.from(rounds, ([name, all]) => [
      name,
      Object.fromEntries(
        (Object.keys(all[0]!) as (keyof Measured)[]).map((member) => [member, middle(all, member)]),
      ) as unknown as Measured,
    ]),
  );
}

/** Seconds the process of a server has spent; 0 without one. */
function processorTime(server: Server | undefined): number {
  if (!server) return 0;
  const fields = readFileSync(`/proc/${server.child.pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100; // user and system, in hundredths
}

/** Bytes of memory that a process occupies. */
function memoryOf({ server }: Target): number {
  const status = readFileSync(`/proc/${server!.child.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) * 1024;
}

const liveMemoryFile = (name: string): string => join(directory, `live memory of ${name}`);

/** Bytes that are alive in a bridge, its garbage not counted. */
async function liveMemoryOf({ name, server }: Target): Promise<number> {
  const file = liveMemoryFile(name);
  rmSync(file, { force: true });
  server!.child.kill("SIGUSR2");
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    if (text !== "") return Number(text);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${name} does not say what memory it uses`);
}

const round = (value: number): number => Number(value.toPrecision(3));

function show(title: string, measured: ReadonlyMap<string, Measured>): void {
  console.log(`\n${title}`);
  const ours = measured.get(gateway.name)!;
  console.table(
    Array.from(measured, ([name, { perSecond, p50, p99, first, cpu }]) => ({
      name,
      "calls/s": Math.round(perSecond),
      "p50 ms": round(p50),
      "p99 ms": round(p99),
      "first answer ms": round(first),
      "us of CPU a call": round(cpu),
      "ours / theirs": round(ours.perSecond / perSecond),
    })),
  );
}

it.each([1, 16, 64])("%i session(s) calling", async (sessions) => {
  const targets = [gateway, shared, ...peers, floor, stdio];
  const measured = await inTurns(targets, { sessions, seconds: 2 });
  show(`tools/call, ${sessions} session(s)`, measured);
  for (const { calls } of measured.values()) expect(calls).toBeGreaterThan(10);
});

it("answers of one and of ten megabytes", async () => {
  for (const [size, calls] of [
    [1_000_000, 50],
    [9_900_000, 5],
  ] as const) {
    const tool = { name: "blob", arguments: { size } };
    show(
      `answers of ${size} bytes`,
      await inTurns([gateway, ...peers, floor, stdio], { calls, tool }),
    );
  }
});

it("the first answer of a new session, cold and warm", async () => {
  const warm = {
    ...gateway,
    name: "mcp-gateway, warm",
    ...(await endpoint(gateway.server!, "/warm/mcp")),
  };
  show(
    "a new session and its first call",
    await inTurns([gateway, warm, ...peers, floor, stdio], {}),
  );
});

const megabytes = (bytes: number): number => round(bytes / 1_048_576);

it("memory with 1, 50 and 200 idle sessions", async () => {
  const rows = [];
  for (const target of [gateway, ...peers, floor]) {
    const held: number[] = [];
    const alive: number[] = [];
    for (const sessions of [1, 50, 200]) {
      await load(target, { sessions }, async () => {
        held.push(memoryOf(target));
        alive.push(await liveMemoryOf(target));
      });
    }
    const kilobytes = ([one = 0, , many = 0]: number[]): number => round((many - one) / 199 / 1024);
    const [one = 0, fifty = 0, many = 0] = held;
    rows.push({
      name: target.name,
      "1, MB": megabytes(one),
      "50, MB": megabytes(fifty),
      "200, MB": megabytes(many),
      "KB a session, occupied": kilobytes(held),
      "KB a session, alive": kilobytes(alive),
    });
  }
  console.table(rows);
});

it("memory over 20 000 calls", async () => {
  const rows = [];
  for (const target of [gateway, ...peers, floor]) {
    await load(target, { calls: 2000 });
    const [before, aliveBefore] = [memoryOf(target), await liveMemoryOf(target)];
    await load(target, { calls: 20_000 });
    rows.push({
      name: target.name,
      "grown by, MB": megabytes(memoryOf(target) - before),
      "alive, grown by, MB": megabytes((await liveMemoryOf(target)) - aliveBefore),
    });
  }
  console.table(rows);
});
