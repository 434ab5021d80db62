/**
 * Waiting until what Redis has acknowledged is on its disk, where Redis itself does not wait (`appendfsync everysec`).
 *
 * WAITAOF blocks its connection until the next sync, so it has one of its own and one caller's wait serves many: everybody
 * who asks while one is under way shares the next. It waits for the last write of its own connection; a file is written in
 * order, so a small write made now stands behind every write acknowledged before.
 */
import { UserError } from "../../errors.ts";
import type { RedisConnection } from "./redis-connection.ts";

const LONGEST_WAIT = 2_500; // ms; Redis syncs every second

/** @param connect to a connection that nobody else uses */
export function createDiskWait(
  connect: () => Promise<Pick<RedisConnection, "call">>,
  key: string,
): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  async function waitOnce(): Promise<void> {
    const redis = await connect();
    const [, reply] = await Promise.all([
      redis.call("SET", key, "1", "PX", "60000"),
      redis.call("WAITAOF", "1", "0", String(LONGEST_WAIT)),
    ]);
    if (Number((reply as unknown[])[0]) < 1) {
      throw new UserError("Redis did not write to its disk in time", {
        hint: "Check the disk of the Redis server and aof_last_write_status in redis-cli INFO persistence.",
      });
    }
  }

  async function begin(): Promise<void> {
    await running?.catch(() => {});
    next = undefined;
    running = waitOnce();
    return running;
  }

  return () => (next ??= begin());
}
