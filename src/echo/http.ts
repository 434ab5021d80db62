/**
 * The echo server over Streamable HTTP, as a service that stands elsewhere would speak it: sessions for revisions with
 * `initialize` unless it is stateless, every request on its own for 2026-07-28. Answers are JSON, never streams.
 *
 * Only for loopback: it has no authentication and shows what it gets.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isLoopbackHost } from "../config/values.ts";
import { UserError } from "../errors.ts";
import {
  ERROR_CODES,
  errorResponse,
  isJsonRpcMessage,
  isRequest,
  metaOf,
  type JsonRpcRequest,
} from "../mcp/json-rpc.ts";
import { mirroredHeader } from "../mcp/mirrored-header.ts";
import { randomToken } from "../random.ts";
import { isModern, type Echo, type EchoSession } from "./echo.ts";

const LONGEST_BODY = 1_048_576; // bytes
const MOST_SESSIONS = 1000;
const SESSION = "mcp-session-id";

/** @param port 0 takes a free one @throws UserError when it is taken */
export async function serveHttp(echo: Echo, port: number): Promise<Server> {
  const sessions = new Map<string, EchoSession>();
  const server = createServer((request, response) => {
    answer(echo, sessions, request, response).catch(() => response.destroy());
  });
  server.listen({ host: "127.0.0.1", port });
  try {
    await once(server, "listening");
  } catch (cause) {
    throw new UserError(`Cannot listen on 127.0.0.1:${port}`, {
      hint: "Choose another port with --http.",
      cause,
    });
  }
  return server;
}

async function answer(
  echo: Echo,
  sessions: Map<string, EchoSession>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!isOurs(request)) return refuse(response, 403, "This Host or Origin is not served");
  const id = String(request.headers[SESSION] ?? "");
  if (request.method === "DELETE") {
    const isGone = sessions.delete(id);
    return isGone ? void response.writeHead(204).end() : refuse(response, 404, "No such session");
  }
  if (request.method !== "POST") {
    response.setHeader("Allow", "POST, DELETE");
    return refuse(response, 405, "Use POST or DELETE");
  }
  const receivedAt = echo.options.clock.now();
  const message = await readMessage(request);
  if (message === undefined) {
    return refuse(response, 400, "The body is not one JSON-RPC message", ERROR_CODES.parse);
  }
  if (isRequest(message) && isModern(message)) {
    const wrong = wrongHeader(request, message);
    if (wrong !== undefined) {
      return send(response, 400, errorResponse(message.id, ERROR_CODES.headerMismatch, wrong));
    }
  }
  const session = isModern(message) ? undefined : sessionFor(echo, sessions, message.method, id);
  if (session === "missing") return refuse(response, 400, "Mcp-Session-Id is missing");
  if (session === "unknown") return refuse(response, 404, "No such session");
  if (!isRequest(message)) return void response.writeHead(202).end();
  if (session && session.id !== "") response.setHeader("Mcp-Session-Id", session.id);
  const left = new AbortController();
  response.once("close", () => left.abort());
  const { headers } = request;
  const arrival = { transport: "http", headers, receivedAt, signal: left.signal } as const;
  const answered = await echo.answer(message, session?.session, arrival);
  send(response, "error" in answered ? statusOf(message, answered.error.code) : 200, answered);
}

function sessionFor(
  echo: Echo,
  sessions: Map<string, EchoSession>,
  method: string,
  id: string,
): { id: string; session: EchoSession } | "missing" | "unknown" {
  if (echo.options.isStateless) return { id: "", session: echo.open() };
  if (method === "initialize") {
    const opened = { id: randomToken(), session: echo.open() };
    sessions.set(opened.id, opened.session);
    if (sessions.size > MOST_SESSIONS) sessions.delete(sessions.keys().next().value!);
    return opened;
  }
  if (id === "") return "missing";
  const session = sessions.get(id);
  return session ? { id, session } : "unknown";
}

/** Pages of other origins and other names for this address (DNS rebinding) get nothing. */
function isOurs({ headers }: IncomingMessage): boolean {
  const places = [`http://${headers.host}`, headers.origin ?? `http://${headers.host}`];
  return places.every((place) => URL.canParse(place) && isLoopbackHost(new URL(place).hostname));
}

/** @returns what is wrong with the headers that repeat the body */
function wrongHeader(request: IncomingMessage, message: JsonRpcRequest): string | undefined {
  const { method, params } = message;
  const expected: Record<string, unknown> = {
    "mcp-protocol-version": metaOf(message)?.["io.modelcontextprotocol/protocolVersion"],
    "mcp-method": method,
    ...(method === "tools/call" && { "mcp-name": params?.["name"] }),
  };
  const wrong = Object.entries(expected).find(
    ([name, value]) => mirroredHeader(request, name) !== value,
  );
  return wrong && `${wrong[0]} does not agree with the body`;
}

/** Errors of 2026-07-28 that are about the request itself have a status of their own. */
function statusOf(message: JsonRpcRequest, code: number): number {
  if (!isModern(message)) return 200;
  if (code === ERROR_CODES.methodNotFound) return 404;
  const isIncomplete = !metaOf(message)?.["io.modelcontextprotocol/clientCapabilities"];
  return code === ERROR_CODES.unsupportedVersion || isIncomplete ? 400 : 200;
}

async function readMessage(request: IncomingMessage): Promise<Message | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += (chunk as Buffer).length;
    if (length > LONGEST_BODY) return undefined;
    chunks.push(chunk as Buffer);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    return isJsonRpcMessage(value) && "method" in value ? value : undefined;
  } catch {
    return undefined;
  }
}

type Message =
  | JsonRpcRequest
  | { jsonrpc: "2.0"; method: string; params?: Record<string, unknown> };

function refuse(
  response: ServerResponse,
  status: number,
  sentence: string,
  code: number = ERROR_CODES.invalidRequest,
): void {
  send(response, status, { jsonrpc: "2.0", id: null, error: { code, message: sentence } });
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" });
  response.end(JSON.stringify(body));
}
