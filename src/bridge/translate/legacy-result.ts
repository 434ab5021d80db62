/**
 * Results of revision 2026-07-28 in the words of those with `initialize`, whose schemas are strict about leftovers.
 */
import { stringifyJson } from "../../mcp/exact-json.ts";
import { asObject } from "../../mcp/json-rpc.ts";
import { RESERVED } from "../../mcp/revisions.ts";
import { withoutReserved } from "./legacy-meta.ts";

/** Methods whose results have caching hints; elsewhere such members are the server's own. */
const CACHEABLE = new Set([
  "server/discover",
  "tools/list",
  "prompts/list",
  "resources/list",
  "resources/templates/list",
  "resources/read",
]);

type Members = { [member: string]: unknown };

/** @param result of a request that is complete */
export function legacyResult(method: string, result: Members): Members {
  const plain = withoutEnvelope(method, result);
  if (method === "tools/list") objectOutputs(plain);
  if (method === "tools/call") objectContent(plain);
  return plain;
}

/**
 * Result of `initialize`.
 * @param discovered result of `server/discover`
 * @param protocolVersion of the session
 * @param name what to call a server that does not introduce itself
 */
export function initializeResult(
  discovered: Members,
  protocolVersion: string,
  name: string,
): Members {
  const { supportedVersions: _, ...rest } = withoutEnvelope("server/discover", discovered);
  // Neither extensions nor tasks of the later revision are those a client of this one knows.
  const { extensions: __, tasks: ___, ...capabilities } = asObject(rest["capabilities"]) ?? {};
  const serverInfo = asObject(asObject(discovered["_meta"])?.[`${RESERVED}serverInfo`]);
  return {
    ...rest,
    protocolVersion,
    capabilities,
    serverInfo: serverInfo ?? { name, version: "unknown" },
  };
}

function withoutEnvelope(method: string, result: Members): Members {
  const { resultType: _, ...plain } = result;
  if (CACHEABLE.has(method)) {
    delete plain["ttlMs"];
    delete plain["cacheScope"];
  }
  const meta = asObject(plain["_meta"]);
  const kept = meta && withoutReserved(meta);
  if (kept === meta) return plain;
  if (Object.keys(kept!).length > 0) plain["_meta"] = kept;
  else delete plain["_meta"];
  return plain;
}

/** A schema of the output must describe an object; a client drops the whole list over any other. */
function objectOutputs(result: Members): void {
  const { tools } = result;
  if (!Array.isArray(tools)) return;
  result["tools"] = tools.map((tool: unknown) => {
    const outputSchema = asObject(asObject(tool)?.["outputSchema"]);
    if (!outputSchema || outputSchema["type"] === "object") return tool;
    const { outputSchema: _, ...rest } = tool as Members;
    return rest;
  });
}

/** Structured content must be an object; any other value is told as text. */
function objectContent(result: Members): void {
  const { structuredContent, ...rest } = result;
  if (structuredContent === undefined || asObject(structuredContent)) return;
  delete result["structuredContent"];
  const content = Array.isArray(rest["content"]) ? (rest["content"] as unknown[]) : [];
  if (content.some((block) => asObject(block)?.["type"] === "text")) return;
  result["content"] = [...content, { type: "text", text: stringifyJson(structuredContent) }];
}
