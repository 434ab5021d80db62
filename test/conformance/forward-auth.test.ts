/**
 * ForwardAuth, `/verify`, as a reverse proxy and as an attacker ask it.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";
import { logIn, type LoggedIn } from "../support/strict-client.ts";

let gateway: TestGateway;
let login: LoggedIn;
let host: string;

beforeAll(async () => {
  const echo = { command: process.execPath, args: [fixture("echo.js")] };
  gateway = await startGateway({ config: { services: { one: echo, two: echo } } });
  host = new URL(gateway.url).host;
  login = await logIn(`${gateway.url}/one/mcp`);
});
afterAll(() => gateway.close());

const forwarded = (
  uri = "/one/mcp",
  more: Record<string, string> = {},
): Record<string, string> => ({
  "x-forwarded-method": "POST",
  "x-forwarded-proto": "http",
  "x-forwarded-host": host,
  "x-forwarded-uri": uri,
  ...more,
});

const verify = (
  headers: Record<string, string>,
  token: string | null = login.tokens.access_token,
) =>
  fetch(`${gateway.url}/verify`, {
    headers: { ...headers, ...(token !== null && { authorization: `Bearer ${token}` }) },
  });

const identityOf = (response: Response): string[] =>
  [...response.headers.keys()].filter((name) => name.startsWith("x-auth-"));

describe("/verify with a valid token", () => {
  it("says who it is and never hands the token on (FA-16, SB6)", async () => {
    const response = await verify(forwarded());
    expect(response.status).toBe(200);
    expect(response.headers.get("x-auth-subject")).toMatch(/^local:/);
    expect(response.headers.get("x-auth-client")).toBe(login.client.client_id);
    expect(response.headers.get("x-auth-scope")).toContain("mcp");
    expect(response.headers.get("authorization")).toBeNull();
    expect(JSON.stringify([...response.headers])).not.toContain(login.tokens.access_token);
    expect(await response.text()).toBe("");
  });

  it("takes the host in any spelling of the same name (FA-10)", async () => {
    for (const spelling of [host.toUpperCase(), host.replace(":", ".:")]) {
      expect((await verify(forwarded("/one/mcp", { "x-forwarded-host": spelling }))).status).toBe(
        200,
      );
    }
  });

  it("knows the pages that may call, the gateway's own among them", async () => {
    for (const origin of [gateway.url, "http://localhost:6274", "https://claude.ai"]) {
      expect((await verify(forwarded("/one/mcp", { origin }))).status).toBe(200);
    }
  });

  it("is not fooled by headers that no proxy of ours sends (FA-07, FA-08)", async () => {
    const response = await verify(
      forwarded("/two/mcp", {
        "x-original-url": "/one/mcp",
        "x-rewrite-url": "/one/mcp",
        "x-forwarded-prefix": "/one",
        "x-http-method-override": "OPTIONS",
        forwarded: `host=${host};proto=http`,
        "user-agent": "health-checker",
      }),
    );
    expect(response.status).toBe(401);
  });
});

describe("/verify fails closed", () => {
  it("without a token, with the challenge of the requested resource (FA-01, FA-02)", async () => {
    const response = await verify(forwarded("/two/mcp"), null);
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe(
      `Bearer resource_metadata="${gateway.url}/.well-known/oauth-protected-resource/two/mcp", scope="mcp"`,
    );
    expect(response.headers.get("access-control-expose-headers")).toContain("WWW-Authenticate");
  });

  it("for a token of the sibling service (JW-12)", async () => {
    const response = await verify(forwarded("/two/mcp"));
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toContain('error="invalid_token"');
  });

  it.each(["x-forwarded-method", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-uri"])(
    "without %s, or with two of it (FA-04, FA-05)",
    async (name) => {
      const headers = forwarded();
      const { [name]: value = "", ...rest } = headers;
      expect((await verify(rest)).status).toBe(400);
      expect((await verify({ ...rest, [name]: `${value}, ${value}` })).status).toBe(400);
    },
  );

  it.each([
    "/one/mcp/../../two/mcp",
    "/one/mcp/%2e%2e/x",
    "/one%2fmcp",
    "//one/mcp",
    "/one/mcp;x",
    "/one/mcp%00",
    "/one/mcp#/public",
    "/one\\mcp",
    "/one/mcp%252e",
    "/one/mcpfoo",
    "/one/mcp/x",
    "/ONE/mcp",
    "/",
    "/verify",
  ])("for the path %s (FA-12, FA-13)", async (uri) => {
    expect((await verify(forwarded(uri))).status).toBe(400);
  });

  it.each(["evil.example", "localhost", "localhost:1", "[::1]", "127.0.0.1"])(
    "for the unknown host %s (FA-11)",
    async (name) => {
      expect((await verify(forwarded("/one/mcp", { "x-forwarded-host": name }))).status).toBe(400);
    },
  );

  it("for another scheme than the resource's", async () => {
    expect((await verify(forwarded("/one/mcp", { "x-forwarded-proto": "https" }))).status).toBe(
      400,
    );
  });

  it.each(["https://evil.example", "http://localhost.evil.example", "null", "claude.ai"])(
    "for a page of %s, with the best token (SB18)",
    async (origin) => {
      const response = await verify(forwarded("/one/mcp", { origin }));
      expect(response.status).toBe(403);
      expect(identityOf(response)).toEqual([]);
      expect(response.headers.get("access-control-allow-origin")).toBe("*");
      expect(await response.json()).toMatchObject({ error: { code: -32_600 } });
    },
  );

  it("for anybody but a trusted proxy (FA-09)", async () => {
    const other = await startGateway({
      config: { trustedProxies: ["192.0.2.1", "198.51.100.0/24"] },
    });
    const response = await fetch(`${other.url}/verify`, { headers: forwarded() });
    expect(response.status).toBe(403);
    expect(identityOf(response)).toEqual([]);
    await other.close();
  });

  it("and tells nobody's identity when it refuses", async () => {
    for (const response of [
      await verify(forwarded("/two/mcp")),
      await verify({}),
      await verify(forwarded("/x")),
    ]) {
      expect(identityOf(response)).toEqual([]);
    }
  });
});

describe("/verify and preflights", () => {
  it("lets a real preflight pass without identity", async () => {
    const preflight = forwarded("/one/mcp", {
      "x-forwarded-method": "OPTIONS",
      origin: "http://localhost:6274",
      "access-control-request-method": "POST",
    });
    const response = await verify(preflight, null);
    expect(response.status).toBe(200);
    expect(identityOf(response)).toEqual([]);
  });

  it("does not take a bare OPTIONS for one", async () => {
    expect(
      (await verify(forwarded("/one/mcp", { "x-forwarded-method": "OPTIONS" }), null)).status,
    ).toBe(401);
  });
});
