/**
 * A server of somebody else's under our name. Cookies are for the gateway's own pages: the server neither sees nor sets any.
 * Nothing it answers is taken for a page, and browsers' MCP clients may read it (CORS without credentials).
 */
import { IDENTITY_HEADERS } from "../auth-info.ts";
import { EXPOSED_HEADERS } from "../mcp/exposed-headers.ts";

/** Of an answer, whatever the server says. */
export const FOREIGN_ANSWER = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Expose-Headers": EXPOSED_HEADERS,
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
} as const;

/** Of an answer; they never get out. */
export const FOREIGN_SECRETS = [
  "Access-Control-Allow-Credentials",
  "Server",
  "Set-Cookie",
  "X-Powered-By",
] as const;

/** Of a request: what a client may not tell the server. The caller is set again from the answer of `/verify`. */
export const FORGEABLE = [...Object.values(IDENTITY_HEADERS), "Authorization"] as const;

/** Of a request: other proxies' words for what was asked for. Those that the proxy itself writes are not among them. */
export const OTHERS_WORDS = [
  "Forwarded",
  "X-Forwarded-Method",
  "X-Forwarded-Port",
  "X-Forwarded-Prefix",
  "X-Forwarded-Server",
  "X-Forwarded-Uri",
  "X-Original-URL",
  "X-Rewrite-URL",
] as const;
