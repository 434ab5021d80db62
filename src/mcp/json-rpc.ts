/**
 * JSON-RPC 2.0 as MCP uses it: the shapes, told apart once and then trusted.
 */
export type RequestId = string | number;

export interface JsonRpcRequest {
  jsonrpc: "2.0";
  id: RequestId;
  method: string;
  params?: { [member: string]: unknown };
}

export interface JsonRpcNotification {
  jsonrpc: "2.0";
  method: string;
  params?: { [member: string]: unknown };
}

interface JsonRpcResult {
  jsonrpc: "2.0";
  id: RequestId;
  result: unknown;
}

export interface JsonRpcErrorResponse {
  jsonrpc: "2.0";
  /** Absent or null when the request could not be read. */
  id?: RequestId | null;
  error: { code: number; message: string; data?: unknown };
}

export type JsonRpcResponse = JsonRpcResult | JsonRpcErrorResponse;
export type JsonRpcMessage = JsonRpcRequest | JsonRpcNotification | JsonRpcResponse;

/** The codes the bridge itself answers with. Everything else comes from a server and passes unchanged. */
export const ERROR_CODES = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  /** Implementation space of the revisions with `initialize`; has no meaning in later ones. */
  server: -32000,
  /** Of those revisions; later ones say invalidParams. */
  resourceNotFound: -32002,
  /** What SDKs of those revisions say when they do not know a session. */
  sessionNotFound: -32001,
  /** Of MCP 2025-11-25 alone. */
  urlElicitationRequired: -32042,
  headerMismatch: -32020,
  missingClientCapability: -32021,
  unsupportedVersion: -32022,
} as const;

/** `value` as an object, or undefined: arrays, null and primitives are none. */
export function asObject(value: unknown): { [member: string]: unknown } | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as { [member: string]: unknown })
    : undefined;
}

export function isRequest(message: JsonRpcMessage): message is JsonRpcRequest {
  return "method" in message && "id" in message;
}

export function isResponse(message: JsonRpcMessage): message is JsonRpcResponse {
  return !("method" in message);
}

/**
 * Whether `value` has the shape of a JSON-RPC message. Only what the relay relies on is looked at; everything else in
 * it is nobody's business but the receiver's.
 */
export function isJsonRpcMessage(value: unknown): value is JsonRpcMessage {
  const message = asObject(value);
  if (!message || message["jsonrpc"] !== "2.0") return false;
  const hasId = Object.hasOwn(message, "id");
  if (Object.hasOwn(message, "method")) {
    const { params } = message;
    if (typeof message["method"] !== "string") return false;
    if (params !== undefined && params !== null && typeof params !== "object") return false;
    return !hasId || isRequestId(message["id"]);
  }
  const hasResult = Object.hasOwn(message, "result");
  const hasError = asObject(message["error"]) !== undefined;
  if (hasResult === hasError) return false;
  return isRequestId(message["id"]) || (hasError && (!hasId || message["id"] === null));
}

function isRequestId(value: unknown): value is RequestId {
  // 1e400 is JSON, and no number that could be said again.
  return typeof value === "string" || (typeof value === "number" && Number.isFinite(value));
}

/** `params._meta`, where MCP keeps what is about the message rather than in it. */
export function metaOf(message: { params?: unknown }): { [member: string]: unknown } | undefined {
  return asObject(asObject(message.params)?.["_meta"]);
}

/** @param id left out when the request could not be read */
export function errorResponse(
  id: RequestId | undefined,
  code: number,
  message: string,
  data?: unknown,
): JsonRpcErrorResponse {
  const error = data === undefined ? { code, message } : { code, message, data };
  return id === undefined ? { jsonrpc: "2.0", error } : { jsonrpc: "2.0", id, error };
}

/** What ends a request early. @param requestId as its receiver knows it */
export function cancellation(requestId: RequestId, reason: string): JsonRpcNotification {
  return { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId, reason } };
}
