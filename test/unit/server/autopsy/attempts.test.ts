/** What is kept of a crowd, and what replicas make of what they tell each other. */
import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { makeConfig } from "../../../../src/config-file.ts";
import { createEventBus, type EventBus, type GatewayEvent } from "../../../../src/events.ts";
import { createAttempts, type Attempts } from "../../../../src/server/autopsy/attempts.ts";
import { createFakeClock, type FakeClock } from "../../../support/fake-clock.ts";

const config = makeConfig({
  publicUrl: "https://gw.example.com",
  services: { files: { command: "true" } },
});
const resource = "https://gw.example.com/mcp";

const create = (clock: FakeClock = createFakeClock()): { attempts: Attempts; events: EventBus } => {
  const events = createEventBus((error) => {
    throw error;
  });
  return { attempts: createAttempts({ clock, config, events }), events };
};

const from = (remoteAddress: string, agent: string, url = "/mcp"): IncomingMessage =>
  ({ method: "POST", url, headers: { "user-agent": agent }, socket: { remoteAddress } }) as never;

describe("a crowd of 10 000 strangers", { timeout: 60_000 }, () => {
  it("is kept within bounds, and pushes out no login", () => {
    const { attempts } = create();
    attempts.note({ what: "registration", clientId: "real" }, from("192.0.2.1", "real/1"));
    for (let number = 0; number < 10_000; number += 1) {
      const request = from(`10.0.${number >> 8}.${number & 255}`, "x".repeat(5000));
      attempts.note({ what: "mcp.unauthorized", status: 401, resource }, request);
    }
    const kept = attempts.list({ limit: 100_000 });
    expect(kept.length).toBeLessThanOrEqual(201);
    expect(JSON.stringify(kept).length).toBeLessThan(500_000);
    expect(kept.map(({ clientId }) => clientId)).toContain("real");
  });

  it("is one attempt when all come from one address, and tells other replicas once", () => {
    const { attempts, events } = create();
    const told: GatewayEvent[] = [];
    events.subscribe((event) => told.push(event));
    for (let number = 0; number < 10_000; number += 1) {
      attempts.note({ what: "mcp.unauthorized", status: 401, resource }, from("10.0.0.1", "x/1"));
    }
    const [only, ...more] = attempts.list();
    expect(more).toEqual([]);
    expect(attempts.find(only!.id)[0]!.steps).toMatchObject([{ times: 10_000 }]);
    expect(told).toHaveLength(1);
  });

  it("cannot make one attempt endless", () => {
    const { attempts } = create();
    for (let number = 0; number < 1000; number += 1) {
      const clientId = "c";
      attempts.note({ what: "registration", clientId, detail: `${number}` }, from("10.0.0.1", "x"));
      attempts.note({ what: "authorize", clientId, error: "x", detail: `${number}` });
    }
    for (const { id } of attempts.list()) {
      expect(attempts.find(id)[0]!.steps.length).toBeLessThanOrEqual(60);
    }
    expect(attempts.list({ limit: 100_000 }).length).toBeLessThanOrEqual(300);
  });
});

describe("replicas", () => {
  /** Two of them on one bus, which `deliver` lets what was said arrive. */
  const pair = () => {
    const clock = createFakeClock();
    const replicas = ["a", "b"].map((name) => ({ name, ...create(clock) }));
    let waiting: (() => void)[] = [];
    for (const { name, events } of replicas) {
      events.subscribe((event) => {
        if (event.replica !== undefined) return;
        for (const other of replicas.filter((one) => one.name !== name)) {
          waiting.push(() => other.events.publish({ ...event, replica: name }));
        }
      });
    }
    const deliver = (): void => {
      for (const arrive of waiting.splice(0)) arrive();
      waiting = [];
    };
    return { clock, a: replicas[0]!.attempts, b: replicas[1]!.attempts, deliver };
  };
  const stepsOf = (attempts: Attempts): string[][] =>
    attempts.list().map(({ id }) => attempts.find(id)[0]!.steps.map(({ what }) => what));

  it("make one attempt of steps that reached both before either had heard of the other", () => {
    const { clock, a, b, deliver } = pair();
    const peer = (url: string) => from("10.0.0.1", "x/1", url);
    a.note({ what: "mcp.unauthorized", status: 401, resource }, peer("/mcp"));
    clock.advance(1);
    b.note({ what: "metadata.resource", resource }, peer("/.well-known/x"));
    deliver();
    clock.advance(1);
    a.note({ what: "metadata.server" }, peer("/.well-known/y"));
    deliver();
    const whole = [["mcp.unauthorized", "metadata.resource", "metadata.server"]];
    expect([stepsOf(a), stepsOf(b)]).toEqual([whole, whole]);
    expect(a.find(b.list()[0]!.id)).toHaveLength(1);
  });

  it("do not make one of two that another replica knows as two", () => {
    const { a, b, deliver } = pair();
    for (const clientId of ["c1", "c2"]) {
      a.note({ what: "registration", clientId }, from("10.0.0.1", "x/1"));
    }
    deliver();
    expect([a.list().length, b.list().length]).toEqual([2, 2]);
  });

  it("announce an end once between them", () => {
    const clock = createFakeClock();
    const { attempts, events } = create(clock);
    const ends: GatewayEvent[] = [];
    events.subscribe((event) => {
      if (event.type === "attempt.ended") ends.push(event);
    });
    const step = { at: clock.now(), what: "mcp.unauthorized", resource } as const;
    events.publish({ type: "attempt.noted", at: step.at, attempt: "t1", step, replica: "b" });
    clock.advance(40);
    expect(attempts.find("t1")[0]!.verdict).toBe("metadata-never-fetched");
    expect(ends).toEqual([]);
  });
});
