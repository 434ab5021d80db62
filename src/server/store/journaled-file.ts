/**
 * lowdb's adapter: a snapshot and the journals that go on from it.
 *
 *   gateway.json             snapshot of generation g: the state before the first line of journal g
 *   gateway.json.journal.g   transitions since; g+1, g+2, ... while a snapshot is being written or could not be
 *
 * A snapshot is taken in steps, and between any two of them the files on disk yield the whole state:
 *
 *   1. create journal g+1, switch to it, copy the tables as they are at that moment
 *   2. write the snapshot of generation g+1 beside the old one, fsync, rename over it, fsync the directory
 *   3. delete the journals before g+1
 *
 * Before 2 the old snapshot and both journals count, after 2 the old journal is only rubbish. So where there is a snapshot
 * there is its journal, and one without the other is damage.
 */
import { constants } from "node:fs";
import { readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Adapter } from "lowdb";
import type { Clock } from "../../clock.ts";
import type { Log } from "../../log.ts";
import { damagedFile } from "../../files/damage.ts";
import { encodeHeader, replayJournal } from "./journal-format.ts";
import { JournalDisk } from "./journal-disk.ts";
import { Journal, type JournalEvents, type JournalFile } from "./journal.ts";
import { MemoryState, type Tables } from "./memory-state.ts";
import {
  createFile, openFile, readFileIfAny, replaceFile, syncDirectory, writeAll,
} from "../../files/private-file.ts"; // prettier-ignore
import { decodeSnapshot, encodeSnapshot } from "./snapshot-format.ts";

const FIRST_GENERATION = 1;

export class JournaledFile implements Adapter<MemoryState> {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #events: JournalEvents;
  #journal: Journal | undefined;
  #generation = FIRST_GENERATION;
  /** Bytes of journals that the snapshot on disk does not contain yet, the current one not counted. */
  #carried = 0;
  #snapshotSize = 0; // bytes

  /** @param path of the snapshot */
  constructor(path: string, context: { clock: Clock; log: Log; events: JournalEvents }) {
    this.#path = path;
    this.#clock = context.clock;
    this.#log = context.log;
    this.#events = context.events;
  }

  /** Only after `read`. */
  get journal(): Journal {
    return this.#journal!;
  }

  /** Bytes a start would have to replay. */
  get journalSize(): number {
    return this.#carried + this.journal.size;
  }

  get snapshotSize(): number {
    return this.#snapshotSize;
  }

  /**
   * @returns null when there is no store yet; then one was made
   * @throws UserError when a file is damaged or missing
   */
  async read(): Promise<MemoryState | null> {
    await rm(`${this.#path}.tmp`, { force: true });
    const generations = await this.#findJournals();
    const bytes = await readFileIfAny(this.#path);
    if (!bytes) return this.#create(generations);
    this.#snapshotSize = bytes.length;
    const { state, generation } = decodeSnapshot(this.#path, bytes);
    await this.#removeJournals(generations.filter((number) => number < generation));
    const live = generations.filter((number) => number >= generation);
    for (let at = 0; at < Math.max(1, live.length); at++) {
      if (live[at] === generation + at) continue;
      throw damagedFile(
        this.#journalPath(generation + at),
        "is missing: without it changes are lost that were already confirmed",
      );
    }
    await this.#replay(live, state);
    return state;
  }

  /** Take a snapshot of `state` while it goes on changing. */
  async write(state: MemoryState): Promise<void> {
    const next = this.#generation + 1;
    const old = this.journal.size;
    let tables: Tables | undefined;
    await this.journal.rotate(
      () => this.#createJournal(next),
      (pending) => {
        tables = state.copyBefore(pending);
        this.#generation = next;
        this.#carried += old;
      },
    );
    await this.#writeSnapshot(tables!, next);
    this.#carried = 0;
    await this.#removeJournals((await this.#findJournals()).filter((number) => number < next));
  }

  async #create(generations: number[]): Promise<null> {
    for (const number of generations) {
      // A header alone is what a kill during the very first start leaves.
      const path = this.#journalPath(number);
      const { transitions } = replayJournal(
        path,
        number,
        (await readFileIfAny(path))!,
        new MemoryState(),
      );
      if (number !== FIRST_GENERATION || transitions > 0) {
        throw damagedFile(this.#path, `is missing, but ${path} is there`);
      }
    }
    const file = await this.#createJournal(FIRST_GENERATION);
    this.#journal = new Journal(file, this.#events);
    try {
      await this.#writeSnapshot(new Map(), FIRST_GENERATION);
    } catch (error) {
      await this.#journal.close();
      throw error;
    }
    return null;
  }

  async #replay(generations: readonly number[], state: MemoryState): Promise<void> {
    let torn: { path: string; bytes: number; size: number } | undefined;
    let last = { path: "", transitions: 0, size: 0 };
    for (const generation of generations) {
      const path = this.#journalPath(generation);
      const bytes = (await readFileIfAny(path))!;
      const { transitions, size } = replayJournal(path, generation, bytes, state);
      // A crash tears the last line that was written, so nothing can stand behind it.
      if (torn && transitions > 0) throw damagedFile(torn.path, "is cut off");
      if (size < bytes.length) torn = { path, bytes: bytes.length - size, size };
      this.#carried += last.size;
      last = { path, transitions, size };
      this.#generation = generation;
    }
    if (torn) await this.#cut(torn);
    this.#journal = new Journal({ ...last, disk: await openDisk(last.path) }, this.#events);
  }

  async #cut(torn: { path: string; bytes: number; size: number }): Promise<void> {
    const file = (await openFile(torn.path, constants.O_WRONLY))!;
    try {
      await file.truncate(torn.size);
      await file.sync();
    } finally {
      await file.close();
    }
    this.#log.warn(
      { file: torn.path, bytes: torn.bytes },
      "the journal ended in the middle of a line, as after a crash; that unconfirmed change was dropped",
    );
  }

  async #createJournal(generation: number): Promise<JournalFile> {
    const path = this.#journalPath(generation);
    const header = Buffer.from(encodeHeader(generation));
    await rm(`${path}.tmp`, { force: true });
    const file = await createFile(`${path}.tmp`);
    try {
      await writeAll(file, header);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.tmp`, path);
    await syncDirectory(dirname(path));
    return { path, disk: await openDisk(path), size: header.length, transitions: 0 };
  }

  async #writeSnapshot(tables: Tables, generation: number): Promise<void> {
    const chunks = encodeSnapshot(tables, generation, this.#clock.now());
    this.#snapshotSize = await replaceFile(this.#path, chunks);
  }

  #journalPath(generation: number): string {
    return `${this.#path}.journal.${generation}`;
  }

  /** Generations for which there is a journal, ascending; drafts of journals are removed. */
  async #findJournals(): Promise<number[]> {
    const prefix = `${basename(this.#path)}.journal.`;
    const generations: number[] = [];
    for (const name of await readdir(dirname(this.#path))) {
      if (!name.startsWith(prefix)) continue;
      const number = name.slice(prefix.length);
      if (/^[1-9]\d*$/.test(number)) generations.push(Number(number));
      else if (/^\d+\.tmp$/.test(number)) await rm(join(dirname(this.#path), name));
    }
    return generations.sort((a, b) => a - b);
  }

  async #removeJournals(generations: readonly number[]): Promise<void> {
    for (const generation of generations) await rm(this.#journalPath(generation), { force: true });
  }
}

async function openDisk(path: string): Promise<JournalDisk> {
  return new JournalDisk((await openFile(path, constants.O_WRONLY | constants.O_APPEND))!);
}
