/**
 * Requests that found nothing: of what the internet sends to any address, those that may be an MCP client which has lost its way.
 */
import type { IncomingMessage } from "node:http";
import type { ServerContext } from "../context.ts";
import { dialledUrl } from "./step.ts";

const LIKE_A_CLIENT =
  /\/(?:mcp|sse|messages?|authorize|token|register)\/?$|\/\.well-known\/(?:oauth|openid)-/;

export function noteStray(
  { attempts, config }: Pick<ServerContext, "attempts" | "config">,
  what: "path.unknown" | "host.unknown",
  request: IncomingMessage,
  path: string,
): void {
  if (!LIKE_A_CLIENT.test(path)) return;
  attempts.note({ what, ...dialledUrl(config, request, "") }, request);
}
