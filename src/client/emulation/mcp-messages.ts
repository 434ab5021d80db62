/**
 * The few MCP messages a visit needs, and reading what comes back in either form.
 */
import type { Answer } from "./exchange.ts";
import type { Emulation } from "./emulation.ts";

const MODERN = "2026-07-28";
const ENVELOPE = "io.modelcontextprotocol/";

export interface McpRequest {
  headers: Record<string, string>;
  body: string;
}

export interface McpAnswer {
  result?: Record<string, unknown>;
  error?: { code?: number; message?: string };
}

export function mcpRequest(message: object, headers: Record<string, string> = {}): McpRequest {
  return {
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: "2.0", ...message }),
  };
}

export function initialize({ protocolVersion, id }: Emulation): McpRequest {
  const clientInfo = { name: id, version: "1" };
  const params = { protocolVersion, capabilities: {}, clientInfo };
  return mcpRequest({ id: 0, method: "initialize", params });
}

/** The first request of a client that speaks 2026-07-28, too. */
export function serverDiscover(): McpRequest {
  const meta = {
    [`${ENVELOPE}protocolVersion`]: MODERN,
    [`${ENVELOPE}clientCapabilities`]: {},
  };
  return mcpRequest(
    { id: "discover", method: "server/discover", params: { _meta: meta } },
    { "mcp-protocol-version": MODERN, "mcp-method": "server/discover" },
  );
}

/** The response to this id, in plain JSON or in an event stream; undefined when there is none. */
export function responseIn({ headers, text }: Answer, id: number): McpAnswer | undefined {
  const isStream = String(headers["content-type"]).startsWith("text/event-stream");
  const data = isStream ? [...text.matchAll(/^data: ?(.+)$/gm)].map(([, line]) => line!) : [text];
  for (const line of data) {
    const message = parse(line);
    if (message?.id === id && ("result" in message || "error" in message)) return message;
  }
  return undefined;
}

function parse(text: string): (McpAnswer & { id?: unknown }) | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
