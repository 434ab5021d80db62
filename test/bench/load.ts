/**
 * Measuring by turns: the peer and we are loaded alternately, several rounds each in the same run, servers on one core and the
 * load on the other. Read the ratio; absolute figures belong to the machine.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";

const ROUNDS = 5;
const SECONDS = 2; // of load in a round
const WARM_UP = 10; // seconds of load before the first round counts: both have compiled what they do often
const autocannon = createRequire(import.meta.url).resolve("autocannon/autocannon.js");

/** Pins a program to a core where the machine has several and Linux's taskset. */
const canPin = availableParallelism() > 1 && spawnSync("taskset", ["-V"]).status === 0;
export const pinned = (core: number, command: string[]): [string, string[]] => {
  const [program, ...args] = canPin ? ["taskset", "-c", String(core), ...command] : command;
  return [program!, args];
};

export interface Row {
  what: string;
  ours: number;
  peer: number;
  /** ours / peer for rates, peer / ours for times: above 1 we are faster. */
  ratio: number;
  unit: string;
}

export interface Load {
  url: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  connections?: number;
}

export interface Server {
  child: ChildProcess;
  /** The line of JSON with which it said that it listens. */
  ready: Record<string, unknown>;
  stop(): Promise<void>;
}

/** A server process on the first core. @returns once it has said where it listens */
export async function startServer(
  command: string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): Promise<Server> {
  const [program, args] = pinned(0, command);
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, NODE_ENV: "production", ...options.env },
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  // Peers greet on standard output, too; the first line of JSON is the one that counts.
  const ready = await new Promise<Record<string, unknown>>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`${command.join(" ")} ended with ${code}`)));
    createInterface(child.stdout).on("line", (line) => {
      if (line.startsWith("{")) resolve(JSON.parse(line) as Record<string, unknown>);
    });
  });
  return {
    child,
    ready,
    async stop() {
      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

/** Requests per second, median of the rounds, loads taking turns. @throws when any answer was not 2xx */
export function compare(what: string, ours: Load, peer: Load): Promise<Row> {
  return takeTurns(
    what,
    (seconds) => shoot(ours, seconds),
    (seconds) => shoot(peer, seconds),
  );
}

/** @param ours runs our load for so many seconds and says how many answers a second there were; `peer` likewise */
export async function takeTurns(
  what: string,
  ours: (seconds: number) => Promise<number>,
  peer: (seconds: number) => Promise<number>,
): Promise<Row> {
  const rates: [number[], number[]] = [[], []];
  await ours(WARM_UP);
  await peer(WARM_UP);
  for (let round = 0; round < ROUNDS; round++) {
    rates[0].push(await ours(SECONDS));
    rates[1].push(await peer(SECONDS));
  }
  const [a, b] = [median(rates[0]), median(rates[1])];
  return { what, ours: a, peer: b, ratio: a / b, unit: "requests/s" };
}

/** A load of ours on the second core: `input` goes in as JSON, one JSON document comes out. */
export async function runLoad(script: string, input: object): Promise<Record<string, unknown>> {
  const [program, args] = pinned(1, [process.execPath, script]);
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(JSON.stringify(input));
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await once(child, "close");
  return JSON.parse(output) as Record<string, unknown>;
}

async function shoot(load: Load, seconds: number): Promise<number> {
  const [program, args] = pinned(1, [
    process.execPath,
    autocannon,
    ...["--json", "--no-progress", "-c", String(load.connections ?? 32), "-d", String(seconds)],
    ...["-m", load.method ?? "GET"],
    ...Object.entries(load.headers ?? {}).flatMap(([name, value]) => ["-H", `${name}=${value}`]),
    ...(load.body === undefined ? [] : ["-b", load.body]),
    load.url,
  ]);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await once(child, "close");
  const result = JSON.parse(output) as {
    "2xx": number;
    non2xx: number;
    errors: number;
    duration: number;
  };
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${load.url}: ${result.non2xx} refused, ${result.errors} failed`);
  }
  return result["2xx"] / result.duration;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

export function print(title: string, rows: readonly Row[]): void {
  const figure = (value: number): string =>
    value >= 100 ? value.toFixed(0) : value.toPrecision(3);
  console.log(`\n${title}`);
  console.table(
    rows.map(({ what, ours, peer, ratio, unit }) => ({
      what,
      ours: figure(ours),
      peer: figure(peer),
      ratio: ratio.toFixed(2),
      unit,
    })),
  );
}
