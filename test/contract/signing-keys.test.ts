/**
 * Signing keys of several processes on one real Redis: whatever they do at once, they have the same keys afterwards.
 */
import { decodeProtectedHeader } from "jose";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { makeConfig } from "../../src/config-file.ts";
import { createEventBus } from "../../src/events.ts";
import { createLog } from "../../src/log.ts";
import { createSigningKeys, type SigningKeys } from "../../src/server/signing-keys.ts";
import { createStore } from "../../src/server/store/index.ts";
import { createMovableClock, type MovableClock } from "../support/movable-clock.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";

const DAY = 86_400;
const AHEAD = 900;

let redis: TestRedis;
let undo: (() => Promise<void>)[];
let clocks: MovableClock[];

beforeEach(async () => {
  redis = await startRedis();
  undo = [];
  clocks = [];
});
afterEach(async () => {
  for (const step of undo.toReversed()) await step();
  await redis.close();
});

async function replica(): Promise<SigningKeys> {
  const log = await createLog({ level: "silent", pretty: false });
  const clock = createMovableClock();
  clocks.push(clock);
  const config = makeConfig({
    publicUrl: "https://gw.example.com",
    services: { files: { command: "true" } },
    store: { type: "redis", url: redis.url },
  });
  const store = await createStore(config.store, { clock, log });
  undo.push(() => store.close());
  const events = createEventBus((error) => {
    throw error;
  });
  const keys = await createSigningKeys({ store, clock, config, events, log });
  undo.push(() => keys.close());
  return keys;
}

const replicas = (count: number): Promise<SigningKeys[]> =>
  Promise.all(Array.from({ length: count }, replica));
const published = async (keys: SigningKeys): Promise<string[]> =>
  (await keys.jwks()).keys.map(({ kid }) => kid!);
const pass = (seconds: number): void => {
  for (const clock of clocks) clock.advance(seconds);
};

describe("signing keys of several processes on redis", () => {
  it("are one and the same when all of them start at once", async () => {
    const all = await replicas(6);
    const kids = (await Promise.all(all.map(published))).flat();
    expect(kids).toHaveLength(6);
    expect(new Set(kids).size).toBe(1);
  });

  it("get one successor when all of them see that it is time (JW-25)", async () => {
    const all = await replicas(4);
    const [old] = await published(all[0]!);
    pass(90 * DAY);
    await vi.waitFor(async () => {
      for (const keys of all) expect(await published(keys)).toHaveLength(2);
    });
    const found = new Set((await Promise.all(all.map(published))).map(String));
    expect(found.size).toBe(1);
    pass(AHEAD);
    for (const keys of all) {
      const { kid } = decodeProtectedHeader(await keys.sign({}, "at+jwt"));
      expect(kid).not.toBe(old);
      expect(await keys.verificationKey(kid!)).toBeDefined();
    }
  });

  it("end everywhere at once in an emergency, and other changes at the same time bring none back (JW-26)", async () => {
    const all = await replicas(4);
    const before = await published(all[0]!);
    await Promise.allSettled(
      all.map((keys, index) => keys.rotate({ isEmergency: index % 2 === 0 })),
    );
    const after = await published(all[0]!);
    expect(after.filter((kid) => before.includes(kid))).toEqual([]);
    for (const keys of all) {
      expect(await published(keys)).toEqual(after);
      expect(await keys.verificationKey(before[0]!)).toBeUndefined();
      const { kid } = decodeProtectedHeader(await keys.sign({}, "at+jwt"));
      expect(after).toContain(kid);
    }
  });

  it("refuse to sign while the store cannot be asked, and go on when it can", async () => {
    const [keys] = await replicas(1);
    await redis.signal("SIGKILL");
    await expect(keys!.sign({}, "at+jwt")).rejects.toThrow();
    await redis.restart();
    await vi.waitFor(() => keys!.sign({}, "at+jwt"), { timeout: 10_000, interval: 100 });
  });
});
