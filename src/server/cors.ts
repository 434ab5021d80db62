/**
 * Cross-origin access for browsers' MCP clients (MCP Inspector, web hosts). Always without credentials: cookies open
 * nothing on these endpoints, a token in `Authorization` does. Never used on authorize, login, consent or callback.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { NextFunction, Request, Response } from "express";
import { EXPOSED_HEADERS } from "../mcp/exposed-headers.ts";

const ALLOWED_HEADERS = [
  "authorization",
  "dpop",
  "content-type",
  "accept",
  "mcp-protocol-version",
  "mcp-session-id",
  "mcp-method",
  "mcp-name",
  "last-event-id",
];

/** Set on every answer, errors included: a 401 that a browser hides looks like an outage to its client. */
export function setCorsHeaders(response: ServerResponse): void {
  response.setHeader("Access-Control-Allow-Origin", "*");
  response.setHeader("Access-Control-Expose-Headers", EXPOSED_HEADERS);
}

/**
 * Answer a preflight. `Mcp-Param-*` names come from tool schemas and a prefix cannot be written in a fixed list, so those
 * that the browser asks for are allowed by their prefix.
 */
export function answerPreflight(
  request: IncomingMessage,
  response: ServerResponse,
  methods: string,
): void {
  setCorsHeaders(response);
  const asked = (request.headers["access-control-request-headers"] ?? "").toLowerCase().split(",");
  const parameters = asked
    .map((name) => name.trim())
    .filter((name) => /^mcp-param-[\w-]+$/.test(name));
  response.writeHead(204, {
    "Access-Control-Allow-Methods": methods,
    "Access-Control-Allow-Headers": [...ALLOWED_HEADERS, ...parameters.slice(0, 32)].join(", "),
    "Access-Control-Max-Age": "7200", // seconds; browsers cap it there
    Vary: "Access-Control-Request-Headers",
  });
  response.end();
}

/** The same as an Express step; routes.ts answers the preflight of its rows with it. */
export function cors(request: Request, response: Response, next: NextFunction): void {
  if (request.method === "OPTIONS") {
    answerPreflight(request, response, "GET, HEAD, POST, PUT, DELETE, OPTIONS");
    return;
  }
  setCorsHeaders(response);
  next();
}
