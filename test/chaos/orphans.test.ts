/**
 * The whole program, as people run it, and the processes it owns: whoever vanishes, client or gateway, no child stays.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectControl } from "../../src/control.ts";
import { spawnGateway, type GatewayProcess } from "../support/gateway-process.ts";
import { callMcp, logIn } from "../support/strict-client.ts";

let directory: string;
let gateway: GatewayProcess;
let token: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "mcpg-orphans-"));
  // The limits are those of the program; 500 rounds stay below the 50 sessions of one person by ending them.
  gateway = await spawnGateway({ cwd: directory });
  token = (await logIn(gateway.resource)).tokens.access_token;
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Processes that run the service of this test, by its working directory. */
function children(): number[] {
  const pids = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes("fixture/echo.js") && !line.includes("bin/run.js"))
    .map((line) => Number.parseInt(line, 10));
  return pids.filter((pid) => workingDirectory(pid) === directory);
}

function workingDirectory(pid: number): string | undefined {
  try {
    return execFileSync("readlink", [`/proc/${pid}/cwd`], { encoding: "utf8" }).trim();
  } catch {
    return undefined; // it is gone
  }
}

async function untilNoChild(seconds: number): Promise<number[]> {
  const end = Date.now() + seconds * 1000;
  let alive = children();
  while (alive.length > 0 && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    alive = children();
  }
  return alive;
}

/** Open a session, start listening, and tear the connection down in the middle of it. */
async function connectAndVanish(): Promise<void> {
  const opened = await callMcp(gateway.resource, token);
  await opened.body?.cancel();
  const sessionId = opened.headers.get("mcp-session-id")!;
  const headers = { authorization: `Bearer ${token}`, "mcp-session-id": sessionId };
  const listening = request(gateway.resource, {
    headers: { ...headers, accept: "text/event-stream" },
  }).end();
  listening.on("error", () => {});
  await once(listening, "response");
  listening.destroy();
  const ended = await fetch(gateway.resource, { method: "DELETE", headers });
  expect(ended.status).toBe(204);
}

describe("children", () => {
  it("are gone after 500 clients have come and vanished", async () => {
    for (let round = 0; round < 50; round++) {
      await Promise.all(Array.from({ length: 10 }, connectAndVanish));
    }
    const ahead = async () =>
      (await connectControl(join(directory, ".mcp-gateway")).status()).services[0]!.warm!;
    // One is kept for who comes next.
    await expect.poll(ahead, { timeout: 10_000 }).toHaveLength(1);
    const warm = await ahead();
    await expect.poll(children, { timeout: 10_000, interval: 200 }).toEqual(warm);
  });

  it("are gone after kill -9 of the gateway", async () => {
    for (let session = 0; session < 20; session++) await callMcp(gateway.resource, token);
    // And the one that is kept for who comes next.
    await expect.poll(children, { timeout: 10_000 }).toHaveLength(21);
    await gateway.kill("SIGKILL");
    expect(await untilNoChild(10)).toEqual([]);
  });
});
