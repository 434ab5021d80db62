/**
 * `connect` as a host starts it, and the person who logs in where it says so.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { onTestFinished } from "vitest";
import { approve } from "./form-browser.ts";
import { bin } from "./gateway-process.ts";
import type { Wire } from "./mcp-session.ts";

/** One user's home, shared by all `connect` of a test. */
export interface Home {
  /** Where the credentials are. */
  directory: string;
  env: Record<string, string>;
  /** Login pages shown so far, by all processes. */
  pages: string[];
  /** What the person does with a page; approves at once unless a test says otherwise. */
  person: (page: string) => Promise<void>;
  /** @param options.mayOpen a browser may be opened */
  command(
    url: string,
    flags?: string[],
    options?: { mayOpen?: boolean },
  ): { command: string; args: string[]; env: Home["env"] };
  /** Lets the person see what a process says. @returns everything it has said so far */
  watch(stderr: Readable): () => string;
  spawn(url: string, flags?: string[], options?: { mayOpen?: boolean }): ConnectProcess;
}

export interface ConnectProcess {
  child: ChildProcess;
  /** Every line of standard output. */
  lines: string[];
  stderr: () => string;
  send(message: object): void;
  /** The answer to this request. */
  answer(id: number | string): Promise<Wire>;
  request(id: number | string, method: string, params?: object): Promise<Wire>;
  open(): Promise<Wire>;
  /** Closes standard input. @returns the exit code */
  end(): Promise<number | null>;
}

/** Follow a login to its end, as a browser does. */
async function logInAt(page: string): Promise<void> {
  const left = await approve(page);
  const response = await fetch(left);
  if (response.status !== 200) throw new Error(`the loopback answered ${response.status}`);
}

export function createHome(): Home {
  const base = mkdtempSync(join(tmpdir(), "mcpg-home-"));
  onTestFinished(() => rmSync(base, { recursive: true }));
  const { PATH = "" } = process.env;
  const home: Home = {
    directory: join(base, "mcp-gateway", "credentials"),
    env: { PATH, HOME: base, XDG_STATE_HOME: base },
    pages: [],
    person: logInAt,
    command: (url, flags = [], { mayOpen = false } = {}) => ({
      command: process.execPath,
      args: [bin, "connect", url, ...(mayOpen ? [] : ["--no-browser"]), ...flags],
      env: home.env,
    }),
    watch(stderr) {
      let text = "";
      let seen = 0;
      stderr.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        for (const match of text.slice(seen).matchAll(/^ {2}(http\S+)\n/gm)) {
          seen = text.length;
          home.pages.push(match[1]!);
          void home.person(match[1]!);
        }
      });
      return () => text;
    },
    spawn(url, flags, options) {
      const { command, args, env } = home.command(url, flags, options);
      const child = spawn(command, args, { env, stdio: ["pipe", "pipe", "pipe"] });
      onTestFinished(() => void child.kill("SIGKILL"));
      return converse(child, home.watch(child.stderr));
    },
  };
  return home;
}

function converse(child: ChildProcess, stderr: () => string): ConnectProcess {
  const lines: string[] = [];
  const waiting = new Map<unknown, (message: Wire) => void>();
  const early = new Map<unknown, Wire>();
  createInterface(child.stdout!).on("line", (line) => {
    lines.push(line);
    const message: Wire = JSON.parse(line);
    if (message.method !== undefined) return;
    const fulfil = waiting.get(message.id);
    if (fulfil) fulfil(message);
    else early.set(message.id, message);
  });
  const exited = once(child, "exit");
  const self: ConnectProcess = {
    child,
    lines,
    stderr,
    send: (message) =>
      void child.stdin!.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`),
    answer: (id) =>
      early.has(id)
        ? Promise.resolve(early.get(id))
        : Promise.race([
            new Promise<Wire>((fulfil) => waiting.set(id, fulfil)),
            exited.then(([code]) => {
              throw new Error(`connect ended with ${code}:\n${stderr()}`);
            }),
          ]),
    request(id, method, params) {
      self.send({ id, method, ...(params && { params }) });
      return self.answer(id);
    },
    async open() {
      const clientInfo = { name: "test", version: "1" };
      const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
      const opened = await self.request("hello", "initialize", params);
      self.send({ method: "notifications/initialized" });
      return opened;
    },
    async end() {
      child.stdin!.end();
      const [code] = (await exited) as [number | null];
      return code;
    },
  };
  return self;
}
