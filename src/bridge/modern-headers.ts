/**
 * Requests that carry their own metadata (MCP 2026-07-28, "Streamable HTTP"): told apart from those of a session, and
 * checked in the order the specification gives. Intermediaries act on the headers, so headers that disagree with the
 * body are an attack or a bug, and are refused.
 */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { mirroredHeader } from "../mcp/mirrored-header.ts";
import {
  asObject,
  ERROR_CODES,
  isJsonRpcMessage,
  isResponse,
  metaOf,
  type JsonRpcNotification,
  type JsonRpcRequest,
} from "../mcp/json-rpc.ts";
import { Refusal } from "./refusal.ts";
import { MODERN_VERSIONS, NAMED_MEMBERS, RESERVED } from "../mcp/revisions.ts";

const VERSION = `${RESERVED}protocolVersion`;

/**
 * Whether a POST is of a revision without sessions, whatever its method: its body says so, or its header does.
 * @throws Refusal 400 for a batch that holds such a message: these revisions have no batches
 */
export function isModern(headers: IncomingHttpHeaders, body: unknown): boolean {
  const isNamed = MODERN_VERSIONS.includes(String(headers["mcp-protocol-version"]));
  if (!Array.isArray(body)) return isNamed || hasEnvelope(body);
  if (!isNamed && !body.some(hasEnvelope)) return false;
  throw new Refusal(400, ERROR_CODES.invalidRequest, "Batches are not part of this revision");
}

function hasEnvelope(message: unknown): boolean {
  const meta = metaOf(asObject(message) ?? {});
  return meta !== undefined && Object.hasOwn(meta, VERSION);
}

/**
 * The message of a modern POST, checked.
 * @throws Refusal 400 with -32600, -32602, -32020 or -32022
 */
export function readModern(
  head: Pick<IncomingMessage, "headers" | "rawHeaders">,
  body: unknown,
): JsonRpcRequest | JsonRpcNotification {
  if (!isJsonRpcMessage(body) || isResponse(body)) {
    throw new Refusal(400, ERROR_CODES.invalidRequest, "The body is not one JSON-RPC request");
  }
  // The core protocol has no notifications from clients over HTTP, and so no rules for their headers.
  if (!("id" in body)) return body;
  const version = checkEnvelope(body);
  const named = head.headers["mcp-protocol-version"];
  if (named !== version) throw mismatch(body, "MCP-Protocol-Version", named);
  if (!MODERN_VERSIONS.includes(version)) {
    throw new Refusal(400, ERROR_CODES.unsupportedVersion, "Unsupported protocol version", {
      id: body.id,
      data: { supported: MODERN_VERSIONS, requested: version },
    });
  }
  checkMirrors(head, body);
  return body;
}

/** @returns the version it names */
function checkEnvelope(request: JsonRpcRequest): string {
  const meta = metaOf(request) ?? {};
  const version = meta[VERSION];
  const info = meta[`${RESERVED}clientInfo`];
  const level = meta[`${RESERVED}logLevel`];
  const isComplete =
    typeof version === "string" &&
    asObject(meta[`${RESERVED}clientCapabilities`]) !== undefined &&
    (info === undefined || asObject(info) !== undefined) &&
    (level === undefined || typeof level === "string");
  if (isComplete) return version;
  throw new Refusal(
    400,
    ERROR_CODES.invalidParams,
    `_meta must have ${VERSION} and ${RESERVED}clientCapabilities`,
    { id: request.id },
  );
}

function checkMirrors(
  head: Pick<IncomingMessage, "headers" | "rawHeaders">,
  request: JsonRpcRequest,
): void {
  const method = head.headers["mcp-method"];
  if (method !== request.method) throw mismatch(request, "Mcp-Method", method);
  const member = NAMED_MEMBERS[request.method];
  if (member === undefined) return;
  const name = request.params?.[member];
  const header = mirroredHeader(head, "mcp-name");
  // Without a name there is nothing to repeat; that it is missing is for the server to say.
  if (header === undefined && typeof name !== "string") return;
  if (header === null || header !== name) throw mismatch(request, "Mcp-Name", header);
}

function mismatch(request: JsonRpcRequest, header: string, value: unknown): Refusal {
  const what = value === undefined ? "is missing" : "does not agree with the body";
  return new Refusal(400, ERROR_CODES.headerMismatch, `${header} ${what}`, { id: request.id });
}
