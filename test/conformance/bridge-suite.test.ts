/**
 * The official MCP conformance suite against the bridge alone: each era over a server of the same era, and an older client
 * over a server that only speaks 2026-07-28. Nothing is tolerated: what the server can do on its own standard streams it
 * must be able to do through us. For 2026-07-28 over an older server there is a short list of what cannot be.
 */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../support/bridge-server.ts";
import { ensureSuite, runServerSuite } from "../support/conformance.ts";
import { fixture } from "../support/gateway.ts";

const server = (...args: string[]) => ({
  command: process.execPath,
  args: [fixture("conformance-server.js"), ...args],
});

describe("the suite's server mode", () => {
  let bridge: BridgeServer;
  beforeAll(async () => {
    await ensureSuite();
    bridge = await startBridge({
      services: {
        legacy: server("--era", "legacy"),
        modern: server("--era", "modern"),
        // Every other set of capabilities needs another child, and the suite waits for half a second.
        warm: { ...server("--era", "legacy"), era: "legacy", warm: 2 },
      },
    });
  }, 300_000);
  afterAll(() => bridge.close());

  it(
    "passes the requirements of 2025-11-25 over a legacy server",
    { timeout: 180_000 },
    async () => {
      const result = await runServerSuite({
        url: bridge.endpoint("legacy"),
        requirements: "2025-11-25",
      });
      expect(result.failures).toEqual([]);
      expect(result.warnings).toEqual([]);
      expect(result).toMatchObject({ exitCode: 0, scenarios: 30, failed: 0 });
      expect(result.passed).toBeGreaterThanOrEqual(69);
    },
  );

  // Translation loses nothing the suite can see: there is no list of expected failures, and none may come to be.
  it(
    "B02 passes the requirements of 2025-11-25 over a modern server",
    { timeout: 180_000 },
    async () => {
      const result = await runServerSuite({
        url: bridge.endpoint("modern"),
        requirements: "2025-11-25",
      });
      expect(result.failures).toEqual([]);
      expect(result.warnings).toEqual([]);
      expect(result).toMatchObject({ exitCode: 0, scenarios: 30, failed: 0 });
      expect(result.passed).toBeGreaterThanOrEqual(69);
      expect(result.unscored).toMatchObject({ scenarios: 3, failed: 0 });
    },
  );

  it(
    "B02 passes the requirements of 2026-07-28 over a legacy server, but for what no such server can do",
    { timeout: 180_000 },
    async () => {
      const result = await runServerSuite({
        url: bridge.endpoint("warm"),
        requirements: "2026-07-28",
        expectedFailures: fileURLToPath(
          new URL("modern-over-legacy.expected-failures.yml", import.meta.url),
        ),
      });
      // Nothing fails that is not in the list, and everything in the list fails.
      expect(result.exitCode, result.output).toBe(0);
      expect(result.passed).toBeGreaterThanOrEqual(150);
    },
  );

  it(
    "passes the requirements of 2026-07-28 over a modern server",
    { timeout: 180_000 },
    async () => {
      const result = await runServerSuite({
        url: bridge.endpoint("modern"),
        requirements: "2026-07-28",
      });
      expect(result.failures).toEqual([]);
      expect(result.warnings).toEqual([]);
      expect(result).toMatchObject({ exitCode: 0, failed: 0 });
    },
  );
});
