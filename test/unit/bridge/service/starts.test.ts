/** When another process of a service may be started. */
import { describe, expect, it } from "vitest";
import { Restarts } from "../../../../src/bridge/service/restarts.ts";
import { StartGate } from "../../../../src/bridge/service/start-gate.ts";
import { ServiceUnavailable } from "../../../../src/bridge/service/unavailable.ts";
import { WarmPool } from "../../../../src/bridge/service/warm-pool.ts";
import { createFakeClock } from "../../../support/fake-clock.ts";

describe("a service that does not come up", () => {
  it("is left alone for longer each time, up to a minute, and never for the same time twice", () => {
    const clock = createFakeClock();
    const restarts = new Restarts(clock);
    const waits = Array.from({ length: 12 }, () => {
      restarts.ended("exited with code 3: no database", clock.now(), false);
      const wait = restarts.health().retryAt! - clock.now();
      clock.advance(wait);
      expect(() => restarts.admit()).not.toThrow();
      return wait;
    });
    for (const [index, wait] of waits.entries()) {
      const longest = Math.min(60, 0.5 * 2 ** index);
      expect(wait).toBeGreaterThanOrEqual(longest / 2);
      expect(wait).toBeLessThanOrEqual(longest);
    }
    expect(new Set(waits).size).toBe(12);
  });

  it("says why and when to come back, at once", () => {
    const clock = createFakeClock();
    const restarts = new Restarts(clock);
    restarts.ended("exited with code 3: no database", clock.now(), false);
    expect(() => restarts.admit()).toThrow(ServiceUnavailable);
    expect(() => restarts.admit()).toThrow("exited with code 3: no database");
    const { state, reason, restarts: count, lastExit } = restarts.health();
    expect({ state, reason, count, lastExit }).toEqual({
      state: "failing",
      reason: "exited with code 3: no database",
      count: 1,
      lastExit: { at: clock.now(), reason: "exited with code 3: no database" },
    });
  });

  it("is tried by one alone after a failure, until that has answered or given up", () => {
    const clock = createFakeClock();
    const restarts = new Restarts(clock);
    restarts.ended("exited", clock.now(), false);
    clock.advance(0.5);
    restarts.admit();
    expect(() => restarts.admit()).toThrow("exited");
    clock.advance(10);
    restarts.admit();
    restarts.proved();
    restarts.admit();
    restarts.admit();
  });

  it("fails once when many that were started together end", () => {
    const clock = createFakeClock();
    const restarts = new Restarts(clock);
    const from = clock.now();
    clock.advance(1);
    for (let index = 0; index < 50; index += 1) restarts.ended("exited", from, false);
    expect(restarts.health().retryAt! - clock.now()).toBeLessThanOrEqual(0.5);
  });

  it("is forgiven when one answers; who answered or lived for a while never counted", () => {
    const clock = createFakeClock();
    const restarts = new Restarts(clock);
    restarts.ended("crashed in mid-call", clock.now(), true);
    restarts.ended("crashed late", clock.now() - 10, false);
    restarts.ended("nobody needed it", undefined, false);
    expect(restarts.health()).toMatchObject({
      restarts: 3,
      lastExit: { reason: "nobody needed it" },
    });
    expect(() => restarts.admit()).not.toThrow();
    restarts.ended("exited", clock.now(), false);
    expect(() => restarts.admit()).toThrow("exited");
    restarts.proved();
    expect(() => restarts.admit()).not.toThrow();
    expect(restarts.health()).not.toHaveProperty("state");
  });
});

describe("many that start at once", () => {
  const never = new AbortController().signal;
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  it("take turns, and the waiting are bounded", async () => {
    const gate = new StartGate(createFakeClock());
    const inside: (() => void)[] = [];
    const waiting = Array.from({ length: 16 + 256 }, async () =>
      inside.push(await gate.enter(never)),
    );
    await settle();
    expect([inside.length, gate.isQuiet]).toEqual([16, false]);
    await expect(gate.enter(never)).rejects.toThrow("Too many servers are being started");
    inside[0]!();
    inside[0]!();
    await settle();
    expect(inside.length).toBe(17);
    for (let index = 0; index < inside.length; index += 1) {
      inside[index]!();
      await settle();
    }
    await Promise.all(waiting);
    expect([inside.length, gate.isQuiet]).toEqual([272, true]);
  });

  it("do not wait for ever for one that hangs, nor for one that left", async () => {
    const clock = createFakeClock();
    const gate = new StartGate(clock);
    for (let index = 0; index < 16; index += 1) await gate.enter(never);
    const gone = new AbortController();
    const left = gate.enter(gone.signal);
    const patient = gate.enter(never);
    gone.abort();
    await expect(left).rejects.toThrow("given up");
    clock.advance(5);
    await patient;
  });
});

describe("processes kept warm", () => {
  function start(size: number) {
    const clock = createFakeClock();
    let count = 0;
    const ended: number[] = [];
    const machine = { isBusy: false };
    const pool = new WarmPool<number>({
      size,
      clock,
      start: () => (count += 1),
      end: (process) => ended.push(process),
      isBusy: () => machine.isBusy,
    });
    pool.fill();
    return { clock, pool, ended, machine, started: () => count };
  }

  it("are given away once, oldest first, and replaced a little later", () => {
    const { clock, pool, started } = start(2);
    expect([started(), pool.take(), pool.take(), pool.take()]).toEqual([2, 1, 2, undefined]);
    expect(started()).toBe(2);
    clock.advance(1);
    expect([started(), pool.take()]).toEqual([4, 3]);
  });

  it("are not started while somebody waits for another", () => {
    const { clock, pool, machine, started } = start(1);
    pool.take();
    machine.isBusy = true;
    clock.advance(10);
    expect(started()).toBe(1);
    machine.isBusy = false;
    clock.advance(1);
    expect(started()).toBe(2);
  });

  it("are replaced before they are old", () => {
    const { clock, pool, ended } = start(1);
    clock.advance(599);
    expect(ended).toEqual([]);
    clock.advance(1);
    expect([ended, pool.take()]).toEqual([[1], 2]);
  });

  it("that die on their own are replaced ever more slowly", () => {
    const { clock, pool, started } = start(1);
    for (let second = 0; second < 3600; second += 1) {
      pool.lost(started());
      clock.advance(1);
    }
    expect(started()).toBeLessThan(140);
    expect(started()).toBeGreaterThan(50);
  });

  it("are none after the end", () => {
    const { clock, pool, started } = start(1);
    pool.take();
    pool.stop();
    clock.advance(700);
    expect([started(), pool.take()]).toEqual([1, undefined]);
  });
});
