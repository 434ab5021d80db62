/**
 * The official MCP conformance suite through the whole gateway with a token, over servers elsewhere of the same era. Nothing
 * is tolerated: what the server can do itself it must be able to do through us (B01).
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort, withBearer } from "../support/bearer-proxy.ts";
import { ensureSuite, runServerSuite } from "../support/conformance.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { logIn } from "../support/strict-client.ts";
import { referee, type Upstream } from "../support/upstream.ts";

beforeAll(ensureSuite, 300_000);

describe.each([
  { requirements: "2025-11-25", era: "legacy", most: { scenarios: 30 } },
  { requirements: "2026-07-28", era: "modern", most: {} },
] as const)("the suite's server mode over a remote server ($era)", (leg) => {
  const { requirements, era, most } = leg;
  let upstream: Upstream;
  let gateway: TestGateway;
  let token: string;
  let url: string;
  let target: string;

  beforeAll(async () => {
    upstream = await referee(era);
    const [publicPort, port] = [await freePort(), await freePort()];
    target = `http://127.0.0.1:${port}`;
    gateway = await startGateway({
      config: {
        publicUrl: `http://localhost:${publicPort}`,
        listen: { host: "127.0.0.1", port },
        services: { far: { url: upstream.url } },
      },
    });
    url = `http://localhost:${publicPort}/mcp`;
    const plain = await withBearer(target, undefined, publicPort);
    token = (await logIn(url)).tokens.access_token;
    await plain.close();
  });
  afterAll(async () => {
    await gateway.close();
    await upstream.close();
  });

  it(`passes --requirements ${requirements}`, { timeout: 180_000 }, async () => {
    const result = await runServerSuite({ url, target, token, requirements });
    expect(result.failures).toEqual([]);
    expect(result).toMatchObject({ exitCode: 0, failed: 0, ...most });
    expect(result.passed).toBeGreaterThanOrEqual(69);
  });
});
