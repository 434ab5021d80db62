import { rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it, vi, type MockInstance } from "vitest";
import { UserError } from "../../../../src/errors.ts";
import { JournalDisk } from "../../../../src/server/store/journal-disk.ts";
import { KINDS } from "../../../../src/server/store/memory-state.ts";
import type { Store } from "../../../../src/server/store/store.ts";
import { accessToken, client, grant, interaction } from "../../../contract/store-records.ts";
import { createStateDirectory } from "./opened-directory.ts";

let write: MockInstance<JournalDisk["write"]>;
let datasync: MockInstance<JournalDisk["datasync"]>;
beforeEach(() => {
  write = vi.spyOn(JournalDisk.prototype, "write");
  datasync = vi.spyOn(JournalDisk.prototype, "datasync");
});
afterEach(() => vi.restoreAllMocks());

const fullDisk = (): never => {
  throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
};
const inputOutput = Object.assign(new Error("EIO: i/o error"), { code: "EIO" });

async function everythingIn(store: Store): Promise<unknown> {
  const all = await Promise.all(KINDS.map((kind) => store.list(kind)));
  const owned = await store.list("accessToken", { where: { grantId: "g" } });
  return [...all, owned];
}

describe("a full disk", () => {
  it("rejects every change, leaves memory and disk as they were, and is over when there is room", async () => {
    const directory = createStateDirectory();
    const store = await directory.open();
    await store.put("client", "a", client("a"));
    await store.put("grant", "g", grant("g", "a"));
    await store.put("accessToken", "t", accessToken({ grantId: "g" }), 60);
    const before = await everythingIn(store);
    const changes = [
      () => store.put("client", "b", client("b")),
      () => store.put("client", "a", client("b")),
      () => store.take("accessToken", "t"),
      () => store.delete("grant", "g"),
      () => store.replace("client", "a", client("a"), client("b")),
      () => store.deleteGrant("g"),
      () =>
        store.transact([
          { type: "put", kind: "client", id: "c", record: client("c") },
          { type: "deleteGrant", grantId: "g" },
        ]),
    ];
    for (const change of changes) {
      write.mockImplementationOnce(fullDisk);
      const error = await change().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(UserError);
      expect((error as UserError).message).toMatch(/ENOSPC/);
      expect(await everythingIn(store)).toEqual(before);
    }
    expect(directory.logged).toHaveLength(changes.length);
    await store.put("client", "z", client("z"));
    const image = await directory.crashImage().open();
    expect((await image.list("client")).items.map(({ id }) => id)).toEqual(["a", "z"]);
    expect(await image.get("accessToken", "t")).toBeDefined();
  });

  it("takes back what was decided on a change that is taken back", async () => {
    const store = await createStateDirectory().open();
    await store.put("client", "a", client("a"));
    write.mockImplementationOnce(fullDisk);
    const answers = await Promise.allSettled([
      store.take("client", "a"),
      store.take("client", "a"),
      store.delete("client", "a"),
      store.put("client", "a", client("b")),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(Array(4).fill("rejected"));
    expect(await store.get("client", "a")).toEqual(client("a"));
  });
});

describe("a disk that fails", () => {
  it("stops the store for good, and the rejected change is not there after a restart", async () => {
    const directory = createStateDirectory();
    const store = await directory.open();
    await store.put("client", "a", client("a"));
    datasync.mockRejectedValueOnce(inputOutput);
    await expect(store.put("client", "b", client("b"))).rejects.toThrow(/has stopped.*EIO/);
    await expect(store.get("client", "a")).rejects.toThrow(/has stopped/);
    await expect(store.put("client", "c", client("c"))).rejects.toThrow(/has stopped/);
    await store.close();
    const next = await directory.open();
    expect((await next.list("client")).items.map(({ id }) => id)).toEqual(["a"]);
  });
});

describe("waiting for the disk", () => {
  it("makes a durable change wait for the sync, and a lazy one not", async () => {
    const store = await createStateDirectory().open();
    let sync: (() => void) | undefined;
    datasync.mockImplementationOnce(() => new Promise((resolve) => (sync = resolve)));
    const done: string[] = [];
    const durable = store.put("client", "a", client("a")).then(() => done.push("durable"));
    const lost = store.take("accessToken", "none").then(() => done.push("negative answer"));
    await store.put("interaction", "i", interaction());
    await store.get("client", "a");
    await vi.waitFor(() => expect(sync).toBeDefined());
    expect(done).toEqual([]);
    sync!();
    await Promise.all([durable, lost]);
    expect(done.toSorted()).toEqual(["durable", "negative answer"]);
  });
});

describe("the sweep", () => {
  it("lets go of expired records without being asked, so that a clock set back does not revive them", async () => {
    const directory = createStateDirectory();
    const store = await directory.open();
    await store.put("accessToken", "t", accessToken(), 30);
    directory.clock.advance(61);
    directory.clock.advance(-61);
    expect(await store.get("accessToken", "t")).toBeUndefined();
    await store.close();
    directory.clock.advance(1000);
  });
});

it("tells the operator when the state directory cannot be used (ST-06)", async () => {
  const directory = createStateDirectory();
  rmSync(directory.path, { recursive: true });
  writeFileSync(directory.path, "");
  await expect(directory.open()).rejects.toBeInstanceOf(UserError);
});
