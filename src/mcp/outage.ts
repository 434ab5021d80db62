/**
 * What becomes of a request that a server elsewhere could not be asked, or did not answer as it should: an error response
 * like any other, which besides knows what an HTTP client is told by the status.
 */
import { errorResponse, type JsonRpcErrorResponse, type RequestId } from "./json-rpc.ts";

export interface Outage {
  /** HTTP status: 502, 503, 504 or 429. */
  readonly status: number;
  /** Whole seconds, where the server said when to come back. */
  readonly retryAfter?: number;
}

/** Beside the messages and not in them: whatever stands in a message goes out on the wire. */
const outages = new WeakMap<object, Outage>();

/** @param reason for the client's developer; secrets filtered */
export function outageResponse(
  id: RequestId,
  code: number,
  reason: string,
  outage: Outage,
): JsonRpcErrorResponse {
  const response = errorResponse(id, code, reason);
  outages.set(response, outage);
  return response;
}

/** @returns status and headers of the response that carries `message`, or undefined where it is no outage */
export function outageOf(
  message: object,
): { status: number; headers: Record<string, string> } | undefined {
  const outage = outages.get(message);
  if (!outage) return undefined;
  const { status, retryAfter } = outage;
  return { status, headers: retryAfter === undefined ? {} : { "retry-after": String(retryAfter) } };
}
