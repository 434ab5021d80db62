/**
 * Requests of revision 2026-07-28 as its clients send them: metadata in the message, and headers that repeat it.
 */
import { post, type Wire } from "./mcp-session.ts";

const ENVELOPE = "io.modelcontextprotocol/";
const VERSION = "2026-07-28";

/** @param meta besides the envelope */
export function modernRequest(
  method: string,
  params: Wire = {},
  id: unknown = 1,
  meta: object = {},
): Wire {
  const _meta = {
    [`${ENVELOPE}protocolVersion`]: VERSION,
    [`${ENVELOPE}clientCapabilities`]: {},
    ...meta,
  };
  return { jsonrpc: "2.0", id, method, params: { ...params, _meta } };
}

export const withLog = (level: string) => ({ [`${ENVELOPE}logLevel`]: level });

export function postModern(
  endpoint: string,
  body: Wire,
  options: { caller?: string; headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Response> {
  const { caller = "ada", headers, signal } = options;
  const name = body.params?.name ?? body.params?.uri;
  return post(endpoint, body, {
    headers: {
      "x-test-caller": caller,
      "mcp-protocol-version": VERSION,
      "mcp-method": body.method,
      ...(name !== undefined && { "mcp-name": name }),
      ...headers,
    },
    ...(signal && { signal }),
  });
}
