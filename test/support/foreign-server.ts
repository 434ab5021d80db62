/**
 * An MCP server with its authorization server, of nobody we know: strict (PKCE, rotation with revocation on reuse), and it
 * counts. The person at its authorization endpoint says yes at once. Tests bend it by its members.
 */
import { hash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { onTestFinished } from "vitest";

export interface Foreign {
  url: string;
  origin: string;
  /** How often each path was asked, and each grant type at /token. */
  asked: Record<string, number>;
  /** Seconds; what tokens say of themselves, and how long they are good. */
  expiresIn: number;
  /** Scopes a tool wants, by its name; others want none. */
  wants: Record<string, string>;
  /** Scopes of the newest authorization request. */
  scope: string | null;
  /** Status of a registration. */
  registered: number;
  metadata: Record<string, unknown>;
  resourceMetadata: Record<string, unknown>;
  /** Runs before the answer of /token leaves. */
  beforeToken: () => Promise<void>;
  /** Every access token is refused from now on. */
  expire(): void;
  forgetClients(): void;
  forgetSessions(): void;
  /** Refresh tokens that are good. */
  refreshTokens: Map<string, { scope: string }>;
  /** Tools that were called. */
  calls: string[];
  /** Other answers than the usual ones, by path. */
  routes: Record<string, (request: IncomingMessage, response: ServerResponse) => void>;
}

/** @param host of its addresses; only a proxy finds another one */
export async function startForeign(host = "127.0.0.1"): Promise<Foreign> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const origin = `http://${host}:${(server.address() as AddressInfo).port}`;
  let count = 0;
  const next = (kind: string): string => `${kind}-${(count += 1)}-secret`;
  const clients = new Set<string>();
  const sessions = new Set<string>();
  const codes = new Map<string, { challenge: string; scope: string; client: string }>();
  const accessTokens = new Map<string, { scope: string }>();
  const self: Foreign = {
    url: `${origin}/mcp`,
    origin,
    asked: {},
    expiresIn: 3600,
    wants: {},
    scope: null,
    registered: 201,
    metadata: {},
    resourceMetadata: {},
    beforeToken: async () => undefined,
    expire: () => accessTokens.clear(),
    forgetClients: () => clients.clear(),
    forgetSessions: () => sessions.clear(),
    refreshTokens: new Map(),
    calls: [],
    routes: {},
  };
  const asked = (what: string): void => void (self.asked[what] = (self.asked[what] ?? 0) + 1);

  function issue(scope: string): object {
    const [access_token, refresh_token] = [next("access"), next("refresh")];
    accessTokens.set(access_token, { scope });
    self.refreshTokens.set(refresh_token, { scope });
    return { access_token, refresh_token, token_type: "Bearer", expires_in: self.expiresIn, scope };
  }

  function token(form: URLSearchParams): [number, object] {
    if (!clients.has(form.get("client_id") ?? "")) return [401, { error: "invalid_client" }];
    const grantType = form.get("grant_type") ?? "";
    asked(grantType);
    if (form.get("resource") !== `${origin}/mcp`) return [400, { error: "invalid_target" }];
    if (grantType === "refresh_token") {
      const old = form.get("refresh_token") ?? "";
      const known = self.refreshTokens.get(old);
      if (!known) {
        // Whoever shows a used one has copied it: the family ends.
        self.refreshTokens.clear();
        return [400, { error: "invalid_grant" }];
      }
      self.refreshTokens.delete(old);
      return [200, issue(known.scope)];
    }
    const code = codes.get(form.get("code") ?? "");
    codes.delete(form.get("code") ?? "");
    const proof = hash("sha256", form.get("code_verifier") ?? "", "base64url");
    const isGood = code?.challenge === proof && code.client === form.get("client_id");
    return isGood ? [200, issue(code.scope)] : [400, { error: "invalid_grant" }];
  }

  function authorize(query: URLSearchParams, response: ServerResponse): void {
    const client = query.get("client_id") ?? "";
    // No redirect to a client that is not known: the person sees a page.
    if (!clients.has(client)) return void response.writeHead(400).end("Who are you?");
    self.scope = query.get("scope");
    const code = next("code");
    codes.set(code, {
      client,
      challenge: query.get("code_challenge") ?? "",
      scope: self.scope ?? "",
    });
    const back = new URL(query.get("redirect_uri") ?? "");
    back.search = new URLSearchParams({ code, state: query.get("state")!, iss: origin }).toString();
    response.writeHead(302, { location: back.href }).end();
  }

  async function mcp(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const held = accessTokens.get(request.headers.authorization?.slice("Bearer ".length) ?? "");
    const challenge = `Bearer resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"`;
    if (!held) {
      const header = { "www-authenticate": `${challenge}, scope="basic"` };
      return void response.writeHead(401, header).end();
    }
    if (request.method === "GET") return void response.writeHead(405).end();
    const session = String(request.headers["mcp-session-id"]);
    if (request.method === "DELETE") {
      sessions.delete(session);
      return void response.writeHead(204).end();
    }
    const { id, method, params } = JSON.parse(body);
    if (method !== "initialize" && !sessions.has(session)) {
      return void response.writeHead(404).end();
    }
    if (id === undefined) return void response.writeHead(202).end();
    const wanted = self.wants[params?.name];
    if (wanted !== undefined && !held.scope.split(" ").includes(wanted)) {
      const reason = `error="insufficient_scope", scope="${wanted}"`;
      return void response.writeHead(403, { "www-authenticate": `${challenge}, ${reason}` }).end();
    }
    if (method === "initialize") {
      const opened = next("session");
      sessions.add(opened);
      response.setHeader("mcp-session-id", opened);
    }
    if (method === "tools/call") self.calls.push(params.name);
    const result =
      method === "initialize"
        ? {
            protocolVersion: "2025-11-25",
            capabilities: { tools: {} },
            serverInfo: { name: "foreign", version: "1" },
          }
        : { content: [{ type: "text", text: JSON.stringify(params ?? {}) }] };
    json(response, 200, { jsonrpc: "2.0", id, result });
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", origin);
    asked(pathname);
    const other = self.routes[pathname];
    if (other) return other(request, response);
    switch (pathname) {
      case "/mcp":
        return mcp(request, response);
      case "/.well-known/oauth-protected-resource/mcp":
        return json(response, 200, {
          resource: `${origin}/mcp`,
          authorization_servers: [origin],
          ...self.resourceMetadata,
        });
      case "/.well-known/oauth-authorization-server":
        return json(response, 200, {
          issuer: origin,
          authorization_endpoint: `${origin}/authorize`,
          token_endpoint: `${origin}/token`,
          registration_endpoint: `${origin}/register`,
          code_challenge_methods_supported: ["S256"],
          authorization_response_iss_parameter_supported: true,
          ...self.metadata,
        });
      case "/register": {
        const client = next("client");
        clients.add(client);
        const given = JSON.parse(await text(request));
        return json(response, self.registered, { ...given, client_id: client });
      }
      case "/authorize":
        return authorize(searchParams, response);
      case "/token": {
        const [status, answer] = token(new URLSearchParams(await text(request)));
        await self.beforeToken();
        return json(response, status, answer);
      }
      default:
        response.writeHead(404).end();
    }
  }

  server.on("request", (request, response) => void answer(request, response));
  return self;
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
