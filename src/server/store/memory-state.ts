/**
 * The truth: every record in memory. All methods are synchronous, and Node runs one of them at a time: that is the lock
 * which makes each transition of the store atomic.
 */
import { isLive, type Entry } from "./entry.ts";
import { DURABILITY, type Kind } from "./records.ts";
import type { ListOptions } from "./store.ts";
import { Table } from "./table.ts";

/** One step of a transition; `undefined` stands for "no record". */
export interface Change {
  readonly kind: Kind;
  readonly id: string;
  readonly before: Entry | undefined;
  readonly after: Entry | undefined;
}

/** What a snapshot is written from. */
export type Tables = ReadonlyMap<Kind, ReadonlyMap<string, Entry>>;

export const KINDS = Object.keys(DURABILITY) as Kind[];

const DEFAULT_LIMIT = 1000; // records in a page

export class MemoryState {
  readonly #tables = new Map<Kind, Table>(KINDS.map((kind) => [kind, new Table()]));

  /** The live entry; an expired one does not exist for anybody. */
  find(kind: Kind, id: string, now: number): Entry | undefined {
    const entry = this.#table(kind).entries.get(id);
    return entry && isLive(entry, now) ? entry : undefined;
  }

  set(kind: Kind, id: string, after: Entry | undefined): Change {
    return { kind, id, before: this.#table(kind).set(id, after), after };
  }

  /** Take back `changes`, which were the last ones made. */
  undo(changes: readonly Change[]): void {
    for (const { kind, id, before } of changes.toReversed()) this.#table(kind).set(id, before);
  }

  /** The grant and all that descends from it. */
  ofGrant(grantId: string): { kind: Kind; id: string }[] {
    const found: { kind: Kind; id: string }[] = [];
    for (const [kind, table] of this.#tables) {
      const ids = new Set(table.ownedBy("grantId", grantId));
      if (kind === "grant" && table.entries.has(grantId)) ids.add(grantId);
      for (const id of ids) found.push({ kind, id });
    }
    return found;
  }

  /** @returns live entries after the cursor, which is the last id of the page before. */
  page(
    kind: Kind,
    options: ListOptions,
    now: number,
  ): { items: { id: string; entry: Entry }[]; cursor?: string } {
    const { cursor, where } = options;
    const limit = Math.max(1, options.limit ?? DEFAULT_LIMIT);
    const { entries } = this.#table(kind);
    const ids = this.#table(kind).sortedIds(where);
    const items: { id: string; entry: Entry }[] = [];
    for (let at = cursor === undefined ? 0 : firstAfter(ids, cursor); at < ids.length; at++) {
      const id = ids[at]!;
      const entry = entries.get(id)!;
      if (!isLive(entry, now)) continue;
      if (items.length >= limit) return { items, cursor: items.at(-1)!.id };
      items.push({ id, entry });
    }
    return { items };
  }

  /** Let go of what has expired. Needs no journal: a replay finds it expired as well. */
  sweep(now: number): void {
    for (const table of this.#tables.values()) {
      for (const [id, entry] of table.entries) if (!isLive(entry, now)) table.set(id, undefined);
    }
  }

  /** All entries as they were before `pending`, the last changes made. Stays as it is while the state moves on. */
  copyBefore(pending: readonly Change[]): Tables {
    const copy = new Map<Kind, Map<string, Entry>>();
    for (const [kind, table] of this.#tables) copy.set(kind, new Map(table.entries));
    for (const { kind, id, before } of pending.toReversed()) {
      if (before) copy.get(kind)!.set(id, before);
      else copy.get(kind)!.delete(id);
    }
    return copy;
  }

  #table(kind: Kind): Table {
    const table = this.#tables.get(kind);
    if (!table) throw new TypeError(`There is no kind of record called "${kind}".`);
    return table;
  }
}

/** Index of the first id behind `cursor`, by bisection. */
function firstAfter(ids: readonly string[], cursor: string): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ids[middle]! <= cursor) low = middle + 1;
    else high = middle;
  }
  return low;
}
