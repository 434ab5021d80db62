import {
  appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync,
  truncateSync, unlinkSync, writeFileSync,
} from "node:fs"; // prettier-ignore
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import { UserError } from "../../../../src/errors.ts";
import { client } from "../../../contract/store-records.ts";
import { createStateDirectory, type StateDirectory } from "./opened-directory.ts";

const SNAPSHOT = "gateway.json";
const JOURNAL = "gateway.json.journal.2";

/** Clients a, b and c in the snapshot, d and e in the journal, as a killed gateway leaves them. */
async function createUsedDirectory(): Promise<StateDirectory> {
  const directory = createStateDirectory();
  const first = await directory.open();
  for (const id of ["a", "b", "c"]) await first.put("client", id, client(id));
  await first.close();
  const second = await directory.open();
  for (const id of ["d", "e"]) await second.put("client", id, client(id));
  return directory.crashImage();
}

async function idsIn(directory: StateDirectory): Promise<string[]> {
  const store = await directory.open();
  return (await store.list("client")).items.map(({ id }) => id);
}

/** Opening fails with one sentence that names the file, a next step, and nothing on disk was touched. */
async function expectRefusal(directory: StateDirectory, file: string, what: RegExp): Promise<void> {
  const before = directory.files();
  const error = await directory.open().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  const { message, hint } = error as UserError;
  expect(message).toContain(directory.file(file));
  expect(message).toMatch(what);
  expect(hint).toMatch(/backup|version/);
  expect(directory.files()).toEqual(before);
}

function flipBit(path: string, at: number, bit = 0): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 1 << bit;
  writeFileSync(path, bytes);
}

describe("opening a store that was killed", () => {
  it("replays the journal over the snapshot", async () => {
    expect(await idsIn(await createUsedDirectory())).toEqual(["a", "b", "c", "d", "e"]);
  });

  it("drops a torn last line, says so, and goes on after it", async () => {
    const directory = await createUsedDirectory();
    const whole = statSync(directory.file(JOURNAL)).size;
    const line = readFileSync(directory.file(JOURNAL), "utf8").split("\n").at(-2)!;
    for (const cut of [1, 2, line.length - 17, line.length - 3, line.length]) {
      const torn = directory.crashImage();
      truncateSync(torn.file(JOURNAL), whole - cut);
      const store = await torn.open();
      expect((await store.list("client")).items.map(({ id }) => id)).toEqual(["a", "b", "c", "d"]);
      expect(torn.logged).toMatchObject([{ level: 40, file: torn.file(JOURNAL) }]);
      await store.put("client", "f", client("f"));
      expect(await idsIn(torn.crashImage())).toEqual(["a", "b", "c", "d", "f"]);
    }
  });

  it("removes drafts that a kill left behind", async () => {
    const directory = await createUsedDirectory();
    for (const name of [`${SNAPSHOT}.tmp`, "gateway.json.journal.3.tmp"]) {
      writeFileSync(directory.file(name), '{"format":"mcp-gat');
    }
    expect(await idsIn(directory)).toHaveLength(5);
    expect(directory.files()).toEqual([SNAPSHOT, JOURNAL, "gateway.lock"]);
  });

  it("survives a kill between the new journal and the new snapshot", async () => {
    const directory = await createUsedDirectory();
    const header = frame('{"format":"mcp-gateway journal","version":1,"generation":3}');
    writeFileSync(directory.file("gateway.json.journal.3"), header);
    const written = directory.crashImage();
    expect(await idsIn(directory)).toEqual(["a", "b", "c", "d", "e"]);
    appendFileSync(written.file("gateway.json.journal.3"), frame('[1,[["delete","client","d"]]]'));
    const store = await written.open();
    await store.put("client", "f", client("f"));
    expect(await idsIn(written.crashImage())).toEqual(["a", "b", "c", "e", "f"]);
    await store.close();
    expect(written.files()).toEqual([SNAPSHOT, "gateway.json.journal.4"]);
    expect(await idsIn(written)).toEqual(["a", "b", "c", "e", "f"]);
  });

  it("survives a kill between the new snapshot and the removal of the old journal (ST-02)", async () => {
    const directory = await createUsedDirectory();
    const old = directory.crashImage();
    const store = await directory.open();
    await store.delete("client", "a");
    await store.close();
    const image = directory.crashImage();
    copyFileSync(old.file(JOURNAL), image.file(JOURNAL));
    expect(await idsIn(image)).toEqual(["b", "c", "d", "e"]);
    expect(existsSync(image.file(JOURNAL))).toBe(false);
  });

  it("begins anew when the very first start was killed before its snapshot", async () => {
    const directory = createStateDirectory();
    await directory.open();
    const image = directory.crashImage();
    unlinkSync(image.file(SNAPSHOT));
    expect(await idsIn(image)).toEqual([]);
  });
});

describe("opening a store with a damaged file", () => {
  it("refuses any flipped bit in the journal (ST-04)", async () => {
    const directory = await createUsedDirectory();
    const { size } = statSync(directory.file(JOURNAL));
    for (let at = 0; at < size; at += 7) {
      const image = directory.crashImage();
      flipBit(image.file(JOURNAL), at, at % 8);
      await expectRefusal(image, JOURNAL, /damaged|not a journal|schema version|generation/);
    }
    flipBit(directory.file(JOURNAL), size - 1);
    await expectRefusal(directory, JOURNAL, /damaged/);
  });

  it("refuses any flipped bit in the snapshot (ST-04)", async () => {
    const directory = await createUsedDirectory();
    const { size } = statSync(directory.file(SNAPSHOT));
    for (let at = 0; at < size; at += 7) {
      const image = directory.crashImage();
      flipBit(image.file(SNAPSHOT), at, at % 8);
      await expectRefusal(image, SNAPSHOT, /damaged|not the store|schema version/);
    }
  });

  it.each<[string, string, RegExp, (path: string, directory: StateDirectory) => void]>([
    ["an empty snapshot", SNAPSHOT, /is empty/, (path) => truncateSync(path, 0)],
    ["a cut snapshot", SNAPSHOT, /cut off/, (path) => truncateSync(path, statSync(path).size - 20)],
    ["a snapshot that is an array", SNAPSHOT, /not an object/, (path) => writeFileSync(path, "[]")],
    ["a snapshot that is null", SNAPSHOT, /not an object/, (path) => writeFileSync(path, "null")],
    ["foreign JSON", SNAPSHOT, /not the store of a gateway/, (path) => writeFileSync(path, '{"a":1}')],
    ["no JSON at all", SNAPSHOT, /not JSON/, (path) => writeFileSync(path, "hello")],
    ["an edited snapshot", SNAPSHOT, /checksum/, (path) =>
      writeFileSync(path, readFileSync(path, "utf8").replace("registration", "command"))],
    ["a snapshot of another schema", SNAPSHOT, /schema version 2/, (path) =>
      writeFileSync(path, readFileSync(path, "utf8").replace('"version":1', '"version":2'))],
    ["a missing snapshot", SNAPSHOT, /is missing/, unlinkSync],
    ["a directory for a snapshot", SNAPSHOT, /directory/, replaceByDirectory],
    ["a link for a snapshot", SNAPSHOT, /symbolic link/, replaceByLink],
    ["an empty journal", JOURNAL, /is empty/, (path) => truncateSync(path, 0)],
    ["a journal cut inside its header", JOURNAL, /no header/, (path) => truncateSync(path, 10)],
    ["a missing journal", JOURNAL, /is missing/, unlinkSync],
    ["a foreign journal", JOURNAL, /not a journal/, (path) => writeFileSync(path, "hello\n")],
    ["a directory for a journal", JOURNAL, /directory/, replaceByDirectory],
    ["a link for a journal", JOURNAL, /symbolic link/, replaceByLink],
    ["a journal without one of its lines", JOURNAL, /damaged in line 2/, (path) => {
      const lines = readFileSync(path, "utf8").split("\n");
      writeFileSync(path, [lines[0], ...lines.slice(2)].join("\n"));
    }],
    ["a line behind the torn one", JOURNAL, /damaged in line 4/, (path) =>
      appendFileSync(path, "00000\n")],
    ["a journal of another schema", JOURNAL, /schema version 9/, (path) =>
      writeFileSync(path, frame('{"format":"mcp-gateway journal","version":9,"generation":2}'))],
    ["a record of an unknown kind", JOURNAL, /damaged in line 4/, (path) =>
      appendFileSync(path, frame('[3,[["put","spaceship","x",null,{}]]]'))],
    ["a renamed journal", "gateway.json.journal.3", /generation 2/, (path, directory) =>
      copyFileSync(directory.file(JOURNAL), path)],
    ["a gap in the journals", "gateway.json.journal.3", /is missing/, (_path, directory) =>
      copyFileSync(directory.file(JOURNAL), directory.file("gateway.json.journal.4"))],
  ])("refuses %s", async (_name, file, what, damage) => {
    const directory = await createUsedDirectory();
    damage(directory.file(file), directory);
    await expectRefusal(directory, file, what);
  }); // prettier-ignore

  it("refuses a cut journal when a later one goes on", async () => {
    const directory = await createUsedDirectory();
    truncateSync(directory.file(JOURNAL), statSync(directory.file(JOURNAL)).size - 5);
    writeFileSync(
      directory.file("gateway.json.journal.3"),
      frame('{"format":"mcp-gateway journal","version":1,"generation":3}') +
        frame('[1,[["delete","client","a"]]]'),
    );
    await expectRefusal(directory, JOURNAL, /cut off/);
  });

  it("lets the lock go, so that the next try is not told of another gateway", async () => {
    const directory = await createUsedDirectory();
    const bytes = readFileSync(directory.file(SNAPSHOT));
    truncateSync(directory.file(SNAPSHOT), 0);
    await expectRefusal(directory, SNAPSHOT, /is empty/);
    writeFileSync(directory.file(SNAPSHOT), bytes);
    expect(await idsIn(directory)).toHaveLength(5);
  });
});

describe("the files of a store", () => {
  it.each([0o000, 0o077, 0o777])("are private under umask %o", async (umask) => {
    const before = process.umask(umask);
    try {
      const directory = createStateDirectory();
      rmSync(directory.path, { recursive: true });
      const store = await directory.open({ compactAfter: 1 });
      await store.put("client", "a", client("a"));
      await store.put("client", "b", client("b"));
      const modes = directory.files().map((name) => statSync(directory.file(name)).mode & 0o777);
      expect(modes.length).toBeGreaterThanOrEqual(3);
      expect(new Set(modes)).toEqual(new Set([0o600]));
      expect(statSync(directory.path).mode & 0o777).toBe(0o700);
    } finally {
      process.umask(before);
    }
  });
});

function replaceByDirectory(path: string): void {
  unlinkSync(path);
  mkdirSync(path);
}

function replaceByLink(path: string): void {
  const target = join(dirname(path), "elsewhere");
  renameSync(path, target);
  symlinkSync(target, path);
}

/** A journal line, from the description of the format and not from the code that writes it. */
function frame(json: string): string {
  return `${hex(Buffer.byteLength(json))} ${hex(crc32(json))} ${json}\n`;
}

function hex(number: number): string {
  return number.toString(16).padStart(8, "0");
}
