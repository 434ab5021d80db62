/**
 * Whether a stream of events comes through the reverse proxy at once: with a token, as a client would open one.
 */
import { endpointsOf } from "../config/endpoints.ts";
import type { Config } from "../config.ts";
import { LEGACY_VERSIONS } from "../mcp/revisions.ts";
import { MCP_HEADERS, type Fetch, type Question } from "./check.ts";

const FIRST_BYTE = 10_000; // ms

/** @param token an access token for one of the endpoints */
export function streamQuestion(config: Config, token: string, fetch: Fetch): Question {
  const endpoints = endpointsOf(config).map(({ origin, path }) => `${origin}${path}`);
  const audience = audienceOf(token);
  const url = endpoints.find((one) => one === audience) ?? endpoints[0]!;
  const authorization = `Bearer ${token}`;
  const hello = {
    protocolVersion: LEGACY_VERSIONS[0],
    capabilities: {},
    clientInfo: { name: "mcp-gateway proxy check", version: "1" },
  };
  return {
    what: "streams events at once",
    url,
    init: {
      method: "POST",
      headers: { ...MCP_HEADERS, authorization },
      body: JSON.stringify({ jsonrpc: "2.0", id: 0, method: "initialize", params: hello }),
    },
    async judge(response) {
      await response.text();
      if (response.status !== 200) return `answered ${response.status} to initialize`;
      const session = response.headers.get("mcp-session-id");
      const headers = { authorization, ...(session !== null && { "mcp-session-id": session }) };
      // A proxy that buffers keeps the head until there is enough behind it, and here nothing comes.
      const stream = await fetch(url, {
        headers: { ...headers, accept: "text/event-stream" },
        signal: AbortSignal.timeout(FIRST_BYTE),
      });
      await stream.body?.cancel();
      if (session !== null) await fetch(url, { method: "DELETE", headers });
      const isFine = stream.status === 200 || stream.status === 405; // 405: the server offers none
      return isFine ? undefined : `answered ${stream.status} to a stream`;
    },
  };
}

/** Only to find its endpoint: nothing is believed of it. */
function audienceOf(token: string): unknown {
  try {
    const payload = Buffer.from(token.split(".")[1] ?? "", "base64url").toString();
    return (JSON.parse(payload) as { aud?: unknown }).aud;
  } catch {
    return undefined;
  }
}
