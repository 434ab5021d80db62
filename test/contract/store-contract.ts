/**
 * What any store must do, sentence by sentence of src/server/store/store.ts.
 */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeRecords } from "./store-contract-records.ts";
import { runAgainstModel, storeCommands } from "./store-model.ts";
import { useStore, type OpenedStore } from "./store-opened.ts";
import { accessToken, client, grant, interaction, refreshToken } from "./store-records.ts";

export function describeStore(name: string, open: () => Promise<OpenedStore>): void {
  describe(`the ${name} store`, () => {
    const opened = useStore(open);

    describeRecords(open);

    describe("transact", () => {
      it("makes all writes or none", async () => {
        await opened.store.put("client", "a", client("a"));
        const writes = [
          { type: "put", kind: "client", id: "b", record: client("b") },
          { type: "delete", kind: "client", id: "a" },
        ] as const;
        const missing = { type: "checkExists", kind: "client", id: "missing" } as const;
        expect(await opened.store.transact([...writes, missing])).toBe(false);
        expect((await opened.store.list("client")).items.map(({ id }) => id)).toEqual(["a"]);
        expect(await opened.store.transact(writes)).toBe(true);
        expect((await opened.store.list("client")).items.map(({ id }) => id)).toEqual(["b"]);
      });

      it("checks the state before the first write, wherever the checks stand", async () => {
        const done = await opened.store.transact([
          { type: "put", kind: "client", id: "a", record: client("a") },
          { type: "check", kind: "client", id: "a", seen: undefined },
        ]);
        expect(done).toBe(true);
        const again = await opened.store.transact([
          { type: "delete", kind: "client", id: "a" },
          { type: "check", kind: "client", id: "a", seen: undefined },
        ]);
        expect(again).toBe(false);
        const seen = client("a");
        expect(
          await opened.store.transact([{ type: "check", kind: "client", id: "a", seen }]),
        ).toBe(true);
        const other = client("b");
        expect(
          await opened.store.transact([{ type: "check", kind: "client", id: "a", seen: other }]),
        ).toBe(false);
      });

      it("makes its writes in their order", async () => {
        await opened.store.transact([
          { type: "put", kind: "grant", id: "g", record: grant("g", "a") },
          { type: "put", kind: "accessToken", id: "t", record: accessToken({ grantId: "g" }) },
          { type: "deleteGrant", grantId: "g" },
          { type: "put", kind: "accessToken", id: "u", record: accessToken({ grantId: "g" }) },
          { type: "put", kind: "client", id: "a", record: client("a") },
          { type: "put", kind: "client", id: "a", record: client("b") },
        ]);
        await opened.reopen();
        expect((await opened.store.list("grant")).items).toEqual([]);
        expect((await opened.store.list("accessToken")).items.map(({ id }) => id)).toEqual(["u"]);
        expect(await opened.store.get("client", "a")).toEqual(client("b"));
      });

      it("does nothing, successfully, without operations", async () => {
        expect(await opened.store.transact([])).toBe(true);
      });
    });

    describe("deleteGrant", () => {
      it("deletes the grant and all that descends from it, and counts", async () => {
        for (const id of ["g", "h"]) {
          await opened.store.put("grant", id, grant(id, "a"));
          await opened.store.put("accessToken", `access ${id}`, accessToken({ grantId: id }));
          await opened.store.put("refreshToken", `refresh ${id}`, refreshToken(id));
        }
        expect(await opened.store.deleteGrant("g")).toBe(3);
        expect(await opened.store.deleteGrant("g")).toBe(0);
        await opened.reopen();
        expect(await opened.store.get("grant", "g")).toBeUndefined();
        expect(await opened.store.get("accessToken", "access g")).toBeUndefined();
        expect(await opened.store.get("refreshToken", "refresh g")).toBeUndefined();
        expect(await opened.store.get("grant", "h")).toBeDefined();
        expect(await opened.store.deleteGrant("h")).toBe(3);
      });
    });

    describe("list", () => {
      it("pages through everything once, in a stable order", async () => {
        const ids = Array.from({ length: 25 }, (_, at) => `id ${(at * 7) % 25}`);
        await Promise.all(ids.map((id) => opened.store.put("client", id, client(id))));
        const seen: string[] = [];
        for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
          const page = await opened.store.list("client", {
            limit: 10,
            ...(cursor !== undefined && { cursor }),
          });
          expect(page.items.length).toBeLessThanOrEqual(10);
          seen.push(...page.items.map(({ id }) => id));
          // Deleting what was listed and writing what was not must not move the rest.
          await opened.store.delete("client", page.items[0]!.id);
          cursor = page.cursor;
        }
        expect(seen.toSorted()).toEqual(ids.toSorted());
        const whole = await opened.store.list("client");
        expect(whole.cursor).toBeUndefined();
        expect(whole.items.map(({ id }) => id)).toEqual(
          seen.filter((id) => whole.items.some((item) => item.id === id)),
        );
      });

      it("has no cursor when the last page is exactly full", async () => {
        await opened.store.put("client", "a", client("a"));
        await opened.store.put("client", "b", client("b"));
        expect((await opened.store.list("client", { limit: 2 })).cursor).toBeUndefined();
        expect((await opened.store.list("client", { limit: 1 })).cursor).toBeDefined();
      });

      it("finds records by owner, also after the owner changed", async () => {
        await opened.store.put("grant", "1", grant("1", "a", "local:ada"));
        await opened.store.put("grant", "2", grant("2", "a", "local:bob"));
        await opened.store.put("grant", "3", grant("3", "b", "local:ada"));
        const find = async (where: { clientId?: string; subject?: string }): Promise<string[]> =>
          (await opened.store.list("grant", { where })).items.map(({ id }) => id);
        expect(await find({ clientId: "a" })).toEqual(["1", "2"]);
        expect(await find({ subject: "local:ada" })).toEqual(["1", "3"]);
        expect(await find({ clientId: "a", subject: "local:ada" })).toEqual(["1"]);
        expect(await find({ clientId: "c" })).toEqual([]);
        await opened.store.put("grant", "1", grant("1", "b", "local:ada"));
        expect(await find({ clientId: "a" })).toEqual(["2"]);
        expect(await find({ clientId: "b" })).toEqual(["1", "3"]);
        await opened.store.delete("grant", "3");
        await opened.reopen();
        expect(await find({ clientId: "b" })).toEqual(["1"]);
      });
    });

    describe("increment", () => {
      it("counts within a window that the first count opens", async () => {
        expect(await opened.store.increment("k", 10)).toBe(1);
        await opened.advance(9);
        expect(await opened.store.increment("k", 10)).toBe(2);
        expect(await opened.store.increment("other", 10)).toBe(1);
        await opened.advance(1);
        expect(await opened.store.increment("k", 10)).toBe(1);
      });

      it("loses no count of 50 at once", async () => {
        const counts = await Promise.all(
          Array.from({ length: 50 }, () => opened.store.increment("__proto__", 10)),
        );
        expect(counts.toSorted((a, b) => a - b)).toEqual(
          Array.from({ length: 50 }, (_, at) => at + 1),
        );
      });
    });

    describe("close", () => {
      it("keeps everything for the next one, lazy kinds included", async () => {
        await opened.store.put("client", "a", client("a"));
        await opened.store.put("interaction", "i", interaction(), 600);
        await opened.store.put("client", "b", client("b"));
        await opened.store.delete("client", "b");
        await opened.reopen();
        expect((await opened.store.list("client")).items).toEqual([
          { id: "a", record: client("a") },
        ]);
        expect(await opened.store.get("interaction", "i")).toEqual(interaction());
      });

      it("finishes what was begun before it", async () => {
        const writes = Array.from({ length: 20 }, (_, at) =>
          opened.store.put("client", `${at}`, client("x")),
        );
        await opened.reopen();
        await Promise.all(writes);
        expect((await opened.store.list("client")).items).toHaveLength(20);
      });

      it("makes every later call reject, and may be called again", async () => {
        await opened.store.close();
        await opened.store.close();
        const record = client("a");
        const calls = [
          () => opened.store.get("client", "a"),
          () => opened.store.put("client", "a", record),
          () => opened.store.take("client", "a"),
          () => opened.store.replace("client", "a", record, record),
          () => opened.store.delete("client", "a"),
          () => opened.store.list("client"),
          () => opened.store.deleteGrant("g"),
          () => opened.store.increment("k", 1),
          () => opened.store.transact([]),
        ];
        for (const call of calls) await expect(call()).rejects.toThrow(/closed/);
        await opened.reopen();
        expect(await opened.store.get("client", "a")).toBeUndefined();
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
