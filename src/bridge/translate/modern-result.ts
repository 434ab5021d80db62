/**
 * Answers of a server of older revisions as 2026-07-28 has them.
 */
import {
  asObject,
  ERROR_CODES,
  errorResponse,
  type JsonRpcErrorResponse,
  type JsonRpcResponse,
  type RequestId,
} from "../../mcp/json-rpc.ts";
import { MODERN_VERSIONS } from "../../mcp/revisions.ts";

type Members = { readonly [name: string]: unknown };

/** What a server said to `initialize`. */
export interface Hello {
  readonly capabilities: Members;
  readonly serverInfo: unknown;
  readonly instructions: unknown;
}

const SERVER_INFO = "io.modelcontextprotocol/serverInfo";
/** A server of older revisions does not say how long a result stays true, or for whom. */
const CACHING = { ttlMs: 0, cacheScope: "private" };
const CACHED = new Set([
  "tools/list",
  "prompts/list",
  "resources/list",
  "resources/templates/list",
  "resources/read",
]);
const RESOURCE_NOT_FOUND = -32002;

/** @param response its id is kept */
export function fromLegacy(
  method: string,
  response: JsonRpcResponse,
  hello: Hello,
): JsonRpcResponse {
  if ("error" in response) return fromLegacyError(response);
  const { id } = response;
  const result = asObject(response.result) ?? {};
  const { contents } = result;
  if (method === "resources/read" && Array.isArray(contents) && contents.length === 0) {
    return errorResponse(id, ERROR_CODES.invalidParams, "Resource not found");
  }
  const caching = CACHED.has(method) ? CACHING : {};
  return { jsonrpc: "2.0", id, result: { ...complete(result, hello), ...caching } };
}

/** The answer to `server/discover`. */
export function discovery(id: RequestId, hello: Hello): JsonRpcResponse {
  const { tasks: _, ...capabilities } = hello.capabilities;
  const { instructions } = hello;
  const result = {
    ...complete({}, hello),
    supportedVersions: MODERN_VERSIONS,
    capabilities,
    ...(typeof instructions === "string" ? { instructions } : {}),
    ...CACHING,
  };
  return { jsonrpc: "2.0", id, result };
}

/** @param inputRequests what the server asks, by key */
export function inputRequired(inputRequests: Members, requestState: string, hello: Hello): Members {
  return { ...complete({ inputRequests, requestState }, hello), resultType: "input_required" };
}

function complete(result: Members, { serverInfo }: Hello): Members {
  const info = asObject(serverInfo);
  return {
    ...result,
    resultType: "complete",
    ...(info ? { _meta: { ...asObject(result["_meta"]), [SERVER_INFO]: info } } : {}),
  };
}

/** Codes that mean something else in this revision, or nothing any more, must not be seen in it. */
function fromLegacyError(response: JsonRpcErrorResponse): JsonRpcErrorResponse {
  const { error } = response;
  const isReserved = error.code <= -32020 && error.code >= -32099;
  if (error.code === RESOURCE_NOT_FOUND) error.code = ERROR_CODES.invalidParams;
  else if (isReserved) error.code = ERROR_CODES.internal;
  return response;
}
