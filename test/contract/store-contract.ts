/**
 * What any store must do, sentence by sentence of src/server/store/store.ts. Time moves only through `advance`, which may
 * take its time: a store that lives elsewhere has to tell that elsewhere.
 */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../src/server/store/store.ts";
import { accessToken, client, grant, interaction, refreshToken } from "./store-records.ts";
import { runAgainstModel, storeCommands } from "./store-model.ts";

export interface OpenedStore {
  readonly store: Store;
  advance(seconds: number): Promise<void>;
  /** Close and open again on the same data; the time goes on. */
  reopen(): Promise<Store>;
  /** Close what is open and remove the data. */
  dispose(): Promise<void>;
}

const ODD_IDS = [
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "",
  "a/b c\n\u0000",
  "k".repeat(10_240),
  "ключ 🔑",
  "\ud800",
];

export function describeStore(name: string, open: () => Promise<OpenedStore>): void {
  describe(`the ${name} store`, () => {
    let opened: OpenedStore;
    let store: Store;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.dispose());

    const reopen = async (): Promise<void> => {
      store = await opened.reopen();
    };

    describe("get and put", () => {
      it("gives back what was put, and undefined for what was not", async () => {
        await store.put("client", "a", client("a"));
        expect(await store.get("client", "a")).toEqual(client("a"));
        expect(await store.get("client", "b")).toBeUndefined();
        expect(await store.get("grant", "a")).toBeUndefined();
      });

      it("replaces the record and its lifetime when the same id is put again", async () => {
        await store.put("client", "a", client("a"), 10);
        await store.put("client", "a", client("b"));
        await opened.advance(11);
        expect(await store.get("client", "a")).toEqual(client("b"));
      });

      it("does not see what the caller does with a record afterwards", async () => {
        const record = client("a");
        await store.put("client", "a", record);
        record.metadata.redirect_uris.push("https://attacker.example/");
        expect(await store.get("client", "a")).toEqual(client("a"));
      });

      it("gives out records that nobody can change", async () => {
        await store.put("client", "a", client("a"));
        const record = (await store.get("client", "a"))!;
        expect(() => record.metadata.redirect_uris.push("https://attacker.example/")).toThrow(
          TypeError,
        );
        expect(() => (record.via = "command")).toThrow(TypeError);
        const [item] = (await store.list("client")).items;
        expect(() => (item!.record.via = "command")).toThrow(TypeError);
        expect(await store.get("client", "a")).toEqual(client("a"));
      });

      it.each(ODD_IDS)("takes any string as an id: %j", async (id) => {
        await store.put("client", id, client(id));
        await store.put("accessToken", id, accessToken({ grantId: id, clientId: id }));
        await reopen();
        expect(await store.get("client", id)).toEqual(client(id));
        const { items } = await store.list("accessToken", { where: { grantId: id } });
        expect(items).toEqual([{ id, record: accessToken({ grantId: id, clientId: id }) }]);
        expect(await store.delete("client", id)).toBe(true);
        expect(await store.get("client", id)).toBeUndefined();
        expect(await store.get("client", "other")).toBeUndefined();
      });

      it("keeps members with odd names and values", async () => {
        const record = client("a");
        record.metadata.client_name = '\u2028 \u0000 "\\ 🔑 \ud800';
        const odd = JSON.parse('{"__proto__":{"x":1},"constructor":2}') as object;
        Object.assign(record.metadata, { odd });
        await store.put("client", "a", record);
        await reopen();
        expect(JSON.stringify(await store.get("client", "a"))).toBe(JSON.stringify(record));
        expect(({} as { x?: number }).x).toBeUndefined();
      });

      it("refuses what is not JSON or no lifetime, and changes nothing", async () => {
        await store.put("client", "a", client("a"));
        await expect(store.put("client", "a", undefined as never)).rejects.toThrow(TypeError);
        await expect(store.put("client", "a", { n: 1n } as never)).rejects.toThrow(TypeError);
        await expect(store.put("client", "a", client("b"), Number.NaN)).rejects.toThrow(RangeError);
        const writes = store.transact([
          { type: "delete", kind: "client", id: "a" },
          { type: "put", kind: "client", id: "b", record: client("b"), ttl: Infinity },
        ]);
        await expect(writes).rejects.toThrow(RangeError);
        expect(await store.get("client", "a")).toEqual(client("a"));
      });
    });

    describe("lifetimes", () => {
      it("ends a record at exactly its ttl, for every call", async () => {
        await store.put("accessToken", "t", accessToken({ grantId: "g" }), 60);
        await opened.advance(59.5);
        expect(await store.get("accessToken", "t")).toBeDefined();
        await opened.advance(0.5);
        expect(await store.get("accessToken", "t")).toBeUndefined();
        expect(await store.take("accessToken", "t")).toBeUndefined();
        expect(await store.delete("accessToken", "t")).toBe(false);
        const record = accessToken({ grantId: "g" });
        expect(await store.replace("accessToken", "t", record, record)).toBe(false);
        expect(await store.list("accessToken")).toEqual({ items: [] });
        expect(await store.deleteGrant("g")).toBe(0);
        const id = "t";
        expect(await store.transact([{ type: "checkExists", kind: "accessToken", id }])).toBe(
          false,
        );
        const seen = undefined;
        expect(await store.transact([{ type: "check", kind: "accessToken", id, seen }])).toBe(true);
      });

      it("ends a record at its ttl across a restart", async () => {
        await store.put("client", "a", client("a"), 60);
        await opened.advance(30);
        await reopen();
        await opened.advance(29.5);
        expect(await store.get("client", "a")).toBeDefined();
        await opened.advance(0.5);
        expect(await store.get("client", "a")).toBeUndefined();
        await reopen();
        expect(await store.get("client", "a")).toBeUndefined();
      });

      it("takes a ttl of nothing or less as already over", async () => {
        await store.put("client", "a", client("a"), 0);
        await store.put("client", "b", client("b"), -5);
        expect((await store.list("client")).items).toEqual([]);
      });

      it("keeps the remaining lifetime on replace and on put with keep", async () => {
        await store.put("client", "a", client("a"), 60);
        await store.put("client", "b", client("b"), 60);
        await opened.advance(30);
        expect(await store.replace("client", "a", client("a"), client("a2"))).toBe(true);
        await store.transact([
          { type: "put", kind: "client", id: "b", record: client("b2"), ttl: "keep" },
          { type: "put", kind: "client", id: "c", record: client("c"), ttl: "keep" },
        ]);
        await opened.advance(29);
        expect((await store.list("client")).items.map(({ id }) => id).toSorted()).toEqual([
          "a",
          "b",
          "c",
        ]);
        await opened.advance(1);
        expect((await store.list("client")).items.map(({ id }) => id)).toEqual(["c"]);
      });

      it("starts a new lifetime when replace is given one", async () => {
        await store.put("client", "a", client("a"), 60);
        await opened.advance(30);
        await store.replace("client", "a", client("a"), client("b"), 60);
        await opened.advance(59);
        expect(await store.get("client", "a")).toEqual(client("b"));
        await opened.advance(1);
        expect(await store.get("client", "a")).toBeUndefined();
      });
    });

    describe("races", () => {
      it("gives a record to exactly one of 50 takers", async () => {
        await store.put("authorizationCode", "c", { ...interaction(), grantId: "g" } as never);
        const taken = await Promise.all(
          Array.from({ length: 50 }, () => store.take("authorizationCode", "c")),
        );
        expect(taken.filter((record) => record !== undefined)).toHaveLength(1);
        expect(await store.get("authorizationCode", "c")).toBeUndefined();
      });

      it("tells exactly one of 50 deleters that there was something", async () => {
        await store.put("client", "a", client("a"));
        const deleted = await Promise.all(
          Array.from({ length: 50 }, () => store.delete("client", "a")),
        );
        expect(deleted.filter(Boolean)).toHaveLength(1);
      });

      it("lets exactly one of 50 replacers win, and keeps the winner's record", async () => {
        const seen = refreshToken("g");
        await store.put("refreshToken", "r", seen);
        const won = await Promise.all(
          Array.from({ length: 50 }, (_, at) =>
            store.replace("refreshToken", "r", seen, { ...seen, rotation: { usedAt: at } }),
          ),
        );
        expect(won.filter(Boolean)).toHaveLength(1);
        const winner = won.indexOf(true);
        expect((await store.get("refreshToken", "r"))?.rotation?.usedAt).toBe(winner);
      });

      it("lets exactly one of 50 transactions with the same check win", async () => {
        const won = await Promise.all(
          Array.from({ length: 50 }, (_, at) =>
            store.transact([
              { type: "check", kind: "client", id: "a", seen: undefined },
              { type: "put", kind: "client", id: "a", record: client(`${at}`) },
              { type: "put", kind: "client", id: `winner ${at}`, record: client(`${at}`) },
            ]),
          ),
        );
        expect(won.filter(Boolean)).toHaveLength(1);
        expect((await store.list("client")).items).toHaveLength(2);
      });
    });

    describe("replace", () => {
      it("refuses when the record is another one or gone", async () => {
        expect(await store.replace("client", "a", client("a"), client("b"))).toBe(false);
        await store.put("client", "a", client("a"));
        expect(await store.replace("client", "a", client("x"), client("b"))).toBe(false);
        expect(await store.get("client", "a")).toEqual(client("a"));
      });

      it("compares by content, whatever the order of members, and accepts what get returned", async () => {
        await store.put("client", "a", client("a"));
        const reversed = Object.fromEntries(Object.entries(client("a")).toReversed());
        expect(await store.replace("client", "a", reversed as never, client("b"))).toBe(true);
        const seen = (await store.get("client", "a"))!;
        expect(await store.replace("client", "a", seen, client("c"))).toBe(true);
        expect(await store.replace("client", "a", seen, client("d"))).toBe(false);
      });
    });

    describe("transact", () => {
      it("makes all writes or none", async () => {
        await store.put("client", "a", client("a"));
        const writes = [
          { type: "put", kind: "client", id: "b", record: client("b") },
          { type: "delete", kind: "client", id: "a" },
        ] as const;
        const missing = { type: "checkExists", kind: "client", id: "missing" } as const;
        expect(await store.transact([...writes, missing])).toBe(false);
        expect((await store.list("client")).items.map(({ id }) => id)).toEqual(["a"]);
        expect(await store.transact(writes)).toBe(true);
        expect((await store.list("client")).items.map(({ id }) => id)).toEqual(["b"]);
      });

      it("checks the state before the first write, wherever the checks stand", async () => {
        const done = await store.transact([
          { type: "put", kind: "client", id: "a", record: client("a") },
          { type: "check", kind: "client", id: "a", seen: undefined },
        ]);
        expect(done).toBe(true);
        const again = await store.transact([
          { type: "delete", kind: "client", id: "a" },
          { type: "check", kind: "client", id: "a", seen: undefined },
        ]);
        expect(again).toBe(false);
        const seen = client("a");
        expect(await store.transact([{ type: "check", kind: "client", id: "a", seen }])).toBe(true);
        const other = client("b");
        expect(
          await store.transact([{ type: "check", kind: "client", id: "a", seen: other }]),
        ).toBe(false);
      });

      it("makes its writes in their order", async () => {
        await store.transact([
          { type: "put", kind: "grant", id: "g", record: grant("g", "a") },
          { type: "put", kind: "accessToken", id: "t", record: accessToken({ grantId: "g" }) },
          { type: "deleteGrant", grantId: "g" },
          { type: "put", kind: "accessToken", id: "u", record: accessToken({ grantId: "g" }) },
          { type: "put", kind: "client", id: "a", record: client("a") },
          { type: "put", kind: "client", id: "a", record: client("b") },
        ]);
        await reopen();
        expect((await store.list("grant")).items).toEqual([]);
        expect((await store.list("accessToken")).items.map(({ id }) => id)).toEqual(["u"]);
        expect(await store.get("client", "a")).toEqual(client("b"));
      });

      it("does nothing, successfully, without operations", async () => {
        expect(await store.transact([])).toBe(true);
      });
    });

    describe("deleteGrant", () => {
      it("deletes the grant and all that descends from it, and counts", async () => {
        for (const id of ["g", "h"]) {
          await store.put("grant", id, grant(id, "a"));
          await store.put("accessToken", `access ${id}`, accessToken({ grantId: id }));
          await store.put("refreshToken", `refresh ${id}`, refreshToken(id));
        }
        expect(await store.deleteGrant("g")).toBe(3);
        expect(await store.deleteGrant("g")).toBe(0);
        await reopen();
        expect(await store.get("grant", "g")).toBeUndefined();
        expect(await store.get("accessToken", "access g")).toBeUndefined();
        expect(await store.get("refreshToken", "refresh g")).toBeUndefined();
        expect(await store.get("grant", "h")).toBeDefined();
        expect(await store.deleteGrant("h")).toBe(3);
      });
    });

    describe("list", () => {
      it("pages through everything once, in a stable order", async () => {
        const ids = Array.from({ length: 25 }, (_, at) => `id ${(at * 7) % 25}`);
        await Promise.all(ids.map((id) => store.put("client", id, client(id))));
        const seen: string[] = [];
        for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
          const page = await store.list("client", {
            limit: 10,
            ...(cursor !== undefined && { cursor }),
          });
          expect(page.items.length).toBeLessThanOrEqual(10);
          seen.push(...page.items.map(({ id }) => id));
          // Deleting what was listed and writing what was not must not move the rest.
          await store.delete("client", page.items[0]!.id);
          cursor = page.cursor;
        }
        expect(seen.toSorted()).toEqual(ids.toSorted());
        const whole = await store.list("client");
        expect(whole.cursor).toBeUndefined();
        expect(whole.items.map(({ id }) => id)).toEqual(
          seen.filter((id) => whole.items.some((item) => item.id === id)),
        );
      });

      it("has no cursor when the last page is exactly full", async () => {
        await store.put("client", "a", client("a"));
        await store.put("client", "b", client("b"));
        expect((await store.list("client", { limit: 2 })).cursor).toBeUndefined();
        expect((await store.list("client", { limit: 1 })).cursor).toBeDefined();
      });

      it("finds records by owner, also after the owner changed", async () => {
        await store.put("grant", "1", grant("1", "a", "local:ada"));
        await store.put("grant", "2", grant("2", "a", "local:bob"));
        await store.put("grant", "3", grant("3", "b", "local:ada"));
        const find = async (where: { clientId?: string; subject?: string }): Promise<string[]> =>
          (await store.list("grant", { where })).items.map(({ id }) => id);
        expect(await find({ clientId: "a" })).toEqual(["1", "2"]);
        expect(await find({ subject: "local:ada" })).toEqual(["1", "3"]);
        expect(await find({ clientId: "a", subject: "local:ada" })).toEqual(["1"]);
        expect(await find({ clientId: "c" })).toEqual([]);
        await store.put("grant", "1", grant("1", "b", "local:ada"));
        expect(await find({ clientId: "a" })).toEqual(["2"]);
        expect(await find({ clientId: "b" })).toEqual(["1", "3"]);
        await store.delete("grant", "3");
        await reopen();
        expect(await find({ clientId: "b" })).toEqual(["1"]);
      });
    });

    describe("increment", () => {
      it("counts within a window that the first count opens", async () => {
        expect(await store.increment("k", 10)).toBe(1);
        await opened.advance(9);
        expect(await store.increment("k", 10)).toBe(2);
        expect(await store.increment("other", 10)).toBe(1);
        await opened.advance(1);
        expect(await store.increment("k", 10)).toBe(1);
      });

      it("loses no count of 50 at once", async () => {
        const counts = await Promise.all(
          Array.from({ length: 50 }, () => store.increment("__proto__", 10)),
        );
        expect(counts.toSorted((a, b) => a - b)).toEqual(
          Array.from({ length: 50 }, (_, at) => at + 1),
        );
      });
    });

    describe("close", () => {
      it("keeps everything for the next one, lazy kinds included", async () => {
        await store.put("client", "a", client("a"));
        await store.put("interaction", "i", interaction(), 600);
        await store.put("client", "b", client("b"));
        await store.delete("client", "b");
        await reopen();
        expect((await store.list("client")).items).toEqual([{ id: "a", record: client("a") }]);
        expect(await store.get("interaction", "i")).toEqual(interaction());
      });

      it("finishes what was begun before it", async () => {
        const writes = Array.from({ length: 20 }, (_, at) =>
          store.put("client", `${at}`, client("x")),
        );
        await reopen();
        await Promise.all(writes);
        expect((await store.list("client")).items).toHaveLength(20);
      });

      it("makes every later call reject, and may be called again", async () => {
        await store.close();
        await store.close();
        const record = client("a");
        const calls = [
          () => store.get("client", "a"),
          () => store.put("client", "a", record),
          () => store.take("client", "a"),
          () => store.replace("client", "a", record, record),
          () => store.delete("client", "a"),
          () => store.list("client"),
          () => store.deleteGrant("g"),
          () => store.increment("k", 1),
          () => store.transact([]),
        ];
        for (const call of calls) await expect(call()).rejects.toThrow(/closed/);
        await reopen();
        expect(await store.get("client", "a")).toBeUndefined();
      });
    });

    it("behaves like a Map with lifetimes under any sequence of operations", async () => {
      await fc.assert(
        fc.asyncProperty(storeCommands(), async (commands) => {
          const fresh = await open();
          try {
            await runAgainstModel(commands, fresh);
          } finally {
            await fresh.dispose();
          }
        }),
        { numRuns: 60 },
      );
    });
  });
}
