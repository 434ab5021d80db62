/**
 * The official MCP conformance suite over servers elsewhere of the other era: what is translated for children is translated for
 * them, with the same short list of what cannot be (B02).
 */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../support/bridge-server.ts";
import { ensureSuite, runServerSuite } from "../support/conformance.ts";
import { referee, type Upstream } from "../support/upstream.ts";

describe("the suite's server mode over a remote server of the other era", () => {
  let upstreams: Record<"legacy" | "modern", Upstream>;
  let bridge: BridgeServer;
  beforeAll(async () => {
    await ensureSuite();
    upstreams = { legacy: await referee("legacy"), modern: await referee("modern") };
    bridge = await startBridge({
      services: { legacy: { url: upstreams.legacy.url }, modern: { url: upstreams.modern.url } },
    });
  }, 300_000);
  afterAll(async () => {
    await bridge.close();
    await upstreams.legacy.close();
    await upstreams.modern.close();
  });

  it("passes 2025-11-25 over a modern one", { timeout: 180_000 }, async () => {
    const url = bridge.endpoint("modern");
    const result = await runServerSuite({ url, requirements: "2025-11-25" });
    expect(result.failures).toEqual([]);
    expect(result).toMatchObject({ exitCode: 0, scenarios: 30, failed: 0 });
  });

  it("passes 2026-07-28 over a legacy one, but for the known", { timeout: 180_000 }, async () => {
    const result = await runServerSuite({
      url: bridge.endpoint("legacy"),
      requirements: "2026-07-28",
      expectedFailures: fileURLToPath(
        new URL("modern-over-legacy.expected-failures.yml", import.meta.url),
      ),
    });
    expect(result.exitCode, result.output).toBe(0);
    // Extensions (tasks) are not scored.
    expect(result.failures.filter((failure) => !failure.startsWith("tasks-"))).toHaveLength(3);
  });
});
