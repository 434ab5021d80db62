/**
 * The store: typed records by kind and id, and atomic transitions between states.
 *
 * Codes, refresh rotation and rate limits race, so the interface is not get/set: each transition of the authorization server
 * is **one** call here, and of many concurrent callers exactly one wins. What needs several records at once is written as a
 * `transact` of checks and writes; when a check fails nothing was written, the caller reads again and decides anew.
 *
 * A call that writes a durable kind (records.ts) resolves when the change would survive `kill -9` and power loss. When it
 * rejects, nothing changed. Every implementation passes test/contract/store-contract.ts.
 *
 * Records go in as plain JSON objects and come out frozen: readers may share one object. To change a record, spread it into
 * a new one and hand both to `replace`.
 */
import type { Kind, Records } from "./records.ts";

export interface Store {
  /** @returns the record, deeply frozen; undefined when absent or expired. Does not wait for the disk. */
  get<K extends Kind>(kind: K, id: string): Promise<Records[K] | undefined>;

  /**
   * @param ttl seconds until the record is gone, at exactly that moment; nothing or less: at once; omit for "until deleted"
   * @throws RangeError when `ttl` is not finite, TypeError when `record` is not a JSON object
   */
  put<K extends Kind>(kind: K, id: string, record: Records[K], ttl?: number): Promise<void>;

  /** Read and delete in one step. Of many concurrent callers exactly one gets the record. */
  take<K extends Kind>(kind: K, id: string): Promise<Records[K] | undefined>;

  /**
   * Replace only if the stored record still equals `seen`.
   * @param ttl seconds from now; omit to keep the remaining lifetime
   * @returns false when someone was first or the record is gone
   */
  replace<K extends Kind>(
    kind: K,
    id: string,
    seen: Records[K],
    next: Records[K],
    ttl?: number,
  ): Promise<boolean>;

  /** @returns whether there was something to delete. */
  delete(kind: Kind, id: string): Promise<boolean>;

  /** Live records in a stable order. Those written while a listing is under way may or may not be in it. */
  list<K extends Kind>(kind: K, options?: ListOptions): Promise<Page<K>>;

  /** Delete the grant and every code and token that descends from it, in one step. @returns how many records. */
  deleteGrant(grantId: string): Promise<number>;

  /**
   * Count up within a window that starts with the first count and lasts `ttl` seconds; for rate limits and replay guards.
   * Not durable. @returns the count including this one.
   */
  increment(key: string, ttl: number): Promise<number>;

  /** All or nothing. @returns false when a check failed; then nothing was written. */
  transact(operations: readonly Operation[]): Promise<boolean>;

  /** Writes what is pending and lets go of the data. All other calls after it reject; closing again does no harm. */
  close(): Promise<void>;
}

export interface ListOptions {
  /** From the page before. */
  cursor?: string;
  /** Most records in the page, at least 1; 1000 unless told. */
  limit?: number;
  /** Only records whose members have all these values. */
  where?: { clientId?: string; grantId?: string; subject?: string };
}

export interface Page<K extends Kind> {
  items: { id: string; record: Records[K] }[];
  /** Absent on the last page. */
  cursor?: string;
}

/** One step of a `transact`. Checks may stand anywhere: they all see the state before the first write. */
export type Operation =
  | { [K in Kind]: OperationOn<K> }[Kind]
  | { type: "deleteGrant"; grantId: string };

type OperationOn<K extends Kind> =
  /** `seen: undefined` means: there must be none. */
  | { type: "check"; kind: K; id: string; seen: Records[K] | undefined }
  /** There must be one, whatever it holds. */
  | { type: "checkExists"; kind: K; id: string }
  /** @see Store.put; `ttl: "keep"` keeps the remaining lifetime, unlimited when there was no record. */
  | { type: "put"; kind: K; id: string; record: Records[K]; ttl?: number | "keep" }
  | { type: "delete"; kind: K; id: string };
