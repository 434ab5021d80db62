/**
 * The journal while it is written: group commit.
 *
 * Transitions queue up while a flush runs; the next flush takes all of them, with one write and one fdatasync, and then
 * their callers go on. An idle journal flushes at once, a busy one as fast as the disk syncs. A flush without any durable
 * transition leaves the sync to the next one.
 *
 * When a write fails (no space), everything not yet flushed is taken back, in memory through `onRollback` and in the file by
 * cutting it, and its callers reject; the next transition tries again. When a sync or the cutting fails, nobody knows what
 * the disk holds: the journal stops for good, and with it the store.
 */
import { setImmediate } from "node:timers/promises";
import { messageOf, UserError } from "../../errors.ts";
import type { JournalDisk } from "./journal-disk.ts";
import { encodeTransition } from "./journal-format.ts";
import type { Change } from "./memory-state.ts";

export interface JournalFile {
  readonly path: string;
  readonly disk: JournalDisk;
  /** Bytes. */
  readonly size: number;
  /** Transitions in it. */
  readonly transitions: number;
}

export interface JournalEvents {
  /** Take these changes, the last ones made, out of memory. */
  onRollback(changes: readonly Change[]): void;
  onFlush(): void;
  /** @param reason what the callers were told */
  onFailure(reason: UserError): void;
}

interface Deferred {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(reason: unknown): void;
}

interface Pending {
  readonly steps: string;
  readonly changes: readonly Change[];
  readonly isDurable: boolean;
  readonly written: Deferred;
}

interface Rotation {
  open(): Promise<JournalFile>;
  onSwitch(pending: readonly Change[]): void;
  readonly done: Deferred;
}

export class Journal {
  #file: JournalFile;
  readonly #events: JournalEvents;
  #size: number;
  #transitions: number;
  #queue: Pending[] = [];
  #flushing: Pending[] = [];
  #rotation: Rotation | undefined;
  #isRunning = false;
  #failure: UserError | undefined;

  constructor(file: JournalFile, events: JournalEvents) {
    this.#file = file;
    this.#size = file.size;
    this.#transitions = file.transitions;
    this.#events = events;
  }

  /** Bytes, without what is not flushed yet. */
  get size(): number {
    return this.#size;
  }

  /** Whether anything was written since the file was begun. */
  get isEmpty(): boolean {
    return this.#transitions === 0 && this.#queue.length + this.#flushing.length === 0;
  }

  /** Why the journal has stopped for good. */
  get failure(): UserError | undefined {
    return this.#failure;
  }

  /** @returns resolves once the line is written, and synced if it is durable; nobody needs to wait for it. */
  append(steps: string, changes: readonly Change[], isDurable: boolean): Promise<void> {
    const written = createDeferred();
    written.promise.catch(() => {});
    if (this.#failure) {
      this.#events.onRollback(changes);
      written.reject(this.#failure);
      return written.promise;
    }
    this.#queue.push({ steps, changes, isDurable, written });
    this.#run();
    return written.promise;
  }

  /** Resolves when all that was appended so far is written; rejects when it was taken back. */
  settled(): Promise<void> {
    const last = this.#queue.at(-1) ?? this.#flushing.at(-1);
    return last ? last.written.promise : Promise.resolve();
  }

  /**
   * Go on in another file. Lines written so far are synced in the old one, all others go to the new one.
   * @param onSwitch called in the moment between, with the changes that memory has and the old file lacks
   */
  rotate(open: Rotation["open"], onSwitch: Rotation["onSwitch"]): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    this.#rotation = { open, onSwitch, done: createDeferred() };
    this.#run();
    return this.#rotation.done.promise;
  }

  /** Resolves when everything is on disk and the file is let go. */
  async close(): Promise<void> {
    await this.settled().catch(() => {});
    try {
      if (!this.#failure) await this.#file.disk.datasync();
    } finally {
      await this.#file.disk.close();
    }
  }

  #run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#work();
  }

  async #work(): Promise<void> {
    while (this.#rotation || this.#queue.length > 0) {
      // Not at once: whoever has asked in this turn of the event loop, or asks in what is left of it, shares the flush.
      await setImmediate();
      await (this.#rotation ? this.#switchFile(this.#rotation) : this.#flush());
    }
    this.#isRunning = false;
  }

  async #flush(): Promise<void> {
    const batch = this.#queue;
    this.#flushing = batch;
    this.#queue = [];
    let number = this.#transitions;
    const lines = batch.map(({ steps }) => encodeTransition(++number, steps)).join("");
    const bytes = Buffer.from(lines);
    try {
      this.#file.disk.write(bytes);
    } catch (error) {
      return this.#takeBack(error, false);
    }
    try {
      if (batch.some(({ isDurable }) => isDurable)) await this.#file.disk.datasync();
    } catch (error) {
      return this.#takeBack(error, true);
    }
    this.#transitions = number;
    this.#size += bytes.length;
    this.#flushing = [];
    for (const { written } of batch) written.resolve();
    this.#events.onFlush();
  }

  /**
   * Undo at once, reject when the file is cut: the rejected lines must not come back with the next start, whatever part
   * of them was written.
   */
  async #takeBack(error: unknown, isFinal: boolean): Promise<void> {
    const lost = this.#undoPending();
    if (isFinal) this.#failure = stopped(this.#file.path, error);
    try {
      await this.#file.disk.truncate(this.#size);
      await this.#file.disk.datasync();
    } catch (cutError) {
      this.#failure ??= stopped(this.#file.path, cutError);
    }
    const reason = this.#failure ?? notWritten(this.#file.path, error);
    if (this.#failure) {
      lost.push(...this.#undoPending());
      this.#rotation?.done.reject(reason);
      this.#rotation = undefined;
    }
    for (const { written } of lost) written.reject(reason);
    this.#events.onFailure(reason);
  }

  #undoPending(): Pending[] {
    const lost = [...this.#flushing, ...this.#queue];
    this.#flushing = [];
    this.#queue = [];
    this.#events.onRollback(lost.flatMap(({ changes }) => changes));
    return lost;
  }

  async #switchFile(rotation: Rotation): Promise<void> {
    try {
      await this.#file.disk.datasync();
    } catch (error) {
      return this.#takeBack(error, true);
    }
    this.#rotation = undefined;
    const old = this.#file.disk;
    try {
      this.#file = await rotation.open();
    } catch (error) {
      return rotation.done.reject(error);
    }
    this.#size = this.#file.size;
    this.#transitions = this.#file.transitions;
    rotation.onSwitch(this.#queue.flatMap(({ changes }) => changes));
    await old.close().catch(() => {});
    rotation.done.resolve();
  }
}

function notWritten(path: string, cause: unknown): UserError {
  return new UserError(`Cannot write ${path}: ${messageOf(cause)}`, {
    hint: "The change was not made. Make room on the disk; the gateway tries again with the next change.",
    cause,
  });
}

function stopped(path: string, cause: unknown): UserError {
  return new UserError(`The store has stopped, because ${path} failed: ${messageOf(cause)}`, {
    hint: "Check the disk, then restart the gateway.",
    cause,
  });
}

function createDeferred(): Deferred {
  let resolve!: Deferred["resolve"];
  let reject!: Deferred["reject"];
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
