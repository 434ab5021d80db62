/**
 * Headers of requests to a server elsewhere that the gateway writes itself; a second opinion would break the conversation.
 */
const OURS = new Set([
  "accept",
  "accept-encoding",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "host",
  "keep-alive",
  "last-event-id",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** @param name in any case */
export function isGatewayHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return OURS.has(lower) || lower.startsWith("mcp-");
}
