/**
 * Everything in `_meta` that is not reserved is somebody's own and passes unchanged.
 */
import { RESERVED } from "../../mcp/revisions.ts";

/** @returns `meta` itself when it holds none */
export function withoutReserved(meta: { [member: string]: unknown }): {
  [member: string]: unknown;
} {
  const kept = Object.entries(meta).filter(([name]) => !name.startsWith(RESERVED));
  return kept.length === Object.keys(meta).length ? meta : Object.fromEntries(kept);
}
