/**
 * The official MCP conformance suite through a real Traefik with the generated files, as it passes without.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { makeConfig } from "../../src/config-file.ts";
import { renderTraefik } from "../../src/proxy/traefik/render.ts";
import { freePort } from "../support/bearer-proxy.ts";
import { ensureSuite, runServerSuite } from "../support/conformance.ts";
import { openSuiteDoors, type SuiteDoors } from "../support/suite-doors.ts";
import { traefikProgram } from "../support/traefik.ts";

const directory = mkdtempSync(join(tmpdir(), "mcpg-traefik-"));
let traefik: ChildProcess;
let doors: SuiteDoors;

beforeAll(async () => {
  await ensureSuite();
  doors = await openSuiteDoors(async (plain) => {
    const [http, internal] = [await freePort(), await freePort()];
    const listen = { http: `127.0.0.1:${http}`, internal: `127.0.0.1:${internal}` };
    const config = { ...plain, proxy: { listen, directory } };
    for (const { path, text } of renderTraefik(makeConfig(config))) {
      writeFileSync(join(directory, path), text);
    }
    const file = `--configFile=${join(directory, "traefik.yaml")}`;
    traefik = spawn(traefikProgram(), [file], { stdio: "ignore" });
    // Its routes are there once it misses the gateway.
    await vi.waitFor(
      async () => expect((await fetch(`http://localhost:${http}/mcp`)).status).toBe(502),
      { timeout: 30_000 },
    );
    return { config, target: `http://${listen.http}` };
  });
}, 300_000);
afterAll(async () => {
  await doors.close();
  traefik.kill();
  await once(traefik, "exit");
  rmSync(directory, { recursive: true });
});

it.each([
  { era: "legacy", requirements: "2025-11-25", atLeast: 69 },
  { era: "modern", requirements: "2026-07-28", atLeast: 100 },
] as const)("passes --requirements $requirements", { timeout: 180_000 }, async (leg) => {
  const { target, [leg.era]: door } = doors;
  const { requirements } = leg;
  const result = await runServerSuite({ ...door, target, requirements });
  expect(result.failures).toEqual([]);
  expect(result).toMatchObject({ exitCode: 0, failed: 0 });
  expect(result.passed).toBeGreaterThanOrEqual(leg.atLeast);
});
