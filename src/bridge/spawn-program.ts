/**
 * From a program of the configuration to a process: leader of a process group of its own, known to the reaper, within the
 * walls of its sandbox.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { statSync } from "node:fs";
import type { Writable } from "node:stream";
import { findCommand } from "./child-environment.ts";
import type { Reaper } from "./reaper.ts";
import { FIRST_INPUT, type Sandbox } from "./sandbox/sandbox.ts";

export interface ChildProgram {
  /** Of the service, for messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  /** Values that must not be seen in anything the child says about itself. */
  readonly secrets: readonly string[];
  readonly sandbox: Sandbox;
}

/**
 * @param reaper undefined where there are no process groups (Windows)
 * @returns whether it really starts is told by its events
 * @throws Error when what it needs does not exist
 */
export function spawnProgram(program: ChildProgram, reaper: Reaper | undefined): ChildProcess {
  const { name, command, args, environment, directory, sandbox } = program;
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(`service ${name}: working directory ${directory} not found`);
  }
  const path = findCommand(command, environment, directory);
  if (path === undefined) {
    const where = /[/\\]/.test(command) ? "" : " on PATH";
    throw new Error(`service ${name}: command ${command} not found${where}`);
  }
  const launch = sandbox.launch({ path, args, directory, environment });
  const wrapped = reaper?.wrap(launch.command, launch.args);
  const child = spawn(wrapped?.command ?? launch.command, wrapped?.args ?? [...launch.args], {
    cwd: directory,
    env: environment,
    detached: reaper !== undefined,
    windowsHide: true,
    stdio: [
      ...["pipe", "pipe", "pipe"],
      ...(wrapped ? [wrapped.descriptor] : []),
      ...launch.inputs.map(() => "pipe"),
    ] as ("pipe" | Writable)[],
  });
  if (child.pid !== undefined) reaper?.add(child.pid);
  for (const [index, text] of launch.inputs.entries()) {
    const input = child.stdio[FIRST_INPUT + index] as Writable | null;
    input?.on("error", () => undefined).end(text);
  }
  return child;
}
