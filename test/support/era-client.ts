/**
 * A caller with a token who speaks either era: the same question, the same answer, whatever it takes to ask it.
 */
import { callMcp } from "./strict-client.ts";
import { initialize, messagesOf, type Wire } from "./mcp-session.ts";
import { modernRequest } from "./modern-request.ts";

export interface EraClient {
  /** What is sent with every request. */
  headers: Record<string, string>;
  /** @returns the response to it */
  ask(method: string, params?: Wire): Promise<{ result?: Wire; error?: Wire }>;
  /** Post `body` as it is. */
  post(body: object, headers?: Record<string, string>): Promise<Response>;
}

/** @param version of a legacy session, or `modern` */
export async function eraClient(
  endpoint: string,
  token: string,
  version: "modern" | "2025-11-25" | "2025-03-26",
): Promise<EraClient> {
  const headers: Record<string, string> = {};
  if (version !== "modern") {
    const opened = await callMcp(endpoint, token, initialize(version, { elicitation: {} }));
    await opened.body?.cancel();
    headers["mcp-session-id"] = opened.headers.get("mcp-session-id")!;
    const ready = { jsonrpc: "2.0", method: "notifications/initialized" };
    await callMcp(endpoint, token, ready, headers);
  }
  let next = 1;
  const post: EraClient["post"] = (body, more = {}) =>
    callMcp(endpoint, token, body, { ...headers, ...more });
  return {
    headers,
    post,
    async ask(method, params = {}) {
      const id = next++;
      const response =
        version === "modern"
          ? await post(modernRequest(method, params, id), modernHeaders(method, params))
          : await post({ jsonrpc: "2.0", id, method, params });
      const messages = await messagesOf(response);
      return messages.find((message) => message.id === id && message.method === undefined);
    },
  };
}

export function modernHeaders(method: string, params: Wire = {}): Record<string, string> {
  const name = params.name ?? params.uri;
  return {
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": method,
    ...(name !== undefined && { "mcp-name": name }),
  };
}
