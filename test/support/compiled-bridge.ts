/**
 * A gateway-like process over freshly compiled sources, and a way to find everything it ever started.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { fixture } from "./gateway.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Below node_modules, so that the compiled files find their packages. */
const OUTPUT = "node_modules/.cache/compiled-bridge";

export function compile(): void {
  spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", ".", "--outDir", OUTPUT], {
    cwd: ROOT,
  });
}

/** @returns once it listens */
export async function startProcess(
  config: object,
): Promise<{ process: ChildProcess; endpoint(service: string): string }> {
  const child = spawn(
    process.execPath,
    [fixture("bare-gateway.js"), `${ROOT}${OUTPUT}`, JSON.stringify(config)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  for await (const line of createInterface({ input: child.stdout })) {
    const { port } = JSON.parse(line) as { port: number };
    return { process: child, endpoint: (service) => `http://127.0.0.1:${port}/${service}/mcp` };
  }
  throw new Error("the gateway did not start");
}

/** Processes that are alive and have `mark` in their environment, as every child and grandchild of a service has. */
export function processesMarked(mark: string): number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return readFileSync(`/proc/${name}/environ`, "utf8").includes(`MARK=${mark}\0`)
        ? [Number(name)]
        : [];
    } catch {
      return [];
    }
  });
}
