/**
 * Listings for operators: whole kinds, however many pages they have.
 */
import type { Kind, Records } from "../store/records.ts";
import type { ListOptions, Store } from "../store/store.ts";

type Where = NonNullable<ListOptions["where"]>;

/** Every live record of a kind, page by page. */
export async function all<K extends Kind>(
  store: Store,
  kind: K,
  where?: Where,
): Promise<Records[K][]> {
  const found: Records[K][] = [];
  for await (const { record } of records(store, kind, where)) found.push(record);
  return found;
}

export async function* records<K extends Kind>(
  store: Store,
  kind: K,
  where?: Where,
): AsyncGenerator<{ id: string; record: Records[K] }> {
  let cursor: string | undefined;
  do {
    const page = await store.list(kind, {
      ...(where && { where }),
      ...(cursor !== undefined && { cursor }),
    });
    yield* page.items;
    cursor = page.cursor;
  } while (cursor !== undefined);
}
