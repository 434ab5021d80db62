/** What outlives the gateway's process, and what a signal tells it: `serve` as people run it. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { connectControl } from "../../src/control.ts";
import { freePort } from "../support/bearer-proxy.ts";
import { fixture } from "../support/gateway.ts";
import { bin } from "../support/gateway-process.ts";
import { post } from "../support/mcp-session.ts";
import { callMcp, logIn } from "../support/strict-client.ts";

let folder: string;
let gateway: ChildProcess | undefined;
let stderr = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "revival-"))));
afterEach(async () => {
  await end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

function configure(port: number, services: string[]): void {
  const program = {
    command: process.execPath,
    args: [fixture("workbench.js")],
    permissions: "all",
  };
  const config = {
    publicUrl: `http://localhost:${port}`,
    listen: { host: "localhost", port },
    log: { level: "info" },
    services: Object.fromEntries(services.map((name) => [name, program])),
  };
  writeFileSync(join(folder, "mcp-gateway.yaml"), stringify(config));
}

/** @returns once it is ready */
async function serve(): Promise<void> {
  const child = spawn(process.execPath, [bin, "serve", "--json"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  gateway = child;
  child.stderr.on("data", (text: Buffer) => (stderr += String(text)));
  await once(createInterface(child.stdout), "line");
}

async function end(signal: NodeJS.Signals): Promise<void> {
  if (!gateway || gateway.exitCode !== null || gateway.signalCode !== null) return;
  const gone = once(gateway, "exit");
  gateway.kill(signal);
  await gone;
}

describe("a session of a stdio service", () => {
  it.each(["SIGKILL", "SIGTERM"] as const)(
    "goes on after %s of the gateway, with its token and its log level",
    async (signal) => {
      const port = await freePort();
      configure(port, ["bench"]);
      await serve();
      const endpoint = `http://localhost:${port}/bench/mcp`;
      const { tokens } = await logIn(endpoint);
      const opened = await callMcp(endpoint, tokens.access_token);
      const headers = {
        authorization: `Bearer ${tokens.access_token}`,
        "mcp-session-id": opened.headers.get("mcp-session-id")!,
      };
      const send = (method: string, params: object = {}, id: unknown = 1) =>
        post(endpoint, { jsonrpc: "2.0", id, method, params }, { headers });
      const tool = async (name: string) => {
        const answer = await send("tools/call", { name, arguments: {} });
        return answer.status === 200 && (await answer.json()).result.content[0].text;
      };
      await send("logging/setLevel", { level: "error" });
      const before = await tool("pid");
      // A write that waits for no one is on its way; nothing tells when it has come.
      await new Promise((resolve) => setTimeout(resolve, 300));
      await end(signal);
      await serve();
      expect(await tool("level")).toBe('"error"');
      expect(await tool("pid")).not.toBe(before);
      const control = connectControl(join(folder, ".mcp-gateway"));
      expect(await control.sessions()).toMatchObject([{ service: "bench", era: "legacy" }]);
      expect((await fetch(endpoint, { method: "DELETE", headers })).status).toBe(204);
      expect((await send("ping")).status).toBe(404);
      await end("SIGKILL");
      await serve();
      expect((await send("ping")).status).toBe(404);
    },
    60_000,
  );
});

describe("SIGHUP", () => {
  it("reads the configuration again where no terminal could be gone", async () => {
    const port = await freePort();
    configure(port, ["bench"]);
    await serve();
    // Ready for clients is said a moment before signals are heard.
    await new Promise((resolve) => setTimeout(resolve, 500));
    gateway!.kill("SIGHUP");
    await expect.poll(() => stderr, { timeout: 10_000 }).toContain("was read again");
    expect(gateway!.exitCode).toBeNull();
    configure(port, ["bench", "second"]);
    gateway!.kill("SIGHUP");
    const endpoint = `http://localhost:${port}/second/mcp`;
    const status = async () => (await callMcp(endpoint, undefined)).status;
    await expect.poll(status, { timeout: 10_000 }).toBe(401);
  }, 30_000);
});
