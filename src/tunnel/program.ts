/**
 * A tunnel that somebody else's program holds open: it runs as long as the tunnel does, and what it prints is heard for the
 * address and for why it ended.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { systemClock } from "../clock.ts";
import { UserError } from "../errors.ts";
import { LineSplitter } from "../mcp/lines.ts";
import { jittered } from "../random.ts";
import { printable } from "../terminal.ts";
import type { Tunnel } from "./tunnel.ts";

export interface TunnelProgram {
  readonly command: string;
  readonly args: readonly string[];
  /** The address where it is agreed beforehand: then the program is started again whenever it ends. */
  readonly publicUrl?: string;
  /** The address where the program invents one and says it in a line of its output. */
  urlIn?(line: string): string | undefined;
  /** What to do when the program does not work. */
  readonly hint: string;
}

const OPENING = 30; // seconds in which an address must have been said
const LONGEST_LINE = 65_536; // bytes
const BACK_OFF = { first: 0.5, last: 15, calm: 60 }; // seconds; who stayed longer than `calm` begins anew

/** @throws UserError when the program is missing, ends, or says no address in time */
export function openByProgram(
  program: TunnelProgram,
  tell: (sentence: string) => void,
): Promise<Tunnel> {
  const { command, publicUrl, hint } = program;
  const lost = new AbortController();
  let child: ChildProcess | undefined;
  let isClosed = false;
  let failures = 0;
  let cancelRestart = (): void => undefined;

  const end = (): void => {
    isClosed = true;
    cancelRestart();
    child?.kill();
    process.off("exit", end);
  };
  process.on("exit", end);

  return new Promise<Tunnel>((resolve, reject) => {
    const fail = (message: string): void => {
      end();
      const error = new UserError(message, { hint });
      reject(error);
      lost.abort(error); // of no effect on who was rejected
    };
    const open = (url: string): void => {
      cancelOpening();
      resolve({ publicUrl: url, lost: lost.signal, close: end });
    };
    const cancelOpening = systemClock.after(OPENING, () =>
      fail(`${command} has named no address within ${OPENING} seconds`),
    );

    const start = (): void => {
      const startedAt = systemClock.now();
      let last = "";
      const hear = (line: string): void => {
        if (line.trim() !== "") last = printable(line.trim()).slice(0, 300);
        const url = program.urlIn?.(line);
        if (url !== undefined) open(url);
      };
      child = spawn(command, program.args, {
        stdio: ["ignore", "pipe", "pipe"],
        windowsHide: true,
      });
      for (const output of [child.stdout!, child.stderr!]) {
        const lines = new LineSplitter(LONGEST_LINE, hear, () => output.destroy());
        output.on("data", (chunk: Buffer) => lines.push(chunk));
      }
      child.once("error", (error: NodeJS.ErrnoException) => {
        fail(error.code === "ENOENT" ? `${command} not found on PATH` : error.message);
      });
      child.once("close", (code, signal) => {
        if (isClosed) return;
        const reason = `${command} ended with ${code ?? signal}${last && `: ${last}`}`;
        if (publicUrl === undefined) return fail(reason);
        if (systemClock.now() - startedAt > BACK_OFF.calm) failures = 0;
        const wait = jittered(Math.min(BACK_OFF.last, BACK_OFF.first * 2 ** failures++));
        tell(`Tunnel: ${reason}; once more in ${wait.toFixed(1)} s`);
        cancelRestart = systemClock.after(wait, start);
      });
    };
    start();
    if (publicUrl !== undefined) open(publicUrl);
  });
}
