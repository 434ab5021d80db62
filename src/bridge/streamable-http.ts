/**
 * Streamable HTTP for revisions with `initialize`: POST, GET and DELETE of an MCP endpoint (MCP 2025-03-26 to
 * 2025-11-25, "Transports").
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { stringifyJson } from "../mcp/exact-json.ts";
import type { BridgeCall } from "./call.ts";
import {
  ERROR_CODES,
  isJsonRpcMessage,
  isRequest,
  type JsonRpcMessage,
  type JsonRpcRequest,
} from "../mcp/json-rpc.ts";
import { LEGACY_VERSIONS } from "../mcp/revisions.ts";
import { outageOf } from "../mcp/outage.ts";
import { Refusal, writeJson } from "./refusal.ts";
import { requireAccept } from "./request-body.ts";
import type { Service } from "./service/service.ts";
import type { McpSession } from "./session.ts";
import type { Sessions } from "./sessions.ts";

const MAX_BATCH = 100; // messages

export class StreamableHttp {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  /** @param body parsed JSON of a POST that carries no modern envelope */
  async post(
    request: IncomingMessage,
    response: ServerResponse,
    call: BridgeCall,
    service: Service,
    body: unknown,
  ): Promise<void> {
    const messages = readMessages(body);
    const [first] = messages;
    const isBatch = Array.isArray(body);
    if (!isBatch && first && isRequest(first) && first.method === "initialize") {
      return await this.#initialize(response, call, service, first);
    }
    const session = await this.#find(request, call, service);
    if (response.destroyed) return;
    if (isBatch && session.protocolVersion !== "2025-03-26") {
      throw new Refusal(400, ERROR_CODES.invalidRequest, "Batches are not part of this revision");
    }
    await session.post(messages, response, isBatch);
  }

  async get(
    request: IncomingMessage,
    response: ServerResponse,
    call: BridgeCall,
    service: Service,
  ): Promise<void> {
    requireAccept(request, ["text/event-stream"]);
    requireSession(request, service);
    const lastEventId = request.headers["last-event-id"];
    const session = await this.#find(request, call, service);
    if (response.destroyed) return;
    session.listen(response, lastEventId === undefined ? undefined : String(lastEventId));
  }

  async delete(
    request: IncomingMessage,
    response: ServerResponse,
    call: BridgeCall,
    service: Service,
  ): Promise<void> {
    requireSession(request, service);
    const id = headerOf(request, "mcp-session-id");
    checkVersion(request, this.#sessions.versionOf(id));
    await this.#sessions.forget(id, call, service);
    if (!response.destroyed) response.writeHead(204).end();
  }

  async #find(request: IncomingMessage, call: BridgeCall, service: Service): Promise<McpSession> {
    const id = headerOf(request, "mcp-session-id");
    const session = await this.#sessions.findOrRevive(id, call, service);
    checkVersion(request, session.protocolVersion);
    session.gate = call.gate;
    return session;
  }

  async #initialize(
    response: ServerResponse,
    call: BridgeCall,
    service: Service,
    request: JsonRpcRequest,
  ): Promise<void> {
    const abort = new AbortController();
    response.once("close", () => {
      // Nobody else knows the session's id: a client that went away before it came cannot come back.
      if (!response.writableFinished) abort.abort();
    });
    const { answer, session } = await this.#sessions.open(service, call.auth, request, abort);
    if (session) session.gate = call.gate;
    const { status = 200, headers } = outageOf(answer) ?? {};
    writeJson(
      response,
      status,
      stringifyJson(answer),
      session ? { "mcp-session-id": session.id } : headers,
    );
  }
}

/** A server that knows no sessions has nothing to GET or DELETE (MCP 2026-07-28). @throws Refusal 405 */
function requireSession(request: IncomingMessage, service: Service): void {
  if (request.headers["mcp-session-id"] !== undefined) return;
  const era = service.config.era === "auto" ? service.health().era : service.config.era;
  if (era !== "modern") return;
  const reason = "Without a session there is only POST";
  throw new Refusal(405, ERROR_CODES.invalidRequest, reason, { headers: { allow: "POST" } });
}

/** Absent is tolerated: the session knows what was negotiated. @throws Refusal 400 for one that nobody speaks */
function checkVersion(request: IncomingMessage, negotiated: string | undefined): void {
  const version = headerOf(request, "mcp-protocol-version");
  if (version === undefined || version === negotiated) return;
  if ((LEGACY_VERSIONS as readonly string[]).includes(version)) return;
  throw new Refusal(
    400,
    ERROR_CODES.invalidRequest,
    `MCP-Protocol-Version must be one of ${LEGACY_VERSIONS.join(", ")}`,
  );
}

/** One message, or those of a batch. @throws Refusal 400 when anything else */
function readMessages(body: unknown): JsonRpcMessage[] {
  const messages = Array.isArray(body) ? (body as unknown[]) : [body];
  const areValid =
    messages.length > 0 && messages.length <= MAX_BATCH && messages.every(isJsonRpcMessage);
  if (areValid) return messages;
  throw new Refusal(400, ERROR_CODES.invalidRequest, "The body is not a JSON-RPC message");
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}
