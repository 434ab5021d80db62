/**
 * The `Origin` check against DNS rebinding that MCP demands (Streamable HTTP, Security): there and not allowed is 403. Programs send
 * none; pages on loopback are development tools, and what they can do without a token is nothing.
 */
import type { ServerResponse } from "node:http";
import { isLoopbackHost } from "../../config.ts";
import type { ServerContext } from "../context.ts";
import { setCorsHeaders } from "../cors.ts";
import { sendJsonRpcError } from "../http.ts";

export function isAllowedOrigin(context: ServerContext, origin: string | undefined): boolean {
  if (origin === undefined) return true;
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  return (
    context.resources.hosts.has(url.host) ||
    isLoopbackHost(url.hostname) ||
    context.config.allowedOrigins.some((allowed) => new URL(allowed).origin === url.origin)
  );
}

export function refuseOrigin(response: ServerResponse): void {
  setCorsHeaders(response);
  sendJsonRpcError(response, 403, -32_600, "Pages of this origin may not call the endpoint");
}
