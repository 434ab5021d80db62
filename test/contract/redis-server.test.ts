/**
 * What the Redis store does besides what every store must: several processes at once, servers that are not fit for it,
 * servers that go away. Redis' own clock cannot be moved, so the few waits here are real and short.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { UserError } from "../../src/errors.ts";
import { createEventBus, type EventBus, type GatewayEvent } from "../../src/events.ts";
import { randomId } from "../../src/random.ts";
import { createStore } from "../../src/server/store/index.ts";
import { createDiskWait } from "../../src/server/store/redis-durability.ts";
import type { Store } from "../../src/server/store/store.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { freePort } from "../support/bearer-proxy.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { accessToken, client, grant, refreshToken } from "./store-records.ts";

let redis: TestRedis;
let prefix: string;
let opened: Store[];
let logged: string;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.close());
beforeEach(() => {
  prefix = randomId();
  opened = [];
  logged = "";
});
afterEach(() => Promise.all(opened.map((store) => store.close())));

async function open(options: { url?: string; clockAt?: number; events?: EventBus } = {}) {
  const { url = redis.url, clockAt, events } = options;
  const log = pino({ level: "trace" }, { write: (line: string) => (logged += line) });
  const clock = clockAt === undefined ? systemClock : createFakeClock(clockAt);
  const store = await createStore(
    { type: "redis", url, prefix, path: "unused" },
    { clock, log, ...(events && { events }) },
  );
  opened.push(store);
  return store;
}

const keys = async (): Promise<string[]> =>
  (await redis.inside.keys("*")).filter((key) => key.startsWith(`{${prefix}}:`));

const refusal = async (promise: Promise<unknown>): Promise<UserError> => {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof UserError)) throw new Error(`not a UserError: ${String(error)}`);
  return error;
};

describe("several processes on one Redis", () => {
  it("give a code to one of 60 takers, and a rotation to one of 60 replacers (CD-08, RF-06)", async () => {
    const stores = await Promise.all([open(), open(), open()]);
    const seen = refreshToken("g");
    await stores[0].put("refreshToken", "taken", seen);
    await stores[0].put("refreshToken", "rotated", seen);
    const all = Array.from({ length: 60 }, (_, at) => ({ at, store: stores[at % 3]! }));
    const taken = await Promise.all(all.map(({ store }) => store.take("refreshToken", "taken")));
    expect(taken.filter(Boolean)).toHaveLength(1);
    const rotated = await Promise.all(
      all.map(({ at, store }) =>
        store.replace("refreshToken", "rotated", seen, { ...seen, rotation: { usedAt: at } }),
      ),
    );
    expect(rotated.filter(Boolean)).toHaveLength(1);
    const record = await stores[1].get("refreshToken", "rotated");
    expect(record?.rotation?.usedAt).toBe(rotated.indexOf(true));
  });

  it("agree on the time, whatever their own clocks say (ST-16)", async () => {
    const now = Date.now() / 1000;
    const late = await open({ clockAt: now - 3600 });
    const early = await open({ clockAt: now + 3600 });
    await late.put("client", "a", client("a"), 60);
    expect(await early.get("client", "a")).toBeDefined();
    await early.put("client", "b", client("b"), 0.2);
    expect(await late.get("client", "b")).toBeDefined();
    await sleep(250);
    expect(await late.get("client", "b")).toBeUndefined();
    expect(await late.get("client", "a")).toBeDefined();
  });

  it("hear each other's events once, marked, without an echo", async () => {
    const replicas = await Promise.all(
      [0, 1, 2].map(async () => {
        const heard: GatewayEvent[] = [];
        const events = createEventBus((error) => {
          throw error;
        });
        events.subscribe((event) => heard.push(event));
        await open({ events });
        return { events, heard };
      }),
    );
    await waitFor(async () => {
      const [, count] = (await redis.inside.pubsub("NUMSUB", `{${prefix}}:events`)) as [
        string,
        number,
      ];
      return count === 3;
    });
    const event: GatewayEvent = {
      type: "grant.ended", at: 1, grantId: "g", clientId: "c", subject: "s", reason: "revoked by client",
    }; // prettier-ignore
    replicas[0]!.events.publish(event);
    await waitFor(() => replicas.every(({ heard }) => heard.length > 0));
    await sleep(50);
    expect(replicas[0]!.heard).toEqual([event]);
    for (const { heard } of replicas.slice(1)) {
      expect(heard).toEqual([{ ...event, replica: expect.any(String) }]);
    }
  });
});

describe("what lies in Redis", () => {
  it("has a lifetime where the record has one, and leaves nothing behind", async () => {
    const store = await open();
    for (let at = 0; at < 30; at += 1) {
      const record = accessToken({ grantId: `g${at % 3}`, clientId: `c${at % 2}` });
      await store.put("accessToken", `t${at}`, record, 0.1);
    }
    await store.increment("k", 0.1);
    for (const key of await keys()) {
      if (/:[rn]:/.test(key)) expect(await redis.inside.pttl(key), key).not.toBe(-1); // it has none, says Redis;
    }
    await sleep(1200); // the sweep leaves a second for clocks that differ
    for (const id of ["x", "y"]) await store.put("client", id, client(id));
    await store.delete("client", "x");
    await store.delete("client", "y");
    expect(await keys()).toEqual([]);
  });

  it("survives that an expired id comes back with another owner and no lifetime", async () => {
    const store = await open();
    await store.put("accessToken", "t", accessToken({ grantId: "old" }), 0.05);
    await sleep(60);
    await store.put("accessToken", "t", accessToken({ grantId: "new" }));
    expect(await store.deleteGrant("old")).toBe(0);
    await sleep(1100);
    await store.put("client", "a", client("a"));
    expect((await store.list("accessToken", { where: { grantId: "new" } })).items).toHaveLength(1);
    expect((await store.list("accessToken", { where: { grantId: "old" } })).items).toHaveLength(0);
    expect(await store.deleteGrant("new")).toBe(1);
  });

  it("lies in one slot of a cluster, apart from other prefixes", async () => {
    const store = await open();
    await store.put("grant", "g}{", grant("g}{", "a"), 60);
    await store.increment("}k{", 60);
    // Redis hashes what stands between the first brace and the next closing one.
    const tags = (await keys()).map((key) => /\{(.+?)\}/.exec(key)?.[1]);
    expect(tags.length).toBeGreaterThan(4);
    expect(new Set(tags)).toEqual(new Set([prefix]));
    prefix = randomId();
    expect((await (await open()).list("grant")).items).toEqual([]);
  });

  it("needs no script to be known: a server that forgot them is told again", async () => {
    const store = await open();
    await store.put("client", "a", client("a"));
    await redis.inside.script("FLUSH");
    expect(await store.delete("client", "a")).toBe(true);
  });
});

describe("a Redis without memory", () => {
  afterEach(() => redis.inside.config("SET", "maxmemory", "0"));

  it("refuses new records and changes nothing, and still takes rights away", async () => {
    const store = await open();
    await store.put("grant", "g", grant("g", "a"));
    await store.put("accessToken", "t", accessToken({ grantId: "g" }));
    await redis.inside.config("SET", "maxmemory", "1");
    const both = [
      { type: "delete", kind: "grant", id: "g" },
      { type: "put", kind: "client", id: "a", record: client("a") },
    ] as const;
    const error = await refusal(store.transact(both));
    expect(error.message).toMatch(/OOM/);
    expect(error.hint).toMatch(/memory/);
    expect(await store.get("grant", "g")).toBeDefined();
    await refusal(store.put("client", "a", client("a")));
    expect(await store.deleteGrant("g")).toBe(2);
    expect(await store.get("accessToken", "t")).toBeUndefined();
  });
});

describe("a Redis that is not fit", () => {
  afterEach(
    () =>
    redis.inside.config("SET", "maxmemory-policy", "noeviction", "appendonly", "yes", "appendfsync", "always"), // prettier-ignore
  );

  it.each(["allkeys-lru", "volatile-ttl", "volatile-lru"])(
    "is refused when it evicts (%s), with the command that repairs it",
    async (policy) => {
      await redis.inside.config("SET", "maxmemory-policy", policy);
      const error = await refusal(open());
      expect(error.message).toContain(policy);
      expect(error.hint).toContain("CONFIG SET maxmemory-policy noeviction");
    },
  );

  it("is used with a loud warning when it would lose the last writes", async () => {
    await open();
    expect(logged).toBe("");
    await redis.inside.config("SET", "appendfsync", "everysec");
    await open();
    expect(JSON.parse(logged)).toMatchObject({ level: 40, msg: /appendfsync always/ });
    logged = "";
    await redis.inside.config("SET", "appendonly", "no");
    await open();
    expect(JSON.parse(logged)).toMatchObject({ level: 40, msg: /appendonly yes/ });
  });

  it("is refused when it is a replica", async () => {
    await redis.inside.replicaof("127.0.0.1", String(await freePort()));
    const error = await refusal(open());
    await redis.inside.replicaof("NO", "ONE");
    expect(error.message).toMatch(/replica/);
  });

  it("needs no more than its own prefix and a few commands (SE-04)", async () => {
    const may = ["~{PREFIX}:*", "&{PREFIX}:*", "-@all", "+@read", "+@write", "+@scripting", "+@pubsub", "+@connection"]; // prettier-ignore
    const rules = [...may, "-keys", "+time", "+info"].map((rule) => rule.replace("PREFIX", prefix));
    await redis.inside.acl("SETUSER", "gateway", "on", ">pass word/@:", ...rules);
    const user = `gateway:${encodeURIComponent("pass word/@:")}`;
    const events = createEventBus((error) => {
      throw error;
    });
    const store = await open({ url: redis.url.replace("//", `//${user}@`), events });
    await store.put("accessToken", "t", accessToken({ grantId: "g" }), 60);
    expect(await store.increment("k", 60)).toBe(1);
    expect((await store.list("accessToken")).items).toHaveLength(1);
    expect(await store.deleteGrant("g")).toBe(1);
    await waitFor(async () => {
      const count = (await redis.inside.pubsub("NUMSUB", `{${prefix}}:events`))[1];
      return count === 1;
    });
    await redis.inside.acl("DELUSER", "gateway");
  });

  it("is named without its password, in errors and in the log", async () => {
    const password = "hunter2hunter2";
    const port = await freePort();
    const absent = await refusal(open({ url: `redis://me:${password}@127.0.0.1:${port}/3` }));
    expect(absent.message).toContain(`127.0.0.1:${port}/3`);
    expect(absent.message).toMatch(/ECONNREFUSED/);
    const wrong = await refusal(open({ url: redis.url.replace("//", `//me:${password}@`) }));
    expect(wrong.message).toMatch(/WRONGPASS/);
    for (const error of [absent, wrong]) {
      expect(inspect(error)).not.toContain(password);
      expect(error.cause).toBeUndefined();
    }
    expect(logged).not.toContain(password);
    expect((await refusal(open({ url: "http://127.0.0.1" }))).message).toMatch(/not the URL/);
  });
});

describe("a Redis that goes away", () => {
  it("is reported at once, and used again as soon as it is back (ST-12)", async () => {
    const own = await startRedis();
    try {
      const store = await open({ url: own.url });
      await store.put("client", "a", client("a"));
      await own.signal("SIGKILL");
      const begun = performance.now();
      const errors = await Promise.all([
        refusal(store.get("client", "a")),
        refusal(store.put("client", "b", client("b"))),
        refusal(store.increment("k", 60)),
      ]);
      expect(performance.now() - begun).toBeLessThan(1000);
      for (const { message } of errors) expect(message).toContain(String(own.port));
      await own.restart();
      await waitFor(() => store.get("client", "a").catch(() => undefined));
      await store.put("client", "b", client("b"));
      expect(logged).toMatch(/out of reach/);
      await waitFor(() => /is back/.test(logged));
    } finally {
      await own.close();
    }
  });

  it("keeps nobody waiting when it only hangs", async () => {
    const own = await startRedis();
    try {
      const store = await open({ url: own.url });
      await own.signal("SIGSTOP");
      const error = await refusal(store.put("client", "a", client("a")));
      expect(error.message).toMatch(/timed out/);
      // Its silence was noticed: from now on nobody waits at all.
      await sleep(1500);
      const begun = performance.now();
      await refusal(store.get("client", "a"));
      expect(performance.now() - begun).toBeLessThan(500);
      await own.signal("SIGCONT");
      await waitFor(() => store.put("client", "b", client("b")).then(() => true, () => false)); // prettier-ignore
    } finally {
      await own.close();
    }
  });

  it("is refused when it comes back as one that evicts", async () => {
    const own = await startRedis();
    try {
      const store = await open({ url: own.url });
      await own.signal("SIGKILL");
      await own.restart({ "maxmemory-policy": "allkeys-lru" });
      await waitFor(async () =>
        /allkeys-lru/.test((await refusal(store.get("client", "a"))).message),
      );
    } finally {
      await own.close();
    }
  });
});

describe("waiting for the disk (ST-14)", () => {
  it("lets many share one wait, and nobody pass on a sync that began before", async () => {
    const sent: string[] = [];
    const answers: ((reply: unknown) => void)[] = [];
    const wait = createDiskWait(async () => ({
      call(command) {
        sent.push(command);
        return command === "SET" ? Promise.resolve("OK") : new Promise((resolve) => answers.push(resolve)); // prettier-ignore
      },
    }), "key"); // prettier-ignore
    const done: string[] = [];
    const first = wait().then(() => done.push("first"));
    await sleep(1);
    const others = ["a", "b"].map((name) => wait().then(() => done.push(name)));
    await sleep(1);
    expect(sent).toEqual(["SET", "WAITAOF"]);
    answers[0]!([1, 0]);
    await first;
    expect(done).toEqual(["first"]);
    await sleep(1);
    expect(sent).toEqual(["SET", "WAITAOF", "SET", "WAITAOF"]);
    answers[1]!([1, 0]);
    await Promise.all(others);
    const late = refusal(wait());
    await sleep(1);
    answers[2]!([0, 0]);
    expect((await late).message).toMatch(/disk/);
    const again = wait();
    await sleep(1);
    answers[3]!([1, 0]);
    await again;
  });
});

async function waitFor(isSo: () => unknown): Promise<void> {
  for (const end = performance.now() + 10_000; performance.now() < end; await sleep(20)) {
    if (await isSo()) return;
  }
  throw new Error("it did not come about");
}
