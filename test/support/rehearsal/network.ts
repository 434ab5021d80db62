/**
 * A small internet in network namespaces: hosts with addresses and names of their own on one switch, and this process as one
 * more host. Needs root. Everything is removed by `close`, the processes on its hosts included.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Host {
  readonly address: string;
  /** Starts a program there; it ends with the network at the latest. */
  start(command: string, args: readonly string[], options?: StartOptions): Running;
}

interface StartOptions {
  cwd?: string;
  env?: Record<string, string>;
}

export interface Running {
  readonly child: ChildProcess;
  /** Everything it wrote so far, on both streams. */
  output(): string;
  /** @returns once the output has matched @throws when it ends before, or after 60 s */
  says(pattern: RegExp): Promise<void>;
  /** @returns its exit code */
  ended(): Promise<number | null>;
  stop(): Promise<void>;
}

export interface Network {
  /** By the names given to `createNetwork`. */
  readonly hosts: Readonly<Record<string, Host>>;
  /** Of this process. */
  readonly address: string;
  /** Address of a DNS name. */
  addressOf(name: string): string | undefined;
  close(): Promise<void>;
}

const ETC = "/etc/netns";
const PATIENCE = 60_000; // ms

const ip = (...args: string[]): unknown =>
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });

/** @param names DNS names of each host @param own DNS names of this process */
export async function createNetwork(
  names: Record<string, readonly string[]>,
  own: readonly string[],
): Promise<Network> {
  const tag = `${process.pid % 100_000}`;
  // RFC 2544: addresses for tests within one network; which of them, so that two runs on one machine do not meet.
  const prefix = `198.18.${process.pid % 250}`;
  const undo: (() => unknown)[] = [];
  const running: Running[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(running.map((one) => one.stop()));
    for (const step of undo.splice(0).toReversed()) step();
  };
  const all = Object.entries(names).map(([name, theirs], index) => ({
    name,
    own: theirs,
    address: `${prefix}.${index + 10}`,
    namespace: `mcpg-${tag}-${name}`,
  }));
  const here = { own, address: `${prefix}.1` };
  const lines = [...all, here].flatMap((one) => one.own.map((name) => `${one.address} ${name}\n`));
  try {
    const bridge = `mcpg${tag}`;
    ip("link", "add", bridge, "type", "bridge");
    undo.push(() => ip("link", "delete", bridge));
    ip("address", "add", `${here.address}/24`, "dev", bridge);
    ip("link", "set", bridge, "up");
    for (const [index, { name, namespace, address }] of all.entries()) {
      ip("netns", "add", namespace);
      undo.push(() => ip("netns", "delete", namespace));
      const cable = `mg${tag}x${index}`;
      ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", namespace);
      ip("link", "set", cable, "master", bridge, "up");
      ip("-n", namespace, "link", "set", "lo", "up");
      ip("-n", namespace, "address", "add", `${address}/24`, "dev", "eth0");
      ip("-n", namespace, "link", "set", "eth0", "up");
      const etc = join(ETC, namespace);
      mkdirSync(etc, { recursive: true });
      undo.push(() => rmSync(etc, { recursive: true, force: true }));
      writeFileSync(join(etc, "hosts"), `127.0.0.1 localhost ${name}\n${lines.join("")}`);
      writeFileSync(join(etc, "resolv.conf"), "# nobody to ask\n");
    }
  } catch (error) {
    await close();
    throw error;
  }
  const hosts = all.map(({ name, namespace, address }): [string, Host] => {
    const start: Host["start"] = (command, args, options) => {
      const words = ["netns", "exec", namespace, command, ...args];
      const started = follow("ip", words, options);
      running.push(started);
      return started;
    };
    return [name, { address, start }];
  });
  return {
    hosts: Object.fromEntries(hosts),
    address: here.address,
    addressOf: (name) => [...all, here].find((one) => one.own.includes(name))?.address,
    close,
  };
}

function follow(command: string, args: readonly string[], options: StartOptions = {}): Running {
  // `ip netns exec` becomes the program itself, so its process id is the program's.
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      child.emit("said");
    });
  }
  const gone = once(child, "close").then(([code]) => code as number | null);
  return {
    child,
    output: () => text,
    ended: () => gone,
    async says(pattern) {
      const signal = AbortSignal.timeout(PATIENCE);
      const isOver = gone.then(() => "over" as const);
      while (!pattern.test(text)) {
        const heard = once(child, "said", { signal }).catch(() => "late" as const);
        const news = await Promise.race([heard, isOver]);
        if (pattern.test(text)) return;
        if (news === "late" || news === "over") {
          throw new Error(`${args.slice(3, 5).join(" ")} never said ${pattern}:\n${text}`);
        }
      }
    },
    async stop() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await gone;
      clearTimeout(timer);
    },
  };
}
