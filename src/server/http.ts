/**
 * Small things both doors do with plain requests and responses.
 */
import type { ServerResponse } from "node:http";

/** Answer JSON, never stored unless the caller has set `Cache-Control`. The body of a HEAD answer is dropped by Node. */
export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  if (!response.hasHeader("Cache-Control")) response.setHeader("Cache-Control", "no-store");
  response.setHeader("X-Content-Type-Options", "nosniff");
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
  });
  response.end(body);
}

/** A JSON-RPC error for a request whose id was not read, as MCP answers outside of a session. */
export function sendJsonRpcError(
  response: ServerResponse,
  status: number,
  code: number,
  message: string,
): void {
  sendJson(response, status, { jsonrpc: "2.0", id: null, error: { code, message } });
}

/**
 * The path of a request target in the only form we route by: absolute path, no empty, dot or encoded-slash segment, no
 * backslash, no parameter. Whatever is written in another way gets no answer but 400, because a proxy in front may have
 * read it differently (path confusion).
 * @returns undefined when the spelling is ambiguous
 */
export function plainPath(target: string): string | undefined {
  const path = target.split("?", 1)[0]!;
  // RFC 3986 §3.3 without `;`, which some servers read as the start of a parameter.
  if (!/^\/(?:[\w.~!$&'()*+,=:@/-]|%[0-9A-Fa-f]{2})*$/.test(path) || path.includes("//"))
    return undefined;
  if (/%(?:2f|5c|2e|25|00|23|3b)/i.test(path)) return undefined;
  if (path.split("/").some((segment) => segment === "." || segment === "..")) return undefined;
  return path;
}
