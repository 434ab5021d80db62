/** Headers that repeat the message, through the bridge: over servers of both eras, and with the official suite. */
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../support/bridge-server.ts";
import { ensureSuite, runServerSuite } from "../support/conformance.ts";
import { fixture } from "../support/gateway.ts";
import { ACCEPT } from "../support/mcp-session.ts";
import { modernRequest, postModern } from "../support/modern-request.ts";

let server: BridgeServer;
beforeAll(async () => {
  const program = (era: "legacy" | "modern", ...args: string[]) => ({
    command: process.execPath,
    args: [fixture("conformance-server.js"), "--era", era, ...args],
    era,
  });
  server = await startBridge({
    services: { modern: program("modern"), legacy: program("legacy") },
  });
});
afterAll(() => server.close());

const TOOL = "test_x_mcp_header";
const call = (region: unknown) =>
  modernRequest("tools/call", { name: TOOL, arguments: { region } });

const encoded = (text: string) => `=?base64?${Buffer.from(text).toString("base64")}?=`;

async function verdict(response: Response): Promise<unknown> {
  const { result, error } = await response.json();
  return error ? [response.status, error.code] : result.content[0].text;
}

describe.each(["modern", "legacy"])("a %s server's tool with a header", (era) => {
  const send = (region: unknown, headers: Record<string, string> = {}) =>
    postModern(server.endpoint(era), call(region), { headers }).then(verdict);

  it("is called when header and argument say the same (M07)", async () => {
    expect(await send("eu", { "Mcp-Param-Region": "eu" })).toBe("region=eu");
    expect(await send("eu", { "MCP-PARAM-REGION": encoded("eu") })).toBe("region=eu");
    expect(await send("Zürich", { "mcp-param-region": encoded("Zürich") })).toBe("region=Zürich");
    expect(await send("=?base64?eu", { "mcp-param-region": "=?base64?eu" })).toBe(
      "region==?base64?eu",
    );
  });

  it.each([
    ["missing", {}],
    ["another", { "mcp-param-region": "us" }],
    ["in another case", { "mcp-param-region": "EU" }],
    ["badly padded", { "mcp-param-region": encoded("eu").replace("?=", "=?=") }],
    ["in another alphabet", { "mcp-param-region": "=?base64?ZX!=?=" }],
  ])("is not called when the header is %s (M07)", async (_, headers) => {
    expect(await send("eu", headers as Record<string, string>)).toEqual([400, -32_020]);
  });

  it("does not mind headers that nobody declared (M08)", async () => {
    const headers = { "mcp-param-region": "eu", "mcp-param-other": "x", "x-anything": "y" };
    expect(await send("eu", headers)).toBe("region=eu");
  });

  it("is named as the header names it, encoded or not (M06)", async () => {
    const headers = { "mcp-param-region": "eu" };
    expect(await send("eu", { ...headers, "mcp-name": encoded(TOOL) })).toBe("region=eu");
    expect(await send("eu", { ...headers, "mcp-name": ` ${TOOL}\t` })).toBe("region=eu");
    for (const name of ["other", TOOL.toUpperCase(), encoded("other"), ""]) {
      expect(await send("eu", { ...headers, "mcp-name": name })).toEqual([400, -32_020]);
    }
    for (const method of ["tools/list", "Tools/Call", ""]) {
      expect(await send("eu", { ...headers, "mcp-method": method })).toEqual([400, -32_020]);
    }
  });

  it("refuses what is sent twice: another reader might believe the first (M06)", async () => {
    const body = JSON.stringify(modernRequest("tools/call", { name: "a, b", arguments: {} }));
    const headers = {
      accept: ACCEPT,
      "content-type": "application/json",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": ["a", "b"],
    };
    const status = await new Promise((resolve, reject) => {
      const request = httpRequest(server.endpoint(era), { method: "POST", headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on("error", reject).end(body);
    });
    expect(status).toBe(400);
  });
});

describe("the official suite", () => {
  it.each([
    ["modern", "http-custom-header-server-validation"],
    ["legacy", "http-custom-header-server-validation"],
    ["modern", "http-header-validation"],
    ["legacy", "http-header-validation"],
  ])("passes over a %s server: %s (M06, M07)", { timeout: 120_000 }, async (era, scenario) => {
    await ensureSuite();
    const url = server.endpoint(era);
    const result = await runServerSuite({ url, requirements: "2026-07-28", scenario });
    expect(result.failures).toEqual([]);
    expect(result).toMatchObject({ exitCode: 0, failed: 0 });
    expect(result.passed).toBeGreaterThan(3);
  });
});
