/**
 * Revisions of MCP, and the words of each that more than one room needs.
 */

/** With `initialize`, newest first. 2024-11-05 had another transport, but its servers still exist. */
export const LEGACY_VERSIONS = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"] as const;
/** Without sessions: each request carries its own metadata. */
export const MODERN_VERSION = "2026-07-28";
export const MODERN_VERSIONS: readonly string[] = [MODERN_VERSION];

/** How members of `_meta` begin that only modern revisions give a meaning to. */
export const RESERVED = "io.modelcontextprotocol/";
/** Names the subscription a notification or result belongs to. */
export const SUBSCRIPTION_ID = `${RESERVED}subscriptionId`;

/** The only requests a modern server may answer with questions (2026-07-28, "Multi round-trip requests"). */
export const ASKING: ReadonlySet<string> = new Set(["tools/call", "prompts/get", "resources/read"]);

/** The member of `params` that `Mcp-Name` repeats (2026-07-28, "Streamable HTTP"). */
export const NAMED_MEMBERS: Readonly<Record<string, string>> = {
  "tools/call": "name",
  "prompts/get": "name",
  "resources/read": "uri",
  "tasks/get": "taskId",
  "tasks/update": "taskId",
  "tasks/cancel": "taskId",
};

/** Of log messages, least severe first (RFC 5424 §6.2.1). */
export const LOG_LEVELS: readonly unknown[] = [
  "debug",
  "info",
  "notice",
  "warning",
  "error",
  "critical",
  "alert",
  "emergency",
];
