/**
 * Streamable HTTP for revisions with `initialize`: POST, GET and DELETE of an MCP endpoint (MCP 2025-03-26 to
 * 2025-11-25, "Transports").
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { BridgeCall } from "./call.ts";
import {
  ERROR_CODES,
  isJsonRpcMessage,
  isRequest,
  type JsonRpcMessage,
  type JsonRpcRequest,
} from "./json-rpc.ts";
import { LEGACY_VERSIONS } from "./legacy-versions.ts";
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
    const session = this.#find(request, call);
    if (isBatch && session.protocolVersion !== "2025-03-26") {
      throw new Refusal(400, ERROR_CODES.invalidRequest, "Batches are not part of this revision");
    }
    await session.post(messages, response, isBatch);
  }

  get(request: IncomingMessage, response: ServerResponse, call: BridgeCall): void {
    requireAccept(request, ["text/event-stream"]);
    const lastEventId = request.headers["last-event-id"];
    this.#find(request, call).listen(
      response,
      lastEventId === undefined ? undefined : String(lastEventId),
    );
  }

  delete(request: IncomingMessage, response: ServerResponse, call: BridgeCall): void {
    const session = this.#find(request, call);
    response.writeHead(204).end();
    void session.end("ended by client");
  }

  #find(request: IncomingMessage, call: BridgeCall): McpSession {
    const session = this.#sessions.find(headerOf(request, "mcp-session-id"), call);
    const version = headerOf(request, "mcp-protocol-version");
    // Absent is tolerated: the session knows what was negotiated.
    const isKnown =
      version === undefined ||
      version === session.protocolVersion ||
      (LEGACY_VERSIONS as readonly string[]).includes(version);
    if (isKnown) return session;
    throw new Refusal(
      400,
      ERROR_CODES.invalidRequest,
      `MCP-Protocol-Version must be one of ${LEGACY_VERSIONS.join(", ")}`,
    );
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
    const { status = 200, headers } = outageOf(answer) ?? {};
    writeJson(
      response,
      status,
      JSON.stringify(answer),
      session ? { "mcp-session-id": session.id } : headers,
    );
  }
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
