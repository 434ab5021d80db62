/**
 * The embedded store, for one process. Truth is in memory; lowdb holds it as its document and writes the snapshots, the
 * journal under it makes every transition durable.
 *
 * A transition changes memory at once, in one synchronous stretch, and resolves when its journal line is synced. Others see
 * it before that. They cannot build on it too early: their own writes come later in the journal, and an answer that rests on
 * the absence of a durable record ("already taken", "nothing to delete") waits for the journal, too. Only `get` and `list`
 * do not wait.
 *
 * Made for up to about 100 000 live records or 50 MB.
 */
import { join } from "node:path";
import { Low } from "lowdb";
import type { Clock } from "../../clock.ts";
import type { StoreConfig } from "../../config.ts";
import type { Log } from "../../log.ts";
import { messageOf, UserError } from "../../errors.ts";
import { prepareStateDirectory } from "../../paths.ts";
import { createEntry, expiryAfter, isLive } from "./entry.ts";
import { encodeSteps } from "./journal-format.ts";
import { JournaledFile } from "./journaled-file.ts";
import { acquireLock } from "./lock.ts";
import { MemoryState, type Change } from "./memory-state.ts";
import { DURABILITY, type Kind, type Records } from "./records.ts";
import type { ListOptions, Operation, Page, Store } from "./store.ts";
import { prepareTransition } from "./transition.ts";

const SWEEP_INTERVAL = 60; // seconds
const COMPACT_RETRY = 60; // seconds after a snapshot that could not be written
const COMPACT_AFTER = 16 * 1_048_576; // bytes of journal; a start replays about 50 MB a second

export interface LowdbContext {
  readonly clock: Clock;
  readonly log: Log;
  /** Bytes of journal that make a new snapshot; unless told 16 MB, or the size of the snapshot if that is more. */
  readonly compactAfter?: number;
}

/** @throws UserError when another process has the store, or when its files are damaged */
export async function openLowdbStore(config: StoreConfig, context: LowdbContext): Promise<Store> {
  const paths = prepareStateDirectory(config.path);
  const release = await acquireLock(join(paths.directory, "gateway.lock"));
  try {
    const store = new LowdbStore(paths.database, context, release);
    await store.open();
    return store;
  } catch (error) {
    await release();
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof UserError || code === undefined) throw error;
    throw new UserError(`Cannot open the store in ${paths.directory}: ${messageOf(error)}`, {
      hint: "Check that the directory is writable for this user and that its disk has room.",
      cause: error,
    });
  }
}

class LowdbStore implements Store {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #release: () => Promise<void>;
  readonly #compactAfter: number | undefined;
  readonly #file: JournaledFile;
  readonly #database: Low<MemoryState>;
  readonly #counters = new Map<string, { count: number; expiresAt: number }>();
  #cancelSweep = (): void => {};
  #compaction: Promise<void> | undefined;
  #nextCompaction = Number.NEGATIVE_INFINITY; // seconds since the epoch
  #closing: Promise<void> | undefined;

  constructor(path: string, context: LowdbContext, release: () => Promise<void>) {
    this.#clock = context.clock;
    this.#log = context.log;
    this.#compactAfter = context.compactAfter;
    this.#release = release;
    const events = {
      onRollback: (changes: readonly Change[]) => this.#state.undo(changes),
      onFlush: () => this.#compactIfDue(),
      onFailure: (error: Error) => this.#log.error({ err: error }, "the store could not write"),
    };
    this.#file = new JournaledFile(path, { ...context, events });
    this.#database = new Low(this.#file, new MemoryState());
  }

  async open(): Promise<void> {
    await this.#database.read();
    this.#sweep();
    this.#compactIfDue();
  }

  async get<K extends Kind>(kind: K, id: string): Promise<Records[K] | undefined> {
    this.#assertUsable();
    return this.#state.find(kind, id, this.#clock.now())?.record as Records[K] | undefined;
  }

  async put<K extends Kind>(kind: K, id: string, record: Records[K], ttl?: number): Promise<void> {
    this.#assertUsable();
    const entry = createEntry(record, expiryAfter(ttl, this.#clock.now()));
    await this.#commit([kind], [this.#state.set(kind, id, entry)]);
  }

  async take<K extends Kind>(kind: K, id: string): Promise<Records[K] | undefined> {
    this.#assertUsable();
    const entry = this.#state.find(kind, id, this.#clock.now());
    await this.#commit([kind], entry ? [this.#state.set(kind, id, undefined)] : []);
    return entry?.record as Records[K] | undefined;
  }

  async replace<K extends Kind>(
    kind: K,
    id: string,
    seen: Records[K],
    next: Records[K],
    ttl?: number,
  ): Promise<boolean> {
    this.#assertUsable();
    // The casts: TypeScript does not see that `kind` and the records belong together in a union of operations.
    return this.transact([
      { type: "check", kind, id, seen } as Operation,
      { type: "put", kind, id, record: next, ttl: ttl ?? "keep" } as Operation,
    ]);
  }

  async delete(kind: Kind, id: string): Promise<boolean> {
    return (await this.take(kind, id)) !== undefined;
  }

  async list<K extends Kind>(kind: K, options: ListOptions = {}): Promise<Page<K>> {
    this.#assertUsable();
    const { items, ...rest } = this.#state.page(kind, options, this.#clock.now());
    return {
      items: items.map(({ id, entry }) => ({ id, record: entry.record as Records[K] })),
      ...rest,
    };
  }

  async deleteGrant(grantId: string): Promise<number> {
    this.#assertUsable();
    const now = this.#clock.now();
    const changes = prepareTransition(this.#state, [{ type: "deleteGrant", grantId }], now)!();
    await this.#commit(["grant"], changes);
    return changes.filter(({ before }) => before && isLive(before, now)).length;
  }

  async increment(key: string, ttl: number): Promise<number> {
    this.#assertUsable();
    const now = this.#clock.now();
    const counter = this.#counters.get(key);
    if (counter && now < counter.expiresAt) return ++counter.count;
    this.#counters.set(key, { count: 1, expiresAt: now + ttl });
    return 1;
  }

  async transact(operations: readonly Operation[]): Promise<boolean> {
    this.#assertUsable();
    const kinds = operations.map((operation) =>
      operation.type === "deleteGrant" ? "grant" : operation.kind,
    );
    const apply = prepareTransition(this.#state, operations, this.#clock.now());
    await this.#commit(kinds, apply?.() ?? []);
    return apply !== undefined;
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#cancelSweep();
    await this.#compaction;
    const { journal } = this.#file;
    await journal.settled().catch(() => {});
    if (!journal.failure && !journal.isEmpty) await this.#compact();
    try {
      await journal.close();
    } finally {
      await this.#release();
    }
  }

  get #state(): MemoryState {
    return this.#database.data;
  }

  #assertUsable(): void {
    if (this.#closing) throw new Error("The store is closed.");
    if (this.#file.journal.failure) throw this.#file.journal.failure;
  }

  /** Make `changes`, already in memory, durable; without any, what was decided on rests on changes of others. */
  async #commit(kinds: readonly Kind[], changes: readonly Change[]): Promise<void> {
    const isDurable = kinds.some((kind) => DURABILITY[kind] === "durable");
    const { journal } = this.#file;
    const written =
      changes.length > 0
        ? journal.append(encodeSteps(changes), changes, isDurable)
        : journal.settled();
    if (isDurable) await written;
  }

  #sweep(): void {
    const now = this.#clock.now();
    this.#state.sweep(now);
    for (const [key, { expiresAt }] of this.#counters) {
      if (now >= expiresAt) this.#counters.delete(key);
    }
    this.#cancelSweep = this.#clock.after(SWEEP_INTERVAL, () => this.#sweep());
  }

  #compactIfDue(): void {
    if (this.#compaction || this.#closing || this.#clock.now() < this.#nextCompaction) return;
    const limit = this.#compactAfter ?? Math.max(COMPACT_AFTER, this.#file.snapshotSize);
    if (this.#file.journalSize < limit) return;
    this.#compaction = this.#compact().finally(() => {
      this.#compaction = undefined;
    });
  }

  /** Without a new snapshot the journals go on; nothing is lost, only the next start takes longer. */
  async #compact(): Promise<void> {
    try {
      await this.#database.write();
    } catch (error) {
      this.#nextCompaction = this.#clock.now() + COMPACT_RETRY;
      this.#log.error({ err: error }, "the store could not write a snapshot");
    }
  }
}
