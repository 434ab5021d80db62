/**
 * A gateway as its own process, the built program as people start it. What is true after `kill -9` can only be seen so.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { fixture } from "./gateway.ts";

export const bin = fileURLToPath(new URL("../../bin/run.js", import.meta.url));

export interface GatewayProcess {
  child: ChildProcess;
  url: string;
  /** MCP endpoint of its (first) service. */
  resource: string;
  /** Milliseconds from spawn to ready. */
  startedIn: number;
  stderr(): string;
  /** @returns once the process is gone */
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** `dev --json` with one service, the echo fixture unless told. @param options.cwd its state goes below this folder */
export async function spawnGateway(options: {
  cwd: string;
  port?: number;
  command?: string[];
  flags?: string[];
  env?: Record<string, string>;
}): Promise<GatewayProcess> {
  const before = performance.now();
  const command = options.command ?? [process.execPath, fixture("echo.js")];
  const flags = ["--json", "--port", String(options.port ?? 0), ...(options.flags ?? [])];
  const child = spawn(process.execPath, [bin, "dev", ...flags, "--", ...command], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const gone = once(child, "exit");
  const line = await Promise.race([
    once(createInterface(child.stdout), "line").then(([text]) => String(text)),
    gone.then(([code]) => {
      throw new Error(`the gateway ended with ${code} before it was ready:\n${stderr}`);
    }),
  ]);
  const ready = JSON.parse(line) as { url: string; endpoints: { url: string }[] };
  return {
    child,
    url: ready.url,
    resource: ready.endpoints[0]!.url,
    startedIn: performance.now() - before,
    stderr: () => stderr,
    async kill(signal) {
      child.kill(signal);
      await gone;
    },
  };
}
