import { setImmediate } from "node:timers/promises";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { UserError } from "../../../../src/errors.ts";
import { JournalDisk } from "../../../../src/server/store/journal-disk.ts";
import { Journal } from "../../../../src/server/store/journal.ts";
import type { Change } from "../../../../src/server/store/memory-state.ts";

interface Faults {
  /** Bytes that still fit; then ENOSPC, as on a full disk. */
  room: number;
  sync: boolean;
  truncate: boolean;
  onTruncate: () => void;
}

/** A real file behind a disk that fails when told. */
async function openFaultyJournal() {
  const directory = mkdtempSync(join(tmpdir(), "gateway-journal-"));
  const path = join(directory, "journal");
  const real = new JournalDisk(await open(path, "ax", 0o600));
  const faults: Faults = { room: Infinity, sync: false, truncate: false, onTruncate: () => {} };
  const calls: string[] = [];
  const disk = {
    write(bytes: Buffer) {
      calls.push("write");
      // A full disk takes what fits; only the write of the rest fails.
      real.write(bytes.subarray(0, faults.room));
      if (bytes.length > faults.room) throw new Error("ENOSPC: no space left on device");
      faults.room -= bytes.length;
    },
    async datasync() {
      calls.push("sync");
      if (faults.sync) throw new Error("EIO: i/o error");
      return real.datasync();
    },
    async truncate(size: number) {
      calls.push("truncate");
      faults.onTruncate();
      if (faults.truncate) throw new Error("EIO: i/o error");
      return real.truncate(size);
    },
    close: () => real.close(),
  } as JournalDisk;
  const undone: string[] = [];
  const journal = new Journal(
    { path, disk, size: 0, transitions: 0 },
    {
      onRollback: (changes) => undone.push(...changes.map(({ id }) => id)),
      onFlush: () => {},
      onFailure: () => {},
    },
  );
  onTestFinished(async () => {
    await journal.close().catch(() => {});
    rmSync(directory, { recursive: true });
  });
  const append = (id: string, isDurable = true): Promise<void> =>
    journal.append(JSON.stringify(id), [change(id)], isDurable);
  return { journal, append, faults, calls, undone, content: () => readFileSync(path, "utf8") };
}

const change = (id: string): Change => ({
  kind: "client",
  id,
  before: undefined,
  after: undefined,
});

const entriesIn = (content: string): unknown[] =>
  content
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line.slice(18)) as unknown);

it("writes and syncs once for all that came in the same turn", async () => {
  const { append, calls, content } = await openFaultyJournal();
  await Promise.all(Array.from({ length: 200 }, (_, at) => append(`${at}`)));
  expect(calls).toEqual(["write", "sync"]);
  expect(entriesIn(content())).toHaveLength(200);
});

it("lets those who come during a flush share the next one, in their order", async () => {
  const { append, calls, content } = await openFaultyJournal();
  const first = append("a");
  await setImmediate(); // the flush of the first has begun
  const others = [append("b"), append("c")];
  await first;
  await Promise.all(others);
  expect(calls).toEqual(["write", "sync", "write", "sync"]);
  expect(entriesIn(content())).toEqual([[1, "a"], [2, "b"], [3, "c"]]); // prettier-ignore
});

it("does not sync for lazy changes alone, and syncs them with the next durable one", async () => {
  const { append, calls } = await openFaultyJournal();
  await append("a", false);
  expect(calls).toEqual(["write"]);
  await Promise.all([append("b", false), append("c")]);
  expect(calls).toEqual(["write", "write", "sync"]);
});

it("rejects and undoes everything pending when the disk is full, and leaves no trace of it", async () => {
  const { journal, append, faults, undone, content } = await openFaultyJournal();
  await append("kept");
  const before = content();
  faults.room = 10;
  const flushing = append("a");
  await Promise.resolve();
  const queued = append("b");
  const settled = journal.settled();
  for (const lost of [flushing, queued, settled]) {
    await expect(lost).rejects.toThrow(/Cannot write .*ENOSPC/);
    await expect(lost).rejects.toBeInstanceOf(UserError);
  }
  expect(undone).toEqual(["a", "b"]);
  expect(content()).toBe(before);
});

it("goes on after a full disk has room again, with no gap in its numbers", async () => {
  const { journal, append, faults, content } = await openFaultyJournal();
  await append("a");
  faults.room = 0;
  await expect(append("b")).rejects.toThrow(/ENOSPC/);
  faults.room = Infinity;
  await append("c");
  expect(journal.failure).toBeUndefined();
  expect(entriesIn(content())).toEqual([[1, "a"], [2, "c"]]); // prettier-ignore
});

it("stops for good when a sync fails, because nobody knows what the disk holds (ST-06)", async () => {
  const { journal, append, faults, undone, content } = await openFaultyJournal();
  await append("a");
  faults.sync = true;
  await expect(append("b")).rejects.toThrow(/has stopped.*EIO/);
  faults.sync = false;
  expect(journal.failure).toBeInstanceOf(UserError);
  expect(undone).toEqual(["b"]);
  expect(entriesIn(content())).toEqual([[1, "a"]]);
  await expect(journal.rotate(() => Promise.reject(new Error("never")), () => {})).rejects.toThrow(/stopped/); // prettier-ignore
});

it("stops for good when the rejected part cannot be cut off, and undoes what came meanwhile", async () => {
  const { journal, append, faults, undone } = await openFaultyJournal();
  faults.room = 10;
  faults.truncate = true;
  let meanwhile: Promise<void> | undefined;
  faults.onTruncate = () => {
    meanwhile = append("b");
  };
  await expect(append("a")).rejects.toThrow(/has stopped/);
  await expect(meanwhile).rejects.toThrow(/has stopped/);
  await expect(append("c")).rejects.toThrow(/has stopped/);
  expect(journal.failure).toBeInstanceOf(UserError);
  expect(undone).toEqual(["a", "b", "c"]);
});

it("goes on in the old file when the new one cannot be made", async () => {
  const { journal, append, content } = await openFaultyJournal();
  await append("a");
  const rotated = journal.rotate(() => Promise.reject(new Error("EACCES")), () => {}); // prettier-ignore
  await expect(rotated).rejects.toThrow("EACCES");
  await append("b");
  expect(entriesIn(content())).toEqual([[1, "a"], [2, "b"]]); // prettier-ignore
});
