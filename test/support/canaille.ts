/**
 * A second OpenID provider that nobody here has written, in another language: Canaille, from PyPI, in an environment of its own.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort } from "./bearer-proxy.ts";
import { fixture } from "./gateway.ts";

const PACKAGE = "canaille[front,oidc]==0.3.6";
const HOME = fileURLToPath(new URL("../../.cache/canaille/", import.meta.url));
const python = join(HOME, "bin", "python");

/** As in fixture/openid-provider.py. */
export const CANAILLE = {
  client: { id: "gateway", secret: "secret-of-the-gateway" },
  person: { login: "ada", password: "an engine of analysis", subject: "ada" },
} as const;

/** Once for each clone. */
export async function ensureCanaille(): Promise<void> {
  if (existsSync(join(HOME, "bin", "canaille"))) return;
  const run = promisify(execFile);
  await run("python3", ["-m", "venv", HOME]);
  await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]);
}

export async function startCanaille(
  redirectUri: string,
): Promise<{ issuer: string; close(): Promise<void> }> {
  const port = await freePort();
  const child = spawn(python, [fixture("openid-provider.py"), `${port}`, redirectUri], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let isUp = false;
  for await (const line of createInterface({ input: child.stderr })) {
    isUp = line.includes("Press CTRL+C to quit");
    if (isUp) break;
  }
  if (!isUp) throw new Error("Canaille did not start");
  child.stderr.resume();
  return {
    issuer: `http://127.0.0.1:${port}`,
    async close() {
      child.kill();
      await once(child, "exit");
    },
  };
}
