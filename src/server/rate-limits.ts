/**
 * How often something may happen within a minute, counted in the store, so that all replicas count together.
 *
 * Many people share an address: everybody who uses a hosted client comes from a few, and so does an office. So
 * - what makes a record (a registration, a login) is counted by source and client, and for the source as a whole only
 *   with a high ceiling;
 * - of what does not, only failures are counted, and only failures are refused: a client that does everything right is
 *   served however much others fail next to it;
 * - MCP endpoints are not limited here.
 *
 * Windows are aligned to the minute. Counters are keyed by digests: their size is fixed, and no address is kept. When strangers
 * come from more addresses than we want to count (`MOST_COUNTERS` a minute), the addresses that are new share counters.
 */
import type { IncomingMessage } from "node:http";
import type { Config } from "../config.ts";
import { OAuthError } from "../errors.ts";
import { digest } from "../random.ts";
import type { ServerContext } from "./context.ts";
import { sourceAddress } from "./source-address.ts";
import type { Store } from "./store/store.ts";

export type Rate = keyof Config["limits"]["rates"];

type LimitContext = Pick<ServerContext, "clock" | "config" | "store">;

const WINDOW = 60; // seconds
/** A source may have so many clients at their limit. */
const SOURCE_FACTOR = 10;
const MOST_COUNTERS = 50_000;

/** What this process has begun to count in the current window. */
const begun = new WeakMap<Store, { window: number; counters: number }>();

/**
 * Count one more.
 * @param key whose it is
 * @param factor times the configured rate
 * @throws OAuthError temporarily_unavailable with status 429 when this one is too many
 */
export async function countWithin(
  context: LimitContext,
  rate: Rate,
  key: readonly string[],
  factor = 1,
): Promise<void> {
  const now = context.clock.now();
  const window = Math.floor(now / WINDOW);
  const state = stateOf(context.store, window);
  const name = digest(JSON.stringify(key));
  const isCrowded = state.counters >= MOST_COUNTERS;
  // Two characters of 64 each: 4096 shared counters.
  const counter = `rate ${rate} ${window} ${isCrowded ? name.slice(0, 2) : name.slice(0, 22)}`;
  const count = await context.store.increment(counter, WINDOW);
  if (count === 1) state.counters += 1;
  if (count <= context.config.limits.rates[rate] * factor) return;
  throw new OAuthError("temporarily_unavailable", "Too many requests; wait a little", {
    status: 429,
    retryAfter: Math.max(1, Math.ceil((window + 1) * WINDOW - now)),
    detail: `more ${rate} than ${context.config.limits.rates[rate] * factor} a minute`,
  });
}

/**
 * Count one more of this source for this client, and of this source.
 * @throws OAuthError like `countWithin`
 */
export async function countFromSource(
  context: LimitContext,
  rate: Rate,
  request: IncomingMessage,
  clientId: string,
): Promise<void> {
  const source = sourceAddress(context.config, request);
  // The source first: one that is over its ceiling begins no more counters.
  await countWithin(context, rate, [source], SOURCE_FACTOR);
  await countWithin(context, rate, [source, clientId]);
}

function stateOf(store: Store, window: number): { window: number; counters: number } {
  const known = begun.get(store);
  if (known?.window === window) return known;
  const fresh = { window, counters: 0 };
  begun.set(store, fresh);
  return fresh;
}
