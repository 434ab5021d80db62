/**
 * One command of the built program as its own process, without a terminal.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { bin } from "./gateway-process.ts";

export interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

export async function runCommand(
  argv: string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv; uid?: number; input?: string },
): Promise<Result> {
  const child = spawn(process.execPath, [bin, ...argv], {
    cwd: options.cwd,
    env: { ...process.env, COLUMNS: "", ...options.env },
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    ...(options.uid !== undefined && { uid: options.uid, gid: options.uid }),
  });
  child.stdin?.end(options.input);
  const result: Result = { code: null, stdout: "", stderr: "" };
  child.stdout!.on("data", (chunk: Buffer) => (result.stdout += chunk.toString()));
  child.stderr!.on("data", (chunk: Buffer) => (result.stderr += chunk.toString()));
  [result.code] = (await once(child, "close")) as [number | null];
  return result;
}
