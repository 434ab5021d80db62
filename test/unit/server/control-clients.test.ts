import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createControlHarness, type ControlHarness } from "../../support/control-harness.ts";

const WEEK = 604_800; // seconds

let harness: ControlHarness;
beforeEach(async () => {
  harness = await createControlHarness();
  await harness.start();
  for (const id of ["busy", "idle", "other"]) await harness.populate(id);
  await harness.populate("own", "command");
});
afterEach(() => harness.close());

const end = async (...ids: string[]): Promise<void> => {
  for (const id of ids) await harness.control.revokeGrant(`grant-${id}`);
};
const stale = async (): Promise<string[]> =>
  (await harness.control.clients()).filter((one) => one.isStale).map(({ clientId }) => clientId);
const known = async (): Promise<string[]> =>
  (await harness.control.clients()).map(({ clientId }) => clientId);

describe("stale clients", () => {
  it("are those of which nothing is alive, after an hour, but no operator's", async () => {
    await end("idle", "other", "own");
    expect(await stale()).toEqual([]);
    harness.context.clock.advance(3600);
    expect(await stale()).toEqual(["idle", "other"]);
    expect(await harness.control.client("idle")).toMatchObject({ isStale: true, sessions: 0 });
    expect(await harness.control.client("busy")).toMatchObject({ isStale: false, sessions: 1 });
  });

  it("are forgotten once they were idle for long enough, and nobody else is", async () => {
    await end("idle", "other", "own");
    const { store, clock, happened } = harness.context;
    clock.advance(WEEK);
    const other = (await store.get("client", "other"))!;
    await store.put("client", "other", { ...other, lastUsedAt: clock.now() - WEEK / 2 });
    expect(await harness.control.pruneClients(WEEK)).toEqual({ clientIds: ["idle"] });
    expect(await known()).toEqual(["busy", "other", "own"]);
    expect(happened.filter(({ type }) => type === "client.revoked")).toMatchObject([
      { clientId: "idle", grants: 0 },
    ]);
    expect(await harness.control.pruneClients(WEEK / 2)).toEqual({ clientIds: ["other"] });
    expect(await known()).toEqual(["busy", "own"]);
  });

  it("are kept when they come to life while others are forgotten", async () => {
    await end("idle", "other");
    const { store, clock } = harness.context;
    clock.advance(WEEK);
    const transact = store.transact.bind(store);
    store.transact = async (operations) => {
      const seen = (await store.get("client", "idle"))!;
      await store.put("client", "idle", { ...seen, lastUsedAt: clock.now() });
      store.transact = transact;
      return transact(operations);
    };
    expect(await harness.control.pruneClients(WEEK)).toEqual({ clientIds: ["other"] });
    expect(await known()).toContain("idle");
  });

  it("are not forgotten for an age that is none", async () => {
    for (const idle of ["", "?idle=", "?idle=-1", "?idle=1h"]) {
      expect(await harness.raw("DELETE", `/clients${idle}`)).toMatchObject({ status: 400 });
    }
    expect(await known()).toHaveLength(4);
  });
});
