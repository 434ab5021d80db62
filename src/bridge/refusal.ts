/**
 * A request the bridge answers itself because something about it is wrong, or because there is no room. Thrown on the
 * way in, written by the one place that catches it.
 */
import type { ServerResponse } from "node:http";
import { stringifyJson } from "../mcp/exact-json.ts";
import { ERROR_CODES, errorResponse, type RequestId } from "../mcp/json-rpc.ts";
import type { ServiceUnavailable } from "./service/unavailable.ts";

export class Refusal extends Error {
  override readonly name = "Refusal";
  /** HTTP status. */
  readonly status: number;
  /** JSON-RPC error code. */
  readonly code: number;
  readonly id: RequestId | undefined;
  readonly data: unknown;
  readonly headers: Readonly<Record<string, string>>;

  /**
   * @param message for the client's developer
   * @param options.id of the request that is refused, when it could be read
   */
  constructor(
    status: number,
    code: number,
    message: string,
    options: { id?: RequestId | undefined; data?: unknown; headers?: Record<string, string> } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.id = options.id;
    this.data = options.data;
    this.headers = options.headers ?? {};
  }

  write(response: ServerResponse): void {
    const body = errorResponse(this.id, this.code, this.message, this.data);
    writeJson(response, this.status, stringifyJson(body), this.headers);
  }
}

/** What a client is told of a service that cannot be used now. */
export function unavailable(
  error: ServiceUnavailable,
  id: RequestId | undefined,
  code: number = ERROR_CODES.server,
): Refusal {
  const headers = { "retry-after": String(error.retryAfter) };
  return new Refusal(503, code, error.message, { id, headers });
}

/** Write a whole JSON answer. Does nothing when the client is gone. */
export function writeJson(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    ...headers,
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}
