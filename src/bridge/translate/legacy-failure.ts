/**
 * What a client of a revision with `initialize` is told when a call did not work.
 */
import {
  asObject,
  ERROR_CODES,
  errorResponse,
  type JsonRpcErrorResponse,
  type JsonRpcRequest,
  type JsonRpcResponse,
} from "../../mcp/json-rpc.ts";

/** Until 2026-07-28 took the code away. */
const RESOURCE_NOT_FOUND = -32_002;
/** About versions and headers between us and the server: none of the client's business. */
const OURS = new Set<number>([ERROR_CODES.headerMismatch, ERROR_CODES.unsupportedVersion]);

/** A tool that fails says so in its result, where the model reads it; everything else has errors. */
export function failure(request: JsonRpcRequest, message: string, data?: unknown): JsonRpcResponse {
  const { id, method } = request;
  if (method !== "tools/call") return errorResponse(id, ERROR_CODES.internal, message, data);
  return {
    jsonrpc: "2.0",
    id,
    result: { content: [{ type: "text", text: message }], isError: true },
  };
}

/**
 * An error of the server, under a code that means the same to the client.
 * @returns `answer` itself where it need not be changed: what else is known of it stays known
 */
export function legacyError(
  request: JsonRpcRequest,
  answer: JsonRpcErrorResponse,
): JsonRpcResponse {
  const { code, message, data } = answer.error;
  if (code === ERROR_CODES.missingClientCapability) return failure(request, message, data);
  if (OURS.has(code)) return errorResponse(request.id, ERROR_CODES.internal, message, data);
  if (code === ERROR_CODES.invalidParams && isNotFound(request, answer.error)) {
    return errorResponse(request.id, RESOURCE_NOT_FOUND, message, data);
  }
  answer.id = request.id;
  return answer;
}

/** -32602 also means what it says, so the server must have named the resource or said in words that it is not there. */
function isNotFound(
  { method, params }: JsonRpcRequest,
  { message, data }: JsonRpcErrorResponse["error"],
): boolean {
  if (method !== "resources/read") return false;
  const named = asObject(data)?.["uri"];
  return named === undefined ? /not found/i.test(message) : named === params?.["uri"];
}
