/**
 * Members of `_meta` that only revision 2026-07-28 gives a meaning to. Everything else in there is somebody's own and
 * passes unchanged.
 */
export const RESERVED = "io.modelcontextprotocol/";

/** @returns `meta` itself when it holds none */
export function withoutReserved(meta: { [member: string]: unknown }): {
  [member: string]: unknown;
} {
  const kept = Object.entries(meta).filter(([name]) => !name.startsWith(RESERVED));
  return kept.length === Object.keys(meta).length ? meta : Object.fromEntries(kept);
}
