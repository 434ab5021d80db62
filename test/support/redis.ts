/**
 * A real Redis of the test's own: a free port on loopback, a folder of its own, an append-only file.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { freePort } from "./bearer-proxy.ts";

export interface TestRedis {
  /** redis://127.0.0.1:<port> */
  readonly url: string;
  readonly port: number;
  readonly directory: string;
  /** For looking inside. */
  readonly inside: Redis;
  /** Signals the server; after SIGKILL and SIGTERM resolves once it is gone. */
  signal(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port and files. @returns once it answers */
  restart(changed?: Record<string, string>): Promise<void>;
  /** Ends it and removes its files. */
  close(): Promise<void>;
}

const PROGRAM = "redis-server";

const DEFAULTS = {
  appendonly: "yes",
  appendfsync: "always",
  "maxmemory-policy": "noeviction",
  save: "",
};

/** @param settings of redis.conf, over the defaults */
export async function startRedis(settings: Record<string, string> = {}): Promise<TestRedis> {
  const directory = mkdtempSync(join(tmpdir(), "mcpg-redis-"));
  const port = await freePort();
  const all = { ...DEFAULTS, ...settings, bind: "127.0.0.1", port: String(port), dir: directory };
  let child = await spawnRedis(all);
  const kill = (): boolean => child.kill("SIGKILL");
  process.once("exit", kill);
  const inside = new Redis({ port, host: "127.0.0.1", lazyConnect: true, retryStrategy: () => 50 });
  inside.on("error", () => {});
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    directory,
    inside,
    async signal(signal) {
      const gone = once(child, "exit");
      child.kill(signal);
      if (signal === "SIGKILL" || signal === "SIGTERM") await gone;
    },
    async restart(changed = {}) {
      child = await spawnRedis({ ...all, ...changed });
    },
    async close() {
      inside.disconnect();
      process.off("exit", kill);
      if (child.exitCode === null && child.signalCode === null) {
        const gone = once(child, "exit");
        child.kill("SIGKILL");
        await gone;
      }
      rmSync(directory, { recursive: true });
    },
  };
}

async function spawnRedis(all: Record<string, string>): Promise<ChildProcess> {
  const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(PROGRAM, args, { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  await new Promise<void>((resolve, reject) => {
    child.on("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "ENOENT"
          ? new Error(`${PROGRAM} is not installed. Run: apt-get install redis-server`)
          : error,
      ),
    );
    child.on("exit", () => reject(new Error(`redis-server ended:\n${said}`)));
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("Ready to accept connections")) resolve();
    });
  });
  child.removeAllListeners("exit");
  return child;
}
