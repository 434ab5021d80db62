/**
 * What any store must do with single records: get, put, take, replace, delete, and their lifetimes.
 */
import { describe, expect, it } from "vitest";
import type { Kind } from "../../src/server/store/records.ts";
import { useStore, type OpenedStore } from "./store-opened.ts";
import { accessToken, client, interaction, refreshToken, SAMPLES } from "./store-records.ts";

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

export function describeRecords(open: () => Promise<OpenedStore>): void {
  describe("single records", () => {
    const opened = useStore(open);

    describe("get and put", () => {
      it("gives back what was put, and undefined for what was not", async () => {
        await opened.store.put("client", "a", client("a"));
        expect(await opened.store.get("client", "a")).toEqual(client("a"));
        expect(await opened.store.get("client", "b")).toBeUndefined();
        expect(await opened.store.get("grant", "a")).toBeUndefined();
      });

      it.each(Object.keys(SAMPLES) as Kind[])("keeps a record of every kind: %s", async (kind) => {
        const record = SAMPLES[kind];
        await opened.store.put(kind, "a", record, 60);
        await opened.reopen();
        expect(await opened.store.get(kind, "a")).toEqual(record);
        expect(await opened.store.take(kind, "a")).toEqual(record);
        expect(await opened.store.get(kind, "a")).toBeUndefined();
      });

      it("replaces the record and its lifetime when the same id is put again", async () => {
        await opened.store.put("client", "a", client("a"), 10);
        await opened.store.put("client", "a", client("b"));
        await opened.advance(11);
        expect(await opened.store.get("client", "a")).toEqual(client("b"));
      });

      it("does not see what the caller does with a record afterwards", async () => {
        const record = client("a");
        await opened.store.put("client", "a", record);
        record.metadata.redirect_uris.push("https://attacker.example/");
        expect(await opened.store.get("client", "a")).toEqual(client("a"));
      });

      it("gives out records that nobody can change", async () => {
        await opened.store.put("client", "a", client("a"));
        const record = (await opened.store.get("client", "a"))!;
        expect(() => record.metadata.redirect_uris.push("https://attacker.example/")).toThrow(
          TypeError,
        );
        expect(() => (record.via = "command")).toThrow(TypeError);
        const [item] = (await opened.store.list("client")).items;
        expect(() => (item!.record.via = "command")).toThrow(TypeError);
        expect(await opened.store.get("client", "a")).toEqual(client("a"));
      });

      it.each(ODD_IDS)("takes any string as an id: %j", async (id) => {
        await opened.store.put("client", id, client(id));
        await opened.store.put("accessToken", id, accessToken({ grantId: id, clientId: id }));
        await opened.reopen();
        expect(await opened.store.get("client", id)).toEqual(client(id));
        const { items } = await opened.store.list("accessToken", { where: { grantId: id } });
        expect(items).toEqual([{ id, record: accessToken({ grantId: id, clientId: id }) }]);
        expect(await opened.store.delete("client", id)).toBe(true);
        expect(await opened.store.get("client", id)).toBeUndefined();
        expect(await opened.store.get("client", "other")).toBeUndefined();
      });

      it("keeps members with odd names and values", async () => {
        const record = client("a");
        record.metadata.client_name = '\u2028 \u0000 "\\ 🔑 \ud800';
        const odd = JSON.parse('{"__proto__":{"x":1},"constructor":2}') as object;
        Object.assign(record.metadata, { odd });
        await opened.store.put("client", "a", record);
        await opened.reopen();
        expect(JSON.stringify(await opened.store.get("client", "a"))).toBe(JSON.stringify(record));
        expect(({} as { x?: number }).x).toBeUndefined();
      });

      it("refuses what is not JSON or no lifetime, and changes nothing", async () => {
        await opened.store.put("client", "a", client("a"));
        await expect(opened.store.put("client", "a", undefined as never)).rejects.toThrow(
          TypeError,
        );
        await expect(opened.store.put("client", "a", { n: 1n } as never)).rejects.toThrow(
          TypeError,
        );
        await expect(opened.store.put("client", "a", client("b"), Number.NaN)).rejects.toThrow(
          RangeError,
        );
        const writes = opened.store.transact([
          { type: "delete", kind: "client", id: "a" },
          { type: "put", kind: "client", id: "b", record: client("b"), ttl: Infinity },
        ]);
        await expect(writes).rejects.toThrow(RangeError);
        expect(await opened.store.get("client", "a")).toEqual(client("a"));
      });
    });

    describe("lifetimes", () => {
      it("ends a record at exactly its ttl, for every call", async () => {
        await opened.store.put("accessToken", "t", accessToken({ grantId: "g" }), 60);
        await opened.advance(59.5);
        expect(await opened.store.get("accessToken", "t")).toBeDefined();
        await opened.advance(0.5);
        expect(await opened.store.get("accessToken", "t")).toBeUndefined();
        expect(await opened.store.take("accessToken", "t")).toBeUndefined();
        expect(await opened.store.delete("accessToken", "t")).toBe(false);
        const record = accessToken({ grantId: "g" });
        expect(await opened.store.replace("accessToken", "t", record, record)).toBe(false);
        expect(await opened.store.list("accessToken")).toEqual({ items: [] });
        expect(await opened.store.deleteGrant("g")).toBe(0);
        const id = "t";
        expect(
          await opened.store.transact([{ type: "checkExists", kind: "accessToken", id }]),
        ).toBe(false);
        const seen = undefined;
        expect(
          await opened.store.transact([{ type: "check", kind: "accessToken", id, seen }]),
        ).toBe(true);
      });

      it("ends a record at its ttl across a restart", async () => {
        await opened.store.put("client", "a", client("a"), 60);
        await opened.advance(30);
        await opened.reopen();
        await opened.advance(29.5);
        expect(await opened.store.get("client", "a")).toBeDefined();
        await opened.advance(0.5);
        expect(await opened.store.get("client", "a")).toBeUndefined();
        await opened.reopen();
        expect(await opened.store.get("client", "a")).toBeUndefined();
      });

      it("takes a ttl of nothing or less as already over", async () => {
        await opened.store.put("client", "a", client("a"), 0);
        await opened.store.put("client", "b", client("b"), -5);
        expect((await opened.store.list("client")).items).toEqual([]);
      });

      it("keeps the remaining lifetime on replace and on put with keep", async () => {
        await opened.store.put("client", "a", client("a"), 60);
        await opened.store.put("client", "b", client("b"), 60);
        await opened.advance(30);
        expect(await opened.store.replace("client", "a", client("a"), client("a2"))).toBe(true);
        await opened.store.transact([
          { type: "put", kind: "client", id: "b", record: client("b2"), ttl: "keep" },
          { type: "put", kind: "client", id: "c", record: client("c"), ttl: "keep" },
        ]);
        await opened.advance(29);
        expect((await opened.store.list("client")).items.map(({ id }) => id).toSorted()).toEqual([
          "a",
          "b",
          "c",
        ]);
        await opened.advance(1);
        expect((await opened.store.list("client")).items.map(({ id }) => id)).toEqual(["c"]);
      });

      it("starts a new lifetime when replace is given one", async () => {
        await opened.store.put("client", "a", client("a"), 60);
        await opened.advance(30);
        await opened.store.replace("client", "a", client("a"), client("b"), 60);
        await opened.advance(59);
        expect(await opened.store.get("client", "a")).toEqual(client("b"));
        await opened.advance(1);
        expect(await opened.store.get("client", "a")).toBeUndefined();
      });
    });

    describe("races", () => {
      it("gives a record to exactly one of 50 takers", async () => {
        await opened.store.put("authorizationCode", "c", {
          ...interaction(),
          grantId: "g",
        } as never);
        const taken = await Promise.all(
          Array.from({ length: 50 }, () => opened.store.take("authorizationCode", "c")),
        );
        expect(taken.filter((record) => record !== undefined)).toHaveLength(1);
        expect(await opened.store.get("authorizationCode", "c")).toBeUndefined();
      });

      it("tells exactly one of 50 deleters that there was something", async () => {
        await opened.store.put("client", "a", client("a"));
        const deleted = await Promise.all(
          Array.from({ length: 50 }, () => opened.store.delete("client", "a")),
        );
        expect(deleted.filter(Boolean)).toHaveLength(1);
      });

      it("lets exactly one of 50 replacers win, and keeps the winner's record", async () => {
        const seen = refreshToken("g");
        await opened.store.put("refreshToken", "r", seen);
        const won = await Promise.all(
          Array.from({ length: 50 }, (_, at) =>
            opened.store.replace("refreshToken", "r", seen, { ...seen, rotation: { usedAt: at } }),
          ),
        );
        expect(won.filter(Boolean)).toHaveLength(1);
        const winner = won.indexOf(true);
        expect((await opened.store.get("refreshToken", "r"))?.rotation?.usedAt).toBe(winner);
      });

      it("lets exactly one of 50 transactions with the same check win", async () => {
        const won = await Promise.all(
          Array.from({ length: 50 }, (_, at) =>
            opened.store.transact([
              { type: "check", kind: "client", id: "a", seen: undefined },
              { type: "put", kind: "client", id: "a", record: client(`${at}`) },
              { type: "put", kind: "client", id: `winner ${at}`, record: client(`${at}`) },
            ]),
          ),
        );
        expect(won.filter(Boolean)).toHaveLength(1);
        expect((await opened.store.list("client")).items).toHaveLength(2);
      });
    });

    describe("replace", () => {
      it("refuses when the record is another one or gone", async () => {
        expect(await opened.store.replace("client", "a", client("a"), client("b"))).toBe(false);
        await opened.store.put("client", "a", client("a"));
        expect(await opened.store.replace("client", "a", client("x"), client("b"))).toBe(false);
        expect(await opened.store.get("client", "a")).toEqual(client("a"));
      });

      it("compares by content, whatever the order of members, and accepts what get returned", async () => {
        await opened.store.put("client", "a", client("a"));
        const reversed = Object.fromEntries(Object.entries(client("a")).toReversed());
        expect(await opened.store.replace("client", "a", reversed as never, client("b"))).toBe(
          true,
        );
        const seen = (await opened.store.get("client", "a"))!;
        expect(await opened.store.replace("client", "a", seen, client("c"))).toBe(true);
        expect(await opened.store.replace("client", "a", seen, client("d"))).toBe(false);
      });
    });
  });
}
