import { pino } from "pino";
import { afterAll, beforeAll } from "vitest";
import { randomId } from "../../src/random.ts";
import { createStore } from "../../src/server/store/index.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { describeStore } from "./store-contract.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis({ appendfsync: "everysec" });
});
afterAll(() => redis?.close());

/**
 * Nobody can move the clock of a Redis server. What can be moved is everything that lies ahead of it: every lifetime is
 * brought nearer by as much, in one step, and Redis' own clock goes on deciding.
 */
const BRING_NEARER = `
local due = ARGV[1] .. 'due'
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  local left = redis.call('PTTL', key)
  if left >= 0 then redis.call('PEXPIRE', key, left - ARGV[2]) end
end
for _, member in ipairs(redis.call('ZRANGE', due, 0, -1)) do
  redis.call('ZINCRBY', due, -ARGV[2], member)
end`;

describeStore("redis", async () => {
  const prefix = randomId();
  const open = () =>
    createStore(
      { type: "redis", url: redis.url, prefix, path: "unused" },
      // A clock that stands still: it must not matter.
      { clock: createFakeClock(), log: pino({ level: "silent" }) },
    );
  let current = await open();
  return {
    store: current,
    async advance(seconds) {
      await redis.inside.eval(BRING_NEARER, 0, `{${prefix}}:`, Math.round(seconds * 1000));
    },
    async reopen() {
      await current.close();
      return (current = await open());
    },
    dispose: () => current.close(),
  };
});
