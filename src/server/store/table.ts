/**
 * The records of one kind, by id and by owner.
 */
import type { Entry } from "./entry.ts";
import type { ListOptions } from "./store.ts";

type Where = NonNullable<ListOptions["where"]>;
type Owner = keyof Where;

const OWNERS: readonly Owner[] = ["grantId", "clientId", "subject"];

export class Table {
  readonly entries = new Map<string, Entry>();
  /** Owner's member -> its value -> ids. */
  readonly #owned = new Map<Owner, Map<string, Set<string>>>(
    OWNERS.map((owner) => [owner, new Map()]),
  );
  /** All ids in order; rebuilt by the first listing after a change. */
  #sorted: string[] | undefined;

  /** @param after undefined deletes. @returns what was there. */
  set(id: string, after: Entry | undefined): Entry | undefined {
    const before = this.entries.get(id);
    for (const [owner, idsByValue] of this.#owned) {
      const old = before && ownerIn(before, owner);
      const value = after && ownerIn(after, owner);
      if (old === value) continue;
      if (old !== undefined) forget(idsByValue, old, id);
      if (value !== undefined) remember(idsByValue, value, id);
    }
    if (after) this.entries.set(id, after);
    else this.entries.delete(id);
    if (!before !== !after) this.#sorted = undefined;
    return before;
  }

  /** Ids in a stable order: by UTF-16 code units, whatever the order of writing was. */
  sortedIds(where: Where = {}): readonly string[] {
    const asked = OWNERS.filter((owner) => where[owner] !== undefined);
    const [first, ...rest] = asked;
    if (first === undefined) return (this.#sorted ??= [...this.entries.keys()].toSorted());
    return [...this.ownedBy(first, where[first]!)]
      .filter((id) => rest.every((owner) => this.#ownerOf(id, owner) === where[owner]))
      .toSorted();
  }

  ownedBy(owner: Owner, value: string): ReadonlySet<string> {
    return this.#owned.get(owner)!.get(value) ?? new Set();
  }

  #ownerOf(id: string, owner: Owner): string | undefined {
    return ownerIn(this.entries.get(id)!, owner);
  }
}

function remember(idsByValue: Map<string, Set<string>>, value: string, id: string): void {
  const ids = idsByValue.get(value);
  if (ids) ids.add(id);
  else idsByValue.set(value, new Set([id]));
}

function forget(idsByValue: Map<string, Set<string>>, value: string, id: string): void {
  const ids = idsByValue.get(value);
  ids?.delete(id);
  if (ids?.size === 0) idsByValue.delete(value);
}

function ownerIn(entry: Entry, owner: Owner): string | undefined {
  const value = (entry.record as unknown as Record<string, unknown>)[owner];
  return typeof value === "string" ? value : undefined;
}
