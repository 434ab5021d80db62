/**
 * Clients that hang up: in the middle of what they say, while they wait for an answer, while they listen. Whoever behaves
 * notices nothing, no server is left over, and nothing piles up.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { spawnGateway } from "../support/gateway-process.ts";
import { callMcp, logIn } from "../support/strict-client.ts";

const DISCONNECTS = 10_000;
const AT_ONCE = 50;
const SESSIONS = 10;
/** Streams are kept for who comes back, so some growth is meant: bounded, and reached early. */
const MAY_GROW = 24 * 1_048_576; // bytes

it(`are ${DISCONNECTS}, and nobody notices (B13, B14)`, { timeout: 300_000 }, async () => {
  const cwd = mkdtempSync(join(tmpdir(), "mcpg-disconnects-"));
  const gateway = await spawnGateway({ cwd });
  const agent = new Agent({ maxSockets: AT_ONCE });
  try {
    const token = (await logIn(gateway.resource)).tokens.access_token;
    const sessions = await Promise.all(
      Array.from({ length: SESSIONS }, async () => {
        const opened = await callMcp(gateway.resource, token);
        await opened.body?.cancel();
        return opened.headers.get("mcp-session-id")!;
      }),
    );
    const headersOf = (session: string): Record<string, string> => ({
      authorization: `Bearer ${token}`,
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      "mcp-session-id": session,
    });
    const callOf = (id: number, text: string): string => {
      const params = { name: "echo", arguments: { text } };
      return JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params });
    };

    let next = 1;
    let answered = 0;
    const vanish = (): Promise<void> =>
      new Promise((resolve) => {
        const id = next++;
        const body = callOf(id, "x".repeat(id % 2000));
        const isListening = id % 5 === 0;
        const isCut = id % 3 === 0;
        const sent = request(gateway.resource, {
          agent,
          method: isListening ? "GET" : "POST",
          headers: {
            ...headersOf(sessions[id % SESSIONS]!),
            ...(!isListening && { "content-length": Buffer.byteLength(body) }),
          },
        });
        sent.on("error", () => undefined);
        sent.on("response", (response) => {
          answered += 1;
          response.resume().on("error", () => undefined);
        });
        sent.once("close", resolve);
        if (isListening) sent.end();
        else if (isCut) sent.write(body.slice(0, body.length / 2));
        else sent.end(body);
        // Milliseconds after the connection stands: before, while and after it is answered.
        sent.once("socket", () => setTimeout(() => sent.destroy(), (id % 16) * 10));
      });
    const memory = (): number => {
      const status = readFileSync(`/proc/${gateway.child.pid}/status`, "utf8");
      return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) * 1024;
    };

    const sizes: number[] = [];
    while (next <= DISCONNECTS) {
      await Promise.all(Array.from({ length: AT_ONCE }, vanish));
      if (next % 1000 <= AT_ONCE) sizes.push(memory());
    }
    // Some heard the beginning of an answer, some nothing.
    expect(answered).toBeGreaterThan(DISCONNECTS / 20);
    expect(answered).toBeLessThan(DISCONNECTS * 0.95);
    console.log(
      answered,
      sizes.map((x) => x >> 20),
    );
    expect(sizes.at(-1)! - sizes[2]!).toBeLessThan(MAY_GROW);

    for (const session of sessions) {
      const answer = await fetch(gateway.resource, {
        method: "POST",
        headers: headersOf(session),
        body: callOf(next++, "still here"),
      });
      expect(await answer.text()).toContain("still here");
    }
  } finally {
    agent.destroy();
    await gateway.kill("SIGTERM");
    rmSync(cwd, { recursive: true });
  }
});
