import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OAuthError } from "../../../src/errors.ts";
import { countFromSource, countWithin } from "../../../src/server/rate-limits.ts";
import { createServerContext, type TestContext } from "../../support/server-context.ts";

let context: TestContext;

beforeEach(async () => {
  context = await createServerContext({
    limits: { rates: { failures: 2, logins: 1 } },
  });
  context.clock.advance(60 - (context.clock.now() % 60));
});
afterEach(() => context.close());

const count = (...key: string[]): Promise<void> => countWithin(context, "failures", key);
const from = (address: string, clientId: string): Promise<void> =>
  countFromSource(
    context,
    "failures",
    { socket: { remoteAddress: address }, headers: {} } as never,
    clientId,
  );

describe("a limit", () => {
  it("is reached by one more than the rate, and says when to come back", async () => {
    context.clock.advance(20);
    await count("a");
    await count("a");
    const error = await count("a").catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OAuthError);
    expect(error).toMatchObject({ code: "temporarily_unavailable", status: 429, retryAfter: 40 });
    context.clock.advance(40);
    await count("a");
  });

  it("is another for every key, rate and spelling", async () => {
    await Promise.all([count("a"), count("a"), count("b"), count("a", "b"), count("ab")]);
    await countWithin(context, "logins", ["a"]);
    await expect(count("a")).rejects.toThrow("Too many");
    await expect(countWithin(context, "logins", ["a"])).rejects.toThrow("Too many");
    await count("b");
  });

  it("of many at once lets exactly the rate through", async () => {
    const results = await Promise.allSettled(Array.from({ length: 50 }, () => count("a")));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
  });

  it("is shared by everybody who has the same store", async () => {
    const replica = { ...context };
    await count("a");
    await countWithin(replica, "failures", ["a"]);
    await expect(countWithin(replica, "failures", ["a"])).rejects.toThrow("Too many");
    await expect(count("a")).rejects.toThrow("Too many");
  });

  it("by source and client leaves other clients of the source alone, up to ten times the rate", async () => {
    await from("203.0.113.1", "a");
    await from("203.0.113.1", "a");
    await expect(from("203.0.113.1", "a")).rejects.toThrow("Too many");
    await from("203.0.113.1", "b");
    await from("203.0.113.2", "a");
    for (let i = 0; i < 16; i++) await from("203.0.113.1", `c${i}`);
    await expect(from("203.0.113.1", "d")).rejects.toThrow("Too many");
    await from("203.0.113.2", "d");
  });
});

describe("memory (DS-07)", () => {
  it("is bounded however many sources come within a minute", async () => {
    const keys = new Set<string>();
    const { store } = context;
    const watched = {
      ...context,
      store: {
        ...store,
        increment: (key: string, ttl: number) => {
          keys.add(key);
          return store.increment(key, ttl);
        },
      },
    };
    for (let i = 0; i < 100_000; i++) await countWithin(watched, "failures", [`source ${i}`], 1e9);
    expect(keys.size).toBeLessThanOrEqual(50_000 + 4096);
    expect(Math.max(...[...keys].map((key) => key.length))).toBeLessThan(60);
    expect([...keys].some((key) => key.includes("source"))).toBe(false);
  });
});
