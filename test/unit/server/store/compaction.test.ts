import { mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Store } from "../../../../src/server/store/store.ts";
import { accessToken, client } from "../../../contract/store-records.ts";
import { createStateDirectory, type StateDirectory } from "./opened-directory.ts";

const generationIn = (directory: StateDirectory): number =>
  (JSON.parse(readFileSync(directory.file("gateway.json"), "utf8")) as { generation: number })
    .generation;

const idsIn = async (store: Store): Promise<string[]> =>
  (await store.list("client")).items.map(({ id }) => id);

describe("taking snapshots while the store is in use", () => {
  it("loses nothing that was confirmed, whenever the process is killed", async () => {
    const directory = createStateDirectory();
    const store = await directory.open({ compactAfter: 2000 });
    const confirmed = new Set<string>();
    const deleted = new Set<string>();
    await Promise.all(
      Array.from({ length: 8 }, async (_, lane) => {
        for (let at = 0; at < 60; at++) {
          const id = `${lane}/${at}`;
          await store.put("client", id, client(id));
          confirmed.add(id);
          if (at % 3 !== 0) continue;
          confirmed.delete(id);
          await store.delete("client", id);
          deleted.add(id);
        }
      }),
    );
    expect(generationIn(directory)).toBeGreaterThan(5);
    const ids = await idsIn(await directory.crashImage().open());
    expect(ids).toEqual([...confirmed].toSorted());
    expect(ids.filter((id) => deleted.has(id))).toEqual([]);
  });

  it("keeps what is written meanwhile out of the snapshot and in the new journal", async () => {
    const directory = createStateDirectory();
    const store = await directory.open({ compactAfter: 1 });
    await store.put("client", "a", client("a"));
    // The snapshot has begun; these come during it.
    await Promise.all([store.put("client", "b", client("b")), store.delete("client", "a")]);
    expect(await idsIn(await directory.crashImage().open())).toEqual(["b"]);
    await store.close();
    expect(await idsIn(await directory.open())).toEqual(["b"]);
  });

  it("leaves one snapshot and one empty journal behind when it closes", async () => {
    const directory = createStateDirectory();
    const store = await directory.open();
    await store.put("client", "a", client("a"));
    await store.close();
    expect(directory.files()).toEqual(["gateway.json", "gateway.json.journal.2"]);
    expect(readFileSync(directory.file("gateway.json.journal.2"), "utf8").split("\n")).toHaveLength(
      2,
    );
    await (await directory.open()).close();
    // Nothing was written, so nothing is written anew.
    expect(directory.files()).toEqual(["gateway.json", "gateway.json.journal.2"]);
  });

  it("goes on, says so, and tries again later when a snapshot cannot be written", async () => {
    const directory = createStateDirectory();
    const store = await directory.open({ compactAfter: 1 });
    // A directory in the way of the draft makes real errors without a full disk.
    mkdirSync(directory.file("gateway.json.tmp"));
    await store.put("client", "a", client("a"));
    await store.put("client", "b", client("b"));
    await expect.poll(() => directory.logged.length).toBe(1);
    expect(directory.logged[0]).toMatchObject({
      level: 50,
      msg: "the store could not write a snapshot",
    });
    expect(await idsIn(store)).toEqual(["a", "b"]);
    rmSync(directory.file("gateway.json.tmp"), { recursive: true });
    expect(await idsIn(await directory.crashImage().open())).toEqual(["a", "b"]);
    directory.clock.advance(61);
    await store.put("client", "c", client("c"));
    await store.close();
    expect(directory.files().filter((name) => name.includes("journal"))).toHaveLength(1);
    expect(await idsIn(await directory.open())).toEqual(["a", "b", "c"]);
  });

  it("keeps the files small: expired records are not written again", async () => {
    const directory = createStateDirectory();
    const store = await directory.open();
    const tokens = Array.from({ length: 500 }, (_, at) =>
      store.put("accessToken", `${at}`, accessToken(), 60),
    );
    await Promise.all(tokens);
    directory.clock.advance(60);
    await store.put("client", "a", client("a"));
    await store.close();
    expect(statSync(directory.file("gateway.json")).size).toBeLessThan(1000);
  });

  it("does not hold the event loop while it writes 10 000 records", async () => {
    const directory = createStateDirectory();
    const store = await directory.open();
    for (let at = 0; at < 10; at++) {
      const tokens = Array.from({ length: 1000 }, (_, each) =>
        store.put("accessToken", `${at}/${each}`, accessToken({ grantId: `${at}` })),
      );
      await Promise.all(tokens);
    }
    let longest = 0;
    let isOver = false;
    let last = performance.now();
    const watch = (): void => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
      if (!isOver) setImmediate(watch);
    };
    watch();
    await store.close();
    isOver = true;
    // 30 ms is the goal and test/bench measures it; this bound leaves room for a busy machine.
    expect(longest).toBeLessThan(100);
  });
});
