/**
 * What a stranger can begin without being anybody (a login, a pushed request, a device code) lives for minutes. Within them there
 * may be so many and no more (`limits.pendingLogins`, of each kind, in each process): with one too many the oldest goes.
 * Whoever began it may begin again; memory and disk stay what they are.
 */
import type { ServerContext } from "../context.ts";
import type { Kind } from "../store/records.ts";
import type { Store } from "../store/store.ts";

type Pending = Extract<Kind, "interaction" | "pushedRequest" | "deviceCode">;

/** Ids in the order they came: a ring once it is full. */
interface Ring {
  ids: string[];
  oldest: number;
}

const rings = new WeakMap<Store, Map<Pending, Ring>>();

/** To be called when `id` was stored. */
export async function boundPending(
  { store, config }: Pick<ServerContext, "store" | "config">,
  kind: Pending,
  id: string,
): Promise<void> {
  const ofStore = rings.get(store) ?? new Map<Pending, Ring>();
  rings.set(store, ofStore);
  const ring = ofStore.get(kind) ?? { ids: [], oldest: 0 };
  ofStore.set(kind, ring);
  if (ring.ids.length < config.limits.pendingLogins) {
    ring.ids.push(id);
    return;
  }
  const dropped = ring.ids[ring.oldest]!;
  ring.ids[ring.oldest] = id;
  ring.oldest = (ring.oldest + 1) % ring.ids.length;
  await store.delete(kind, dropped);
}
