/** Sessions of stdio services where several gateways share a store. */
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fixture } from "../support/gateway.ts";
import { ACCEPT } from "../support/mcp-session.ts";
import { startReplicas, type Replicas } from "../support/replicas.ts";
import { logIn } from "../support/strict-client.ts";

let replicas: Replicas;
let token: string;
beforeAll(async () => {
  // The same server everywhere, although each replica has a folder of its own here.
  const bench = { command: process.execPath, args: [fixture("workbench.js")], cwd: tmpdir() };
  replicas = await startReplicas(3, { services: { bench } });
  token = (await logIn(replicas.gateway.resource)).tokens.access_token;
}, 60_000);
afterAll(() => replicas.close());

const send = (replica: number, method: string, params: object, session?: string) =>
  replicas.ask(replica, "/mcp", {
    method: "POST",
    headers: {
      accept: ACCEPT,
      "content-type": "application/json",
      authorization: `Bearer ${token}`,
      ...(session !== undefined && { "mcp-session-id": session }),
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });

async function open(replica: number): Promise<string> {
  const clientInfo = { name: "raw", version: "1" };
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
  return (await send(replica, "initialize", params)).headers.get("mcp-session-id")!;
}

const count = async (replica: number, session: string) => {
  const answer = await send(replica, "tools/call", { name: "count", arguments: {} }, session);
  return answer.status === 200
    ? Number((await answer.json()).result.content[0].text)
    : answer.status;
};

describe("a session", () => {
  it("is unknown to other replicas while its own lives: it never has two servers", async () => {
    const session = await open(0);
    expect(await count(0, session)).toBe(1);
    expect(await Promise.all([count(1, session), count(2, session)])).toEqual([404, 404]);
    expect(await count(0, session)).toBe(2);
  }, 30_000);

  it("goes on at exactly one of the others once its own was killed, and at once when it was stopped", async () => {
    const first = await open(0);
    expect(await count(0, first)).toBe(1);
    await replicas.all[0]!.kill("SIGKILL");
    const [one, two] = await Promise.all([count(1, first), count(2, first)]);
    // A fresh server counts from one again; whoever came second is told that the session is not there.
    expect([one, two].toSorted((a, b) => a - b)).toEqual([1, 404]);
    const owner = one === 1 ? 1 : 2;
    expect(await count(owner, first)).toBe(2);
    await replicas.all[owner]!.kill("SIGTERM");
    const before = performance.now();
    expect(await count(3 - owner, first)).toBe(1);
    expect(performance.now() - before).toBeLessThan(3000);
  }, 60_000);
});
