/**
 * The store for more than one process: Redis holds everything, each call is one script there (redis-scripts.ts), and the time
 * that decides is Redis' own. Nothing is remembered here, so a revocation by one replica counts for all at once.
 *
 * Durable is what Redis has in its append-only file: written before it answers, which survives `kill -9`, and synced, which
 * survives power loss, with `appendfsync always` or where it can be waited for (redis-durability.ts). redis-server.ts says so
 * when it is less.
 */
import type { StoreConfig } from "../../config.ts";
import { UserError } from "../../errors.ts";
import { resolveSecret } from "../../secret.ts";
import { RedisConnection } from "./redis-connection.ts";
import { createDiskWait } from "./redis-durability.ts";
import { relayEvents } from "./redis-events.ts";
import { decodeRecord, encodeStep, encodeText, idOf, milliseconds, nameOf, ownersOf, type Step } from "./redis-format.ts"; // prettier-ignore
import { INCREMENT, PAGE, TRANSITION } from "./redis-scripts.ts";
import { inspectServer } from "./redis-server.ts";
import { DURABILITY, type Kind, type Records } from "./records.ts";
import type { ListOptions, Operation, Page, Store } from "./store.ts";
import type { StoreContext } from "./store-context.ts";

const DEFAULT_LIMIT = 1000; // records in a page

/** @throws UserError when Redis is out of reach or not fit to keep anything */
export async function openRedisStore(
  config: Extract<StoreConfig, { type: "redis" }>,
  context: StoreContext,
): Promise<Store> {
  const url = resolveSecret(config.url, "store.url");
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol)) {
    throw new UserError("store.url is not the URL of a Redis server", {
      hint: "It looks like redis://host:6379 or rediss://user:password@host:6379/0.",
    });
  }
  const base = `{${config.prefix}}:`;
  const redis = new RedisConnection(url, context.log);
  let mustWait = false;
  await redis.open(async (connection) => {
    mustWait = await inspectServer(connection, context.log);
  });
  let waiting: RedisConnection | undefined;
  const diskWait = createDiskWait(async () => {
    if (waiting) return waiting;
    const opened = new RedisConnection(url, context.log);
    await opened.open(async () => {});
    return (waiting = opened);
  }, `${base}durable`);
  const relay =
    context.events && relayEvents(redis, `${base}events`, { ...context, events: context.events });
  return new RedisStore(redis, base, {
    onDisk: async () => (mustWait ? diskWait() : undefined),
    onClose() {
      relay?.close();
      waiting?.close();
    },
  });
}

class RedisStore implements Store {
  readonly #redis: RedisConnection;
  readonly #base: string;
  readonly #hooks: { onDisk(): Promise<void>; onClose(): void };
  readonly #pending = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(
    redis: RedisConnection,
    base: string,
    hooks: { onDisk(): Promise<void>; onClose(): void },
  ) {
    this.#redis = redis;
    this.#base = base;
    this.#hooks = hooks;
  }

  async get<K extends Kind>(kind: K, id: string): Promise<Records[K] | undefined> {
    const key = `${this.#base}r:${nameOf(kind, id)}`;
    const text = await this.#track(() => this.#redis.call("HGET", key, "v"));
    return typeof text === "string" ? (decodeRecord(text) as Records[K]) : undefined;
  }

  async put<K extends Kind>(kind: K, id: string, record: Records[K], ttl?: number): Promise<void> {
    const lifetime = ttl === undefined ? {} : { ttl };
    // The casts: TypeScript does not see that `kind` and the record belong together in a union of operations.
    await this.#transit([{ type: "put", kind, id, record, ...lifetime } as Operation]);
  }

  async take<K extends Kind>(kind: K, id: string): Promise<Records[K] | undefined> {
    const [text] = (await this.#transit([{ type: "take", kind, id }]))!;
    return text === "" ? undefined : (decodeRecord(String(text)) as Records[K]);
  }

  async replace<K extends Kind>(
    kind: K,
    id: string,
    seen: Records[K],
    next: Records[K],
    ttl?: number,
  ): Promise<boolean> {
    return this.transact([
      { type: "check", kind, id, seen } as Operation,
      { type: "put", kind, id, record: next, ttl: ttl ?? "keep" } as Operation,
    ]);
  }

  async delete(kind: Kind, id: string): Promise<boolean> {
    return (await this.take(kind, id)) !== undefined;
  }

  async list<K extends Kind>(kind: K, options: ListOptions = {}): Promise<Page<K>> {
    const { cursor, where = {}, limit = DEFAULT_LIMIT } = options;
    const owners = ownersOf(where);
    const first = owners.findIndex((owner) => owner !== "");
    const set = first === -1 ? "all" : `${"gcs"[first]!}:${owners[first]!.slice(1)}`;
    const from = cursor === undefined ? "" : nameOf(kind, cursor);
    const size = String(Math.max(1, Math.floor(limit)));
    const [more, ...found] = (await this.#track(() =>
      this.#run(PAGE, [set, kind, from, size, ...owners]),
    )) as [number, ...string[]];
    const items: Page<K>["items"] = [];
    for (let at = 0; at < found.length; at += 2) {
      items.push({ id: idOf(found[at]!), record: decodeRecord(found[at + 1]!) as Records[K] });
    }
    return more === 1 ? { items, cursor: items.at(-1)!.id } : { items };
  }

  async deleteGrant(grantId: string): Promise<number> {
    const [count] = (await this.#transit([{ type: "deleteGrant", grantId }]))!;
    return Number(count);
  }

  async increment(key: string, ttl: number): Promise<number> {
    const args = [encodeText(key), milliseconds(ttl)];
    return Number(await this.#track(() => this.#run(INCREMENT, args)));
  }

  async transact(operations: readonly Operation[]): Promise<boolean> {
    return (await this.#transit(operations)) !== undefined;
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#pending);
    this.#hooks.onClose();
    this.#redis.close();
  }

  /** @returns an answer for each step; undefined when a check failed */
  #transit(steps: readonly Step[]): Promise<unknown[] | undefined> {
    return this.#track(async () => {
      const answers = await this.#run(TRANSITION, steps.flatMap(encodeStep));
      // Without a change, too: what was decided on may be a write of somebody else that is not on disk yet.
      if (steps.some(isDurable)) await this.#hooks.onDisk();
      return Array.isArray(answers) ? answers : undefined;
    });
  }

  #run(script: string, args: readonly string[]): Promise<unknown> {
    return this.#redis.run(script, `${this.#base}all`, [this.#base, ...args]);
  }

  /** So that `close` can wait for what was begun before it. */
  async #track<T>(task: () => Promise<T>): Promise<T> {
    if (this.#closing) throw new Error("The store is closed.");
    const running = task();
    this.#pending.add(running);
    try {
      return await running;
    } finally {
      this.#pending.delete(running);
    }
  }
}

function isDurable(step: Step): boolean {
  return step.type === "deleteGrant" || DURABILITY[step.kind] === "durable";
}
