/**
 * MCP servers elsewhere, in this process and on loopback: a bare one that a test makes misbehave, and those the SDKs build.
 * Each writes down every request it gets.
 */
import { randomUUID } from "node:crypto";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import {
  createMcpHandler,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { z } from "zod";
import { fixture } from "./gateway.ts";
import type { Wire } from "./mcp-session.ts";

interface Recorded {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  rawHeaders: string[];
  body: Wire;
}

export interface Upstream {
  /** Of its MCP endpoint. */
  url: string;
  port: number;
  requests: Recorded[];
  /** Connections that are open. */
  connections(): Promise<number>;
  close(): Promise<void>;
}

/** @param body parsed where it is JSON */
export type Answer = (
  request: IncomingMessage,
  response: ServerResponse,
  body: Wire,
) => void | Promise<void>;

export async function startUpstream(answer: Answer, port = 0): Promise<Upstream> {
  const requests: Recorded[] = [];
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const { method = "", url = "", headers, rawHeaders } = request;
      requests.push({ method, url, headers, rawHeaders, body });
      return answer(request, response, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${bound}/mcp`,
    port: bound,
    requests,
    connections: () => countConnections(server),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function countConnections(server: Server): Promise<number> {
  return new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
}

async function readBody(request: IncomingMessage): Promise<Wire> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function sendJson(
  response: ServerResponse,
  body: unknown,
  headers: Record<string, string> = {},
  status = 200,
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

function close(response: ServerResponse, status: number): void {
  response.writeHead(status).end();
}

export const STREAM = { "content-type": "text/event-stream" };

/** What every method of a small legacy server answers. @returns undefined for what has no answer */
export function legacyAnswer(body: Wire): object | undefined {
  const { id, method, params } = body;
  if (id === undefined || method === undefined) return undefined;
  const results: Record<string, unknown> = {
    initialize: {
      protocolVersion: params?.protocolVersion,
      capabilities: { tools: {}, logging: {} },
      serverInfo: { name: "bare", version: "1" },
    },
    ping: {},
    "tools/list": { tools: [] },
    "tools/call": { content: [{ type: "text", text: JSON.stringify(params?.arguments ?? {}) }] },
  };
  const result = results[method];
  return result === undefined
    ? { jsonrpc: "2.0", id, error: { code: -32601, message: "unknown" } }
    : { jsonrpc: "2.0", id, result };
}

/** A small legacy server that does everything right; `instead` answers what a test wants answered otherwise. */
export function legacyUpstream(
  instead: (request: IncomingMessage, response: ServerResponse, body: Wire) => unknown = () =>
    false,
  port = 0,
): Promise<Upstream> {
  return startUpstream((request, response, body) => {
    if (instead(request, response, body) !== false) return;
    const answer = request.method === "POST" ? legacyAnswer(body) : undefined;
    if (request.method === "GET") response.writeHead(405).end();
    else if (!answer) response.writeHead(request.method === "DELETE" ? 200 : 202).end();
    else
      sendJson(response, answer, body.method === "initialize" ? { "mcp-session-id": "s-1" } : {});
  }, port);
}

function createEcho(): McpServer {
  const server = new McpServer({ name: "sdk-v1", version: "1.0.0" });
  server.registerTool("say", { inputSchema: { text: z.string() } }, ({ text }) => ({
    content: [{ type: "text", text }],
  }));
  server.registerTool("ask", {}, async () => {
    const { roots } = await server.server.listRoots();
    return { content: [{ type: "text", text: roots.map(({ uri }) => uri).join() }] };
  });
  return server;
}

/** SDK v1 over Streamable HTTP, with sessions. */
export function sdkSessions(): Promise<Upstream> {
  const transports = new Map<string, StreamableHTTPServerTransport>();
  return startUpstream(async (request, response, body) => {
    const known = transports.get(String(request.headers["mcp-session-id"]));
    if (known) return await known.handleRequest(request, response, body);
    if (body.method !== "initialize") return close(response, 404);
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void transports.set(id, transport),
      onsessionclosed: (id) => void transports.delete(id),
    });
    await createEcho().connect(transport);
    await transport.handleRequest(request, response, body);
  });
}

/** SDK v1 over Streamable HTTP, without sessions, in plain JSON. */
export function sdkStateless(): Promise<Upstream> {
  return startUpstream(async (request, response, body) => {
    if (request.method !== "POST") return close(response, 405);
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: undefined,
      enableJsonResponse: true,
    } as never);
    await createEcho().connect(transport);
    await transport.handleRequest(request, response, body);
  });
}

/** SDK v1 over the transport of 2024-11-05. */
export function sdkEvents(port = 0): Promise<Upstream> {
  const transports = new Map<string, SSEServerTransport>();
  return startUpstream(async (request, response, body) => {
    if (request.url === "/mcp") {
      if (request.method !== "GET") return close(response, 405);
      const transport = new SSEServerTransport("/messages", response);
      transports.set(transport.sessionId, transport);
      return await createEcho().connect(transport);
    }
    const id = new URL(request.url!, "http://x").searchParams.get("sessionId")!;
    await transports.get(id)?.handlePostMessage(request, response, body);
  }, port);
}

/** The conformance fixture, SDK v2, over HTTP. */
export async function referee(era: "legacy" | "modern"): Promise<Upstream> {
  const { createServer: createReferee } = await import(fixture("conformance/create-server.js"));
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();
  const modern = createMcpHandler(createReferee, { legacy: "reject" });
  const legacy = async (request: Request, body: Wire): Promise<Response> => {
    const known = sessions.get(request.headers.get("mcp-session-id") ?? "");
    const parsed = request.method === "POST" ? { parsedBody: body } : {};
    if (known) return await known.handleRequest(request, parsed);
    if (body.method !== "initialize") return new Response(null, { status: 400 });
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, transport),
    });
    await createReferee().connect(transport);
    return await transport.handleRequest(request, parsed);
  };
  return await startUpstream(async (request, response, body) => {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const asked = new Request(`http://127.0.0.1${request.url}`, {
      method: request.method!,
      headers: request.headers as Record<string, string>,
      signal: gone.signal,
      ...(request.method === "POST" && { body: JSON.stringify(body) }),
    });
    const answer = era === "modern" ? await modern.fetch(asked) : await legacy(asked, body);
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.flushHeaders();
    try {
      for await (const chunk of answer.body ?? []) response.write(chunk);
    } catch {
      // The one who asked has left.
    }
    response.end();
  });
}
