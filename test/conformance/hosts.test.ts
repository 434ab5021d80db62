/**
 * Hosts and origins: DNS rebinding, spoofed forwarding headers, odd request lines, slow and broken clients.
 */
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../support/bearer-proxy.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";

let gateway: TestGateway;
let port: number;

beforeAll(async () => {
  gateway = await startGateway();
  port = Number(new URL(gateway.url).port);
});
afterAll(() => gateway.close());

/** `fetch` may not set Host; a plain request may. */
async function statusFor(path: string, headers: Record<string, string>): Promise<number> {
  const sent = request({ host: "127.0.0.1", port, path, headers }).end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  response.resume();
  return response.statusCode!;
}

/** Bytes in, bytes out. */
async function raw(text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.end(text);
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

describe("host names (SB18, B17)", () => {
  it.each(["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example"])(
    "refuse %s everywhere",
    async (host) => {
      for (const path of [
        "/mcp",
        "/authorize",
        "/.well-known/oauth-authorization-server",
        "/token",
      ]) {
        expect(await statusFor(path, { host })).toBe(403);
      }
    },
  );

  it("accept this machine's own names on the right port only", async () => {
    for (const name of ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"]) {
      expect(await statusFor("/mcp", { host: `${name}:${port}` })).toBe(401);
      expect(await statusFor("/mcp", { host: `${name}:1` })).toBe(403);
    }
  });
});

describe("an https issuer (A32)", () => {
  let https: TestGateway;
  let listening: number;
  beforeAll(async () => {
    listening = await freePort();
    const listen = { host: "127.0.0.1", port: listening };
    https = await startGateway({ config: { publicUrl: "https://gw.example.com", listen } });
  });
  afterAll(() => https.close());

  /** As the proxy that ends TLS would ask. */
  async function through(path: string, json?: object): Promise<IncomingMessage & { text: string }> {
    const headers = { host: "gw.example.com", "content-type": "application/json" };
    const method = json ? "POST" : "GET";
    const sent = request({ port: listening, path, method, headers });
    sent.end(json && JSON.stringify(json));
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    let text = "";
    for await (const chunk of response) text += String(chunk);
    return Object.assign(response, { text });
  }

  it.each(["/mcp", "/authorize", "/nothing", "/.well-known/oauth-authorization-server"])(
    "tells browsers to stay on https, on every answer: %s",
    async (path) => {
      const { headers } = await through(path);
      expect(headers["strict-transport-security"]).toBe("max-age=31536000");
    },
  );

  it("describes itself with https URLs that no shell stumbles over (MD-08, SB12)", async () => {
    for (const path of [
      "/.well-known/oauth-authorization-server",
      "/.well-known/oauth-protected-resource/echo/mcp",
    ]) {
      const { text } = await through(path);
      const urls = text.match(/"[a-z]+:[^"]*"/g)!.filter((url) => !url.startsWith('"urn:'));
      expect(urls.length).toBeGreaterThan(1);
      for (const url of urls) expect(url).toMatch(/^"https:\/\/gw\.example\.com[\w./-]*"$/);
    }
  });

  it("has cookies that only it can set and only https carries (CO-09, SB3)", async () => {
    const redirect_uri = "https://app.example.com/cb";
    const { text } = await through("/register", {
      redirect_uris: [redirect_uri],
      token_endpoint_auth_method: "none",
    });
    const query = new URLSearchParams({
      response_type: "code",
      client_id: (JSON.parse(text) as { client_id: string }).client_id,
      redirect_uri,
      code_challenge: "c".repeat(43),
      code_challenge_method: "S256",
    });
    const { headers } = await through(`/authorize?${query.toString()}`);
    expect(headers["set-cookie"]).toEqual([
      expect.stringMatching(
        /^__Host-mcp-gateway-interaction-[\w-]{22}=[\w-]{43}; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax; Secure$/,
      ),
    ]);
  });

  it("and http on loopback does not", async () => {
    expect((await fetch(`${gateway.url}/mcp`)).headers.get("strict-transport-security")).toBeNull();
  });
});

describe("web origins (SB18, CR-03)", () => {
  const statusFrom = async (origin: string) =>
    (await fetch(gateway.resource, { method: "POST", headers: { origin } })).status;

  it.each(["https://evil.example", "null", "http://localhost.evil.example", "file://", "garbage"])(
    "refuse %s",
    async (origin) => expect(await statusFrom(origin)).toBe(403),
  );

  it.each([
    "http://localhost:6274",
    "http://127.0.0.1:6274",
    "https://claude.ai",
    "https://chatgpt.com",
  ])("let %s go on to authentication", async (origin) =>
    expect(await statusFrom(origin)).toBe(401),
  );
});

describe("request lines (FA-12, FA-22, FA-26, DS-04)", () => {
  it.each([
    ["GET //evil/verify HTTP/1.1", 400],
    ["GET http://evil.example/verify HTTP/1.1", 400],
    ["GET /files/../mcp HTTP/1.1", 400],
    ["GET /mcp%2f HTTP/1.1", 400],
    ["GET /mcp\\x HTTP/1.1", 400],
    ["PRI * HTTP/2.0", 400],
    ["\u0016\u0003\u0001\u0002", 400],
  ])("%s is answered %i", async (line, status) => {
    const answer = await raw(`${line}\r\nHost: localhost:${port}\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  it("with both lengths are refused (request smuggling)", async () => {
    const answer = await raw(
      `POST /token HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
  });

  it("with a huge header are refused (DS-02)", async () => {
    const answer = await raw(
      `GET /mcp HTTP/1.1\r\nHost: localhost:${port}\r\nX-Big: ${"x".repeat(20_000)}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 431 /);
  });
});

describe("unknown paths (DS-11, SE-09)", () => {
  it.each([
    "/",
    "/nothing",
    "/.env",
    "/.git/config",
    "/package.json",
    "/mcpfoo",
    "/MCP",
    "/echo",
    "/admin",
  ])("%s is a JSON 404 without a hint of what is inside", async (path) => {
    const response = await fetch(`${gateway.url}${path}`);
    expect(response.status).toBe(404);
    expect(response.headers.get("x-powered-by")).toBeNull();
    expect(response.headers.get("content-type")).toContain("application/json");
  });

  it("health says nothing but that it is well (SE-06)", async () => {
    expect(await (await fetch(`${gateway.url}/healthz`)).json()).toEqual({ status: "ok" });
  });
});

describe("slow clients (DS-01)", () => {
  it("are cut off while they still send their headers", async () => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write("GET /mcp HTTP/1.1\r\nHost: ");
    const before = Date.now();
    await once(socket.resume(), "close");
    expect(Date.now() - before).toBeLessThan(15_000);
  });
});

describe("who comes while the gateway starts", () => {
  it("waits a moment and is answered", async () => {
    const listening = await freePort();
    const publicUrl = `http://localhost:${listening}`;
    const listen = { host: "127.0.0.1", port: listening };
    const starting = startGateway({ config: { publicUrl, listen } });
    let status: number | undefined;
    while (status === undefined) {
      const signal = AbortSignal.timeout(10_000);
      status = await fetch(`http://127.0.0.1:${listening}/healthz`, { signal }).then(
        (response) => response.status,
        (error: Error) => {
          if (error.name === "TimeoutError") throw error;
          return undefined; // nobody listens yet
        },
      );
    }
    expect(status).toBe(200);
    await (await starting).close();
  });
});
