/**
 * What an operator names by an id, or by the beginning of one.
 */
import type { Records } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { records } from "./all-records.ts";
import { ControlFailure } from "./control-route.ts";

const NOUNS = {
  client: "client",
  accessToken: "token",
  grant: "grant",
  credential: "credential",
} as const;

/** @throws ControlFailure 404 when there is none, 409 when several begin so */
export async function find<K extends keyof typeof NOUNS>(
  store: Store,
  kind: K,
  id: string,
): Promise<Records[K]> {
  const exact = await store.get(kind, id);
  if (exact !== undefined) return exact;
  const matches: Records[K][] = [];
  for await (const item of records(store, kind)) {
    if (id !== "" && item.id.startsWith(id)) matches.push(item.record);
  }
  return onlyOne(NOUNS[kind], id, matches);
}

/** @throws ControlFailure 404 when there is none, 409 when there are several */
export function onlyOne<T>(noun: string, id: string, matches: readonly T[]): T {
  if (matches.length > 1) {
    throw new ControlFailure(
      409,
      "ambiguous",
      `${matches.length} ${noun}s begin with ${id}`,
      "Write more of the id.",
    );
  }
  if (matches[0] === undefined) {
    const hint = `mcp-gateway ${noun} list shows which there are.`;
    throw new ControlFailure(404, "not_found", `There is no ${noun} ${id}`, hint);
  }
  return matches[0];
}
