/** What a gateway shrugs off: crowds, clients that hang up, headers and doors that mean nothing here. */
import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  ask,
  basicAuth,
  errorOf,
  obtainCode,
  obtainTokens,
  opens,
  refreshForm,
  registered,
  requestToken,
  tokensOf,
  type RawClient,
  type Tokens,
} from "../support/raw-client.ts";

let gateway: TestGateway;
let client: RawClient;
let tokens: Tokens;

beforeAll(async () => {
  gateway = await startGateway();
  client = await registered(gateway);
  tokens = await obtainTokens(gateway, client);
});
afterAll(() => gateway.close());

const bearer = (): Record<string, string> => ({
  authorization: `Bearer ${tokens.access_token}`,
  accept: "application/json, text/event-stream",
  "content-type": "application/json",
});

const ping = (headers: Record<string, string>): Promise<Response> =>
  ask(gateway.resource, {
    method: "POST",
    headers,
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }),
  });

describe("a crowd", () => {
  it("of 500 idle connections keeps nobody out (DS-03)", async () => {
    const { port } = new URL(gateway.url);
    const sockets: Socket[] = [];
    for (let i = 0; i < 500; i += 1) {
      const socket = connect(Number(port), "127.0.0.1");
      socket.on("error", () => undefined);
      sockets.push(socket);
    }
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    expect(await opens(gateway, tokens.access_token)).toBe(true);
    for (const socket of sockets) socket.destroy();
  });

  it("of clients that hang up leaves no half-done state and no error (DS-08)", async () => {
    const fresh = await obtainTokens(gateway, client);
    const form = refreshForm(client, fresh.refresh_token);
    for (let i = 0; i < 200; i += 1) {
      const stop = new AbortController();
      const body = new URLSearchParams(form as Record<string, string>);
      const sent = fetch(`${gateway.url}/token`, { method: "POST", body, signal: stop.signal });
      setTimeout(() => stop.abort(), i % 10);
      await sent.then((response) => response.arrayBuffer()).catch(() => undefined);
    }
    // Whatever was done of it, it was one rotation: within the grace its answer is still to be had.
    const { refresh_token } = await tokensOf(await requestToken(gateway, form));
    await tokensOf(await requestToken(gateway, refreshForm(client, refresh_token)));
    expect(gateway.logged()).not.toContain("request failed");
  });

  it("of wrong secrets is refused as fast as one right (DS-10)", async () => {
    const secretive = await registered(gateway, {
      token_endpoint_auth_method: "client_secret_basic",
    });
    const form = { grant_type: "refresh_token", refresh_token: "x" };
    const timed = async (secret: string): Promise<number> => {
      const start = performance.now();
      for (let i = 0; i < 50; i += 1) {
        await (await requestToken(gateway, form, basicAuth(secretive.client_id, secret))).text();
      }
      return performance.now() - start;
    };
    await timed("warm-up");
    const [right, wrong] = [await timed(secretive.client_secret!), await timed("wrong")];
    // A slow hash takes 50 to 300 ms each; what is measured here is a request.
    expect(wrong / 50).toBeLessThan(50);
    expect(wrong).toBeLessThan(right * 10);
  });
});

describe("headers that mean nothing here", () => {
  it.each<[string, Record<string, string>]>([
    ["Range", { range: "bytes=0-1" }],
    ["If-None-Match", { "if-none-match": "*" }],
    ["If-Modified-Since", { "if-modified-since": new Date().toUTCString() }],
    ["Accept", { accept: "text/html" }],
    ["X-HTTP-Method-Override", { "x-http-method-override": "GET" }],
  ])("%s changes no token answer (DS-12)", async (_, headers) => {
    const { form } = await obtainCode(gateway, client);
    const response = await requestToken(gateway, form, headers);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect((await tokensOf(response)).access_token).toMatch(/^eyJ/);
  });

  it.each([
    "x-internal-auth",
    "x-gateway-internal",
    "x-mcp-gateway-key",
    "router-key",
    "x-auth-subject",
    "x-user-id",
    "x-forwarded-user",
    "remote-user",
    "x-real-ip",
  ])("%s opens no door (FA-25)", async (name) => {
    for (const value of ["1", "true", "secret-api-key", "local:root", "127.0.0.1"]) {
      const { authorization: _, ...headers } = bearer();
      expect((await ping({ ...headers, [name]: value })).status).toBe(401);
    }
  });

  it("identity headers of a client do not become the caller's (FA-25)", async () => {
    const verdict = await ask(`${gateway.url}/verify`, {
      headers: {
        ...bearer(),
        "x-auth-subject": "local:somebody-else",
        "x-auth-scope": "everything",
        "x-forwarded-method": "POST",
        "x-forwarded-proto": "http",
        "x-forwarded-host": new URL(gateway.url).host,
        "x-forwarded-uri": new URL(gateway.resource).pathname,
      },
    });
    expect(verdict.status).toBe(200);
    expect(verdict.headers.get("x-auth-subject")).not.toBe("local:somebody-else");
    expect(verdict.headers.get("x-auth-scope")).toBe("mcp");
  });
});

describe("the verdict for a proxy", () => {
  const verdict = (token: string): Promise<Response> =>
    ask(`${gateway.url}/verify`, {
      headers: {
        authorization: `Bearer ${token}`,
        "x-forwarded-method": "POST",
        "x-forwarded-proto": "http",
        "x-forwarded-host": new URL(gateway.url).host,
        "x-forwarded-uri": new URL(gateway.resource).pathname,
      },
    });

  it("on a token without the scope is 403 with all that is needed (FA-03, A23)", async () => {
    const wide = await obtainTokens(gateway, client, { scope: "mcp offline_access" });
    const fields = { scope: "offline_access" };
    const narrow = await tokensOf(
      await requestToken(gateway, refreshForm(client, wide.refresh_token, fields)),
    );
    const response = await verdict(narrow.access_token);
    expect(response.status).toBe(403);
    expect(response.headers.get("www-authenticate")).toMatch(
      /^Bearer error="insufficient_scope".*scope="mcp"/,
    );
    expect(response.headers.has("x-auth-subject")).toBe(false);
    expect((await verdict(wide.access_token)).status).toBe(200);
  });
});

describe("a client id that is a URL", () => {
  it("is unknown where metadata documents are off, and nothing is fetched (TK-21)", async () => {
    const documents = createServer((_request, response) => response.end("{}"));
    let connections = 0;
    documents.on("connection", () => (connections += 1));
    documents.listen(0, "127.0.0.1");
    await once(documents, "listening");
    const { port } = documents.address() as AddressInfo;
    const config = { registration: { metadataDocuments: { policy: "off" as const } } };
    const closed = await startGateway({ config });
    try {
      for (const client_id of [`https://127.0.0.1:${port}/c`, `https://localhost:${port}/c`]) {
        const response = await requestToken(
          closed,
          refreshForm({ client_id, redirect_uris: [] }, "x"),
        );
        expect(await errorOf(response)).toBe("401 invalid_client");
      }
      expect(connections).toBe(0);
    } finally {
      await closed.close();
      documents.close();
    }
  });
});

describe("every request to an MCP endpoint", () => {
  it.each(["GET", "POST", "DELETE", "PUT", "PATCH"])(
    "is authenticated by itself: %s with a session of somebody else's (FA-23, SB9, A01)",
    async (method) => {
      for (const authorization of [undefined, "Bearer x"]) {
        const headers = {
          "mcp-session-id": "00000000-0000-4000-8000-000000000000",
          accept: "text/event-stream",
          ...(authorization !== undefined && { authorization }),
        };
        const response = await ask(gateway.resource, { method, headers });
        expect(response.status).toBe(401);
        expect(response.headers.get("www-authenticate")).toMatch(/^Bearer .*resource_metadata="/);
      }
    },
  );

  it("is not a WebSocket before it is authenticated (FA-23)", async () => {
    const { port, host } = new URL(gateway.url);
    const socket = connect(Number(port), "127.0.0.1");
    socket.write(
      `GET ${new URL(gateway.resource).pathname} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    );
    const [answer] = (await once(socket, "data")) as [Buffer];
    socket.destroy();
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 401 /);
  });

  it("is answered for nobody else: no cache keeps it (SB20)", async () => {
    const response = await ping(bearer());
    await response.body?.cancel();
    expect(response.headers.get("cache-control") ?? "no-store").toContain("no-");
  });
});

describe("inner doors", () => {
  it.each([
    "/metrics",
    "/debug",
    "/debug/pprof",
    "/admin",
    "/admin/clients",
    "/clients",
    "/control",
    "/events",
    "/status",
    "/sessions",
    "/tokens",
    "/services",
    "/run",
  ])("%s is not on the public listener (SE-05, SB13)", async (path) => {
    for (const method of ["GET", "POST"]) {
      const response = await ask(`${gateway.url}${path}`, { method });
      expect(response.status).toBe(404);
      await response.body?.cancel();
    }
  });

  it("none takes a command from a request: only the configuration names programs (SB11, SB13)", async () => {
    const before = gateway.events.filter(({ type }) => type === "service.started").length;
    const command = { command: "sh", args: ["-c", "true"], services: { x: { command: "sh" } } };
    await registered(gateway, command);
    expect(await errorOf(await ask(`${gateway.url}/x/mcp`, { method: "POST" }))).toMatch(/^4/);
    const query = new URLSearchParams({ command: "sh", args: "-c", transportType: "stdio" });
    const response = await ask(`${gateway.resource}?${query.toString()}`, { method: "POST" });
    expect(response.status).toBe(401);
    expect(gateway.events.filter(({ type }) => type === "service.started")).toHaveLength(before);
  });
});
