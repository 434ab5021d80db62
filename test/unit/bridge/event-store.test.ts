/** B14, T16: what a session keeps of what it said, and for how long. */
import { beforeEach, describe, expect, it } from "vitest";
import { EventBudget, EventStore } from "../../../src/bridge/event-store.ts";
import { createMovableClock, type MovableClock } from "../../support/movable-clock.ts";

let clock: MovableClock;
let store: EventStore;
beforeEach(() => {
  clock = createMovableClock();
  store = new EventStore(clock, "tag");
});

const sequences = (stream: number, sequence = 0): number[] =>
  store.after({ stream, sequence }).map((event) => event.sequence);

function fill(count: number, text: string, stream = 1): void {
  for (let sequence = 1; sequence <= count; sequence += 1) store.append({ stream, sequence }, text);
}

describe("the events of a session", () => {
  it("are those of one stream after a place, in their order (T16)", () => {
    store.append({ stream: 1, sequence: 1 }, "a");
    store.append({ stream: 2, sequence: 1 }, "b");
    store.append({ stream: 1, sequence: 2 }, "c");
    expect(store.after({ stream: 1, sequence: 0 }).map(({ text }) => text)).toEqual(["a", "c"]);
    expect(sequences(1, 1)).toEqual([2]);
    expect(sequences(1, 2)).toEqual([]);
    expect([store.has(2), store.has(3)]).toEqual([true, false]);
  });

  it("are a thousand at most, of all streams together, the newest (B14)", () => {
    fill(600, "x", 1);
    fill(600, "x", 2);
    expect([sequences(1).length, sequences(2).length]).toEqual([400, 600]);
    expect(sequences(1)[0]).toBe(201);
  });

  it("are four megabytes at most, as they are on the wire, but always the newest (B14)", () => {
    fill(10, "ü".repeat(512 * 1024));
    expect(sequences(1)).toEqual([7, 8, 9, 10]);
    store.append({ stream: 2, sequence: 1 }, "x".repeat(9 * 1_048_576));
    expect([sequences(1), sequences(2)]).toEqual([[], [1]]);
    store.append({ stream: 2, sequence: 2 }, "x");
    expect(sequences(2)).toEqual([2]);
  });

  it("are ten minutes old at most, whether or not anybody asks (B14)", () => {
    store.append({ stream: 1, sequence: 1 }, "old");
    clock.advance(400);
    store.append({ stream: 1, sequence: 2 }, "newer");
    clock.advance(199);
    expect(sequences(1)).toEqual([1, 2]);
    clock.advance(2);
    expect(sequences(1)).toEqual([2]);
    clock.advance(10_000);
    expect(store.has(1)).toBe(false);
  });

  it("are gone with the session", () => {
    fill(3, "x");
    store.clear();
    expect(sequences(1)).toEqual([]);
  });
});

describe("the id of an event", () => {
  it("names its session, its stream and its place", () => {
    const place = { stream: 3, sequence: 14 };
    expect(store.read(store.id(place))).toEqual(place);
    expect(new EventStore(clock, "other").read(store.id(place))).toBeUndefined();
  });

  it("is another one for each primer, and means the same place", () => {
    const place = { stream: 3, sequence: 0 };
    const ids = [store.primer(place), store.primer(place), store.id(place)];
    expect(new Set(ids).size).toBe(3);
    expect(ids.map((id) => store.read(id))).toEqual([place, place, place]);
  });

  it.each([
    "",
    "tag",
    "tag-",
    "tag-1",
    "tag-1-",
    "tag-1-1-1",
    "tag--1-1",
    "tag-1-1.",
    "tag-1-1.x",
    "tag-1e3-1",
    "tagx-1-1",
    "1-1",
    "tag-1-9999999999999999",
    " tag-1-1",
  ])("is not %j", (id) => expect(store.read(id)).toBeUndefined());

  it("keeps little of what it says while all sessions together keep too much", () => {
    const budget = new EventBudget(400_000);
    const text = "x".repeat(20_000);
    const [talker, other] = [1, 2].map((tag) => new EventStore(clock, `t${tag}`, budget));
    for (let sequence = 1; sequence <= 15; sequence += 1) {
      talker!.append({ stream: 1, sequence }, text);
    }
    expect(talker!.after({ stream: 1, sequence: 0 })).toHaveLength(15);
    for (let sequence = 1; sequence <= 15; sequence += 1) {
      other!.append({ stream: 1, sequence }, text);
    }
    expect(other!.after({ stream: 1, sequence: 0 }).length).toBeLessThanOrEqual(5);
    expect(budget.bytes).toBeLessThan(500_000);
    talker!.clear();
    other!.clear();
    expect(budget.bytes).toBe(0);
  });
});
