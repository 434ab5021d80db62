/**
 * The official MCP conformance suite against the whole gateway: authorization mode against the authorization server, server
 * mode with a token through both doors over a stdio server of our own. Nothing is tolerated.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../support/bearer-proxy.ts";
import { ensureSuite, runAuthorizationSuite, runServerSuite } from "../support/conformance.ts";
import { approve } from "../support/form-browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { discover } from "../support/strict-client.ts";
import { openSuiteDoors, type SuiteDoors } from "../support/suite-doors.ts";

beforeAll(ensureSuite, 300_000);

describe("the suite's authorization mode", () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  it(
    "passes: metadata, and the code grant with PKCE, resource and iss",
    { timeout: 120_000 },
    async () => {
      const port = await freePort();
      const { server, resource } = await discover(gateway.resource);
      const registered = await fetch(server.registration_endpoint!, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          client_name: "Conformance",
          redirect_uris: [`http://127.0.0.1:${port}/callback`],
          token_endpoint_auth_method: "none",
        }),
      });
      const { client_id: clientId } = (await registered.json()) as { client_id: string };
      const result = await runAuthorizationSuite({
        issuer: gateway.url,
        clientId,
        resource,
        port,
        onAuthorizationUrl: async (url) => {
          await fetch(await approve(url));
        },
      });
      expect(result.failures).toEqual([]);
      expect(result).toMatchObject({ exitCode: 0, failed: 0 });
      expect(result.passed).toBeGreaterThanOrEqual(2);
      expect(result.warnings).toEqual([]);
    },
  );
});

describe("the suite's server mode through the gateway", () => {
  let doors: SuiteDoors;
  beforeAll(async () => {
    doors = await openSuiteDoors();
  });
  afterAll(() => doors.close());

  it(
    "passes --requirements 2025-11-25 with zero tolerated failures (B01)",
    { timeout: 180_000 },
    async () => {
      const { legacy, target } = doors;
      const result = await runServerSuite({ ...legacy, target, requirements: "2025-11-25" });
      expect(result.failures).toEqual([]);
      expect(result).toMatchObject({ exitCode: 0, scenarios: 30, failed: 0 });
      expect(result.passed).toBeGreaterThanOrEqual(69);
    },
  );

  it(
    "passes it over a server that only speaks 2026-07-28, again with none (B02)",
    { timeout: 180_000 },
    async () => {
      const { modern, target } = doors;
      const result = await runServerSuite({ ...modern, target, requirements: "2025-11-25" });
      expect(result.failures).toEqual([]);
      expect(result).toMatchObject({ exitCode: 0, scenarios: 30, failed: 0 });
      expect(result.passed).toBeGreaterThanOrEqual(69);
    },
  );

  it(
    "passes --requirements 2026-07-28 with zero tolerated failures (B01)",
    { timeout: 180_000 },
    async () => {
      const { modern, target } = doors;
      const result = await runServerSuite({ ...modern, target, requirements: "2026-07-28" });
      expect(result.failures).toEqual([]);
      expect(result).toMatchObject({ exitCode: 0, failed: 0 });
      expect(result.passed).toBeGreaterThanOrEqual(100);
    },
  );

  it(
    "fails without a token, so that the pass above means something",
    { timeout: 120_000 },
    async () => {
      const result = await runServerSuite({
        ...doors.legacy,
        target: doors.target,
        token: "wrong",
        requirements: "2025-11-25",
      });
      expect(result.exitCode).not.toBe(0);
      expect(result.failed).toBeGreaterThan(20);
    },
  );
});
