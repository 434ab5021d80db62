/**
 * One running MCP server: a process that leads its own process group and talks JSON-RPC in lines on its standard
 * streams (stdio transport).
 *
 * The group matters because launchers such as `npx` leave the real server as their grandchild: whatever signal is due
 * goes to the whole group, also after the leader is gone. Its end is: standard input closed, wait, SIGTERM, wait,
 * SIGKILL.
 */
import type { ChildProcess } from "node:child_process";
import type { Writable } from "node:stream";
import type { Clock } from "../clock.ts";
import { redact } from "../log.ts";
import { isJsonRpcMessage, type JsonRpcMessage } from "../mcp/json-rpc.ts";
import { LineSplitter } from "../mcp/lines.ts";
import { parseJson, stringifyJson } from "../mcp/exact-json.ts";
import { isNestedTooDeep } from "../mcp/nesting.ts";
import { groupInside, signalGroup } from "./process-group.ts";
import type { Reaper } from "./reaper.ts";
import type { Channel } from "./service/service.ts";
import { spawnProgram, type ChildProgram } from "./spawn-program.ts";

const LINE_LIMIT = 10 * 1_048_576; // bytes, as the SDK's stdio transport
const UNREAD_LIMIT = 32 * 1_048_576; // bytes a child may leave unread
const STDERR_TAIL = 4096; // characters
const GRACE = 2; // seconds before each firmer step, unless told
/** Seconds between two looks whether a process group is gone. */
const LOOK = 0.05;

/** Told what happens to the process; the channel's own handlers belong to whoever talks to the server. */
export interface ChildObserver {
  started(pid: number): void;
  /** It could not be started. */
  failed(reason: string): void;
  /** Its first message has come. */
  answered(): void;
  /** Text that is no message: for the log. */
  noise(stream: "stdout" | "stderr", text: string): void;
  /** Its leader has ended. */
  exited(exit: ChildExit): void;
  /** Called last, also when it never started. */
  closed(): void;
}

export interface ChildExit {
  readonly pid: number;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Why, in words that follow "service NAME". */
  readonly verdict: string;
  /** Whether we wanted it. */
  readonly isExpected: boolean;
  /** The last of standard error, secrets filtered. */
  readonly stderr: string;
}

export class Child implements Channel {
  onmessage?: (message: JsonRpcMessage) => void;
  onclose?: (reason: string) => void;

  readonly #program: ChildProgram;
  readonly #clock: Clock;
  readonly #reaper: Reaper | undefined;
  readonly #observer: ChildObserver;
  #process: ChildProcess | undefined;
  #stderr = "";
  #verdict: string | undefined;
  /** We end it for what it did. */
  #isGuilty = false;
  #started: Promise<void> | undefined;
  #hasAnswered = false;
  #closed = false;
  #closing: Promise<void> | undefined;
  #whenClosed: () => void = () => undefined;
  readonly #gone = new Promise<void>((resolve) => (this.#whenClosed = resolve));

  /** @param reaper undefined where there are no process groups (Windows) */
  constructor(
    program: ChildProgram,
    clock: Clock,
    reaper: Reaper | undefined,
    observer: ChildObserver,
  ) {
    this.#program = program;
    this.#clock = clock;
    this.#reaper = reaper;
    this.#observer = observer;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starting again what has started does nothing. */
  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  async #start(): Promise<void> {
    try {
      await this.#spawn();
    } catch (error) {
      this.#verdict = "did not start";
      this.#observer.failed((error as Error).message);
      this.#finish();
      throw error;
    }
    this.#observer.started(this.pid!);
  }

  async #spawn(): Promise<void> {
    if (this.#closing) throw new Error(`service ${this.#program.name} was stopped`);
    const { name, command } = this.#program;
    const child = spawnProgram(this.#program, this.#reaper);
    this.#process = child;
    this.#listen(child);
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.on("error", (error) =>
        reject(new Error(`service ${name}: cannot start ${command}: ${error.message}`)),
      );
    });
  }

  async send(message: JsonRpcMessage): Promise<void> {
    const input = this.#process?.stdin;
    if (!input?.writable || this.#closed)
      throw new Error(`service ${this.#program.name} has ended`);
    if (input.writableLength > UNREAD_LIMIT) {
      this.#kill("does not read its input");
      throw new Error(`service ${this.#program.name} does not read its input`);
    }
    gatherForThisTurn(input);
    if (input.write(`${stringifyJson(message)}\n`)) return;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        input.off("drain", go);
        input.off("close", go);
        resolve();
      };
      input.on("drain", go);
      input.on("close", go);
    });
  }

  close(graceSeconds = GRACE): Promise<void> {
    this.#closing ??= this.#end(graceSeconds);
    return this.#closing;
  }

  async #end(graceSeconds: number): Promise<void> {
    const child = this.#process;
    if (child?.pid === undefined) return this.#finish();
    child.stdin?.end();
    await this.#wait(this.#gone, graceSeconds);
    // Not only when the leader lives: what it started may ignore the end of the input.
    await this.#endGroup(child.pid, graceSeconds);
    await this.#wait(this.#gone, 1);
    // Somebody who left the group still holds the pipes. We do not wait for strangers.
    this.#finish();
  }

  #listen(child: ChildProcess): void {
    const lines = new LineSplitter(
      LINE_LIMIT,
      (line) => this.#receive(line),
      () => {
        child.stdout?.removeAllListeners("data").resume();
        this.#kill(`wrote a line longer than ${LINE_LIMIT} bytes`);
      },
    );
    child.stdout?.on("data", (chunk: Buffer) => lines.push(chunk));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_TAIL);
      this.#observer.noise("stderr", text);
    });
    // A child that went away is told by `exit`; what its pipes say about that is of no interest.
    for (const stream of [child.stdin, child.stdout, child.stderr]) {
      stream?.on("error", () => undefined);
    }
    child.once("exit", (exitCode, signal) => {
      this.#verdict ??= signal === null ? `exited with code ${exitCode}` : `was ended by ${signal}`;
      const isExpected = this.#closing !== undefined && !this.#isGuilty;
      const { pid = 0 } = child;
      this.#observer.exited({
        pid,
        exitCode,
        signal,
        verdict: this.#verdict,
        isExpected,
        stderr: this.#tail(),
      });
      void this.close(0.5);
    });
    child.once("close", () => this.#finish());
  }

  #receive(line: string): void {
    if (isNestedTooDeep(line)) return this.#kill("wrote a message that is nested too deep");
    let value: unknown;
    try {
      value = parseJson(line);
    } catch {
      if (line.trim() !== "") this.#observer.noise("stdout", line);
      return;
    }
    // Servers of 2025-03-26 may answer in batches.
    for (const message of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (isJsonRpcMessage(message)) {
        if (!this.#hasAnswered) this.#observer.answered();
        this.#hasAnswered = true;
        this.onmessage?.(message);
      } else this.#observer.noise("stdout", line);
    }
  }

  /** End it for what it did. */
  #kill(reason: string): void {
    this.#verdict ??= reason;
    this.#isGuilty = true;
    void this.close(0);
  }

  #tail(): string {
    let text = redact(this.#stderr);
    for (const secret of this.#program.secrets) text = text.replaceAll(secret, "[redacted]");
    return text.trim();
  }

  #finish(): void {
    if (this.#closed) return;
    this.#closed = true;
    const child = this.#process;
    for (const stream of [child?.stdin, child?.stdout, child?.stderr]) stream?.destroy();
    this.#whenClosed();
    this.#observer.closed();
    this.onclose?.(`service ${this.#program.name} ${this.#verdict ?? "was stopped"}`);
  }

  async #endGroup(pid: number, graceSeconds: number): Promise<void> {
    if (!this.#reaper) {
      this.#process?.kill();
      return;
    }
    const isInside = this.#program.sandbox.tier === "bubblewrap";
    let isAlive = signalGroup((isInside && groupInside(pid)) || pid, "SIGTERM");
    for (let waited = 0; isAlive && waited < Math.max(graceSeconds, LOOK); waited += LOOK) {
      await new Promise<void>((resolve) => this.#clock.after(LOOK, resolve));
      isAlive = signalGroup(pid, 0);
    }
    if (isAlive) signalGroup(pid, "SIGKILL");
    this.#reaper.remove(pid);
  }

  /** Until `event` or for `seconds`, whichever is sooner. */
  async #wait(event: Promise<void>, seconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(seconds, resolve);
      void event.then(() => {
        cancel();
        resolve();
      });
    });
  }
}

/**
 * What is written in one turn of the event loop reaches the child in one system call, and wakes it once: where many callers
 * share it, it would otherwise be woken by the first line and put aside again for the second.
 */
function gatherForThisTurn(input: Writable): void {
  if (input.writableCorked > 0) return;
  input.cork();
  setImmediate(() => input.uncork());
}
