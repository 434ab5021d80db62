/**
 * What a Redis server must be like before it may hold what the gateway promises to keep.
 */
import { UserError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { RedisConnection } from "./redis-connection.ts";

const OLDEST = [6, 2];

/**
 * @returns whether a write is on disk only after WAITAOF
 * @throws UserError when the server would forget on its own, cannot be written to, or is too old
 */
export async function inspectServer(redis: RedisConnection, log: Log): Promise<boolean> {
  const info = parseInfo(String(await redis.call("INFO")));
  const { where } = redis;
  const version = info.get("redis_version") ?? "";
  if (isOlder(version)) {
    throw new UserError(`Redis at ${where} is version ${version}`, {
      hint: `The store needs Redis ${OLDEST.join(".")} or newer.`,
    });
  }
  const policy = info.get("maxmemory_policy");
  if (policy !== "noeviction") {
    throw new UserError(`Redis at ${where} throws records away when memory is short (${policy})`, {
      hint:
        "A revocation that is thrown away opens a door. Run: redis-cli CONFIG SET maxmemory-policy noeviction, " +
        "and write the same into redis.conf.",
    });
  }
  if (info.get("role") !== "master") {
    throw new UserError(`Redis at ${where} is a replica, which nobody can write to`, {
      hint: "Name its master in store.url.",
    });
  }
  if (info.get("aof_enabled") !== "1") {
    log.warn(
      { redis: where },
      "Redis keeps no append-only file: what it loses in a crash, revocations included, is lost. " +
        "Run: redis-cli CONFIG SET appendonly yes, and write the same into redis.conf",
    );
    return false;
  }
  if ((await appendFsync(redis)) === "always") return false;
  if (await hasWaitAof(redis)) {
    log.warn(
      { redis: where },
      "Redis syncs its file once a second and every answer waits for it. " +
        "Faster: redis-cli CONFIG SET appendfsync always",
    );
    return true;
  }
  log.warn(
    { redis: where },
    "A power cut may lose the last second that Redis acknowledged. " +
      "Run: redis-cli CONFIG SET appendfsync always, and write the same into redis.conf",
  );
  return false;
}

/** Hosted servers often hide their configuration; then the careful answer is assumed. */
async function appendFsync(redis: RedisConnection): Promise<string | undefined> {
  try {
    const [, value] = (await redis.call("CONFIG", "GET", "appendfsync")) as string[];
    return value;
  } catch {
    return undefined;
  }
}

async function hasWaitAof(redis: RedisConnection): Promise<boolean> {
  try {
    const [command] = (await redis.call("COMMAND", "INFO", "waitaof")) as unknown[];
    return Array.isArray(command) && command.length > 0;
  } catch {
    return false;
  }
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < OLDEST[0]! || (major === OLDEST[0] && minor < OLDEST[1]!);
}

function parseInfo(text: string): ReadonlyMap<string, string> {
  const lines = text.split("\r\n").map((line) => line.split(":"));
  return new Map(lines.map(([name = "", ...value]) => [name, value.join(":")]));
}
