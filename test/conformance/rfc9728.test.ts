/**
 * Protected resource metadata, RFC 9728, as a stranger sees it.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";
import { callMcp, discover } from "../support/strict-client.ts";

let gateway: TestGateway;

beforeAll(async () => {
  const echo = { command: process.execPath, args: [fixture("echo.js")] };
  gateway = await startGateway({
    config: { services: { one: echo, two: echo }, defaultService: "one" },
  });
});
afterAll(() => gateway.close());

const wellKnown = (path: string): Promise<Response> =>
  fetch(`${gateway.url}/.well-known/oauth-protected-resource${path}`);

describe("protected resource metadata (RFC 9728 §3)", () => {
  it.each(["/one/mcp", "/two/mcp", "/mcp"])(
    "describes %s and nothing else (A03, MD-05)",
    async (path) => {
      const response = await wellKnown(path);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("application/json");
      expect(await response.json()).toMatchObject({
        resource: `${gateway.url}${path}`,
        authorization_servers: [gateway.url],
        scopes_supported: ["mcp"],
        bearer_methods_supported: ["header"],
      });
    },
  );

  it("never asks for offline_access (A02, MD-07)", async () => {
    expect(await (await wellKnown("/one/mcp")).text()).not.toContain("offline_access");
  });

  it.each(["", "/three/mcp", "/one", "/one/mcp/x", "/ONE/mcp", `/${"x".repeat(5000)}`])(
    "answers 404 in JSON for %s (MD-06)",
    async (path) => {
      const response = await wellKnown(path);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ error: "invalid_target" });
    },
  );

  it.each(["/one%2fmcp", "//one/mcp"])("refuses the ambiguous %s (MD-06)", async (path) => {
    expect((await wellKnown(path)).status).toBe(400);
  });

  it("is also found behind the endpoint's own path", async () => {
    const response = await fetch(`${gateway.url}/one/mcp/.well-known/oauth-protected-resource`);
    expect(await response.json()).toMatchObject({ resource: `${gateway.url}/one/mcp` });
  });

  it("lets any page read it, and only read it (MD-09)", async () => {
    const response = await wellKnown("/one/mcp");
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(response.headers.get("access-control-allow-credentials")).toBeNull();
    const posted = await fetch(`${gateway.url}/.well-known/oauth-protected-resource/one/mcp`, {
      method: "POST",
    });
    expect(posted.status).toBe(405);
    expect(posted.headers.get("allow")).toContain("GET");
  });

  it("stays the same whatever host headers say (MD-03)", async () => {
    const response = await fetch(`${gateway.url}/.well-known/oauth-protected-resource/one/mcp`, {
      headers: {
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "https",
        "x-forwarded-prefix": "/x",
      },
    });
    expect(await response.json()).toMatchObject({ resource: `${gateway.url}/one/mcp` });
  });
});

describe("the challenge (RFC 9728 §5.1, RFC 6750 §3)", () => {
  it.each(["GET", "POST", "DELETE", "PUT"])(
    "of %s names the metadata and the scope, and no error (A01, FA-01)",
    async (method) => {
      const response = await fetch(`${gateway.url}/two/mcp`, { method });
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe(
        `Bearer resource_metadata="${gateway.url}/.well-known/oauth-protected-resource/two/mcp", scope="mcp"`,
      );
      expect(await response.json()).toHaveProperty("error");
    },
  );

  it("can be read by a page, as can 404 (A29, CR-04)", async () => {
    for (const response of [await fetch(`${gateway.url}/one/mcp`), await wellKnown("/none")]) {
      expect(response.headers.get("access-control-allow-origin")).toBe("*");
      expect(response.headers.get("access-control-expose-headers")).toContain("WWW-Authenticate");
      expect(response.headers.get("access-control-expose-headers")).toContain("Mcp-Session-Id");
    }
  });

  it("answers a modern probe with 401, so that no client mistakes the era (M27)", async () => {
    const probe = {
      jsonrpc: "2.0",
      id: 1,
      method: "server/discover",
      params: { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } },
    };
    const headers = { "mcp-protocol-version": "2026-07-28", "mcp-method": "server/discover" };
    expect((await callMcp(gateway.resource, undefined, probe, headers)).status).toBe(401);
  });

  it("leads a strict client to metadata it accepts (A04, MD-11)", async () => {
    const { server, resource } = await discover(`${gateway.url}/two/mcp`);
    expect(server.issuer).toBe(gateway.url);
    expect(resource).toBe(`${gateway.url}/two/mcp`);
  });
});

describe("preflight (Fetch standard)", () => {
  it("passes without a token and allows what MCP clients send (A29)", async () => {
    const response = await fetch(gateway.resource, {
      method: "OPTIONS",
      headers: {
        origin: "http://localhost:6274",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,mcp-param-city,x-evil",
      },
    });
    expect(response.status).toBe(204);
    const allowed = response.headers.get("access-control-allow-headers") ?? "";
    for (const name of [
      "authorization",
      "content-type",
      "mcp-protocol-version",
      "mcp-session-id",
      "mcp-method",
      "mcp-name",
      "last-event-id",
      "mcp-param-city",
    ]) {
      expect(allowed.split(", ")).toContain(name);
    }
    expect(allowed).not.toContain("x-evil");
  });
});
