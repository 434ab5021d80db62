/** The bridge is a part of the gateway's process, behind its door: there is no other way to a server. */
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { spawnGateway } from "../support/gateway-process.ts";
import { logIn } from "../support/strict-client.ts";

/** A process and all that descend from it. */
function family(pid: number): number[] {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const children = tasks.flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean),
  );
  return [pid, ...children.flatMap((child) => family(Number(child)))];
}

/** TCP ports on which any of these processes listens, whatever the address. */
function portsOf(pids: readonly number[]): number[] {
  const sockets = new Set(
    pids.flatMap((pid) =>
      readdirSync(`/proc/${pid}/fd`).map((fd) => {
        try {
          return readlinkSync(`/proc/${pid}/fd/${fd}`);
        } catch {
          return ""; // the one that listed the folder
        }
      }),
    ),
  );
  const listening = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) =>
    readFileSync(table, "utf8")
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((columns) => columns[3] === "0A" && sockets.has(`socket:[${columns[9]}]`))
      .map((columns) => Number.parseInt(columns[1]!.split(":")[1]!, 16)),
  );
  return [...new Set(listening)];
}

it("opens one port, and nothing there leads to a server without a token (B18)", async () => {
  const cwd = mkdtempSync(join(tmpdir(), "mcpg-door-"));
  const gateway = await spawnGateway({ cwd });
  try {
    const { tokens } = await logIn(gateway.resource);
    const ask = async (authorization: Record<string, string>): Promise<Response> => {
      const clientInfo = { name: "door", version: "1" };
      const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
      return fetch(gateway.resource, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          ...authorization,
        },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params }),
      });
    };
    const opened = await ask({ authorization: `Bearer ${tokens.access_token}` });
    expect(opened.status).toBe(200); // a server runs now
    const pids = family(gateway.child.pid!);
    expect(pids.length).toBeGreaterThan(1);
    expect(portsOf(pids)).toEqual([Number(new URL(gateway.url).port)]);
    expect((await ask({})).status).toBe(401);
  } finally {
    await gateway.kill("SIGTERM");
    rmSync(cwd, { recursive: true });
  }
});
