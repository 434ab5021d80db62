/**
 * Room for one more client: there are never more than `registration.clients`, however many strangers register.
 *
 * Clients that never got a token go first, the oldest of them first; then those whose tokens have all ended, the longest unused
 * first. A client with a living grant, and one an operator registered, is never put out for a newcomer.
 *
 * To count is to list, so it is done once a minute and in between each process adds what it registers itself; and when the
 * number is reached, room is made for a hundredth at once. Replicas may together be over the number by what they register
 * within that minute.
 */
import { OAuthError } from "../../errors.ts";
import type { ServerContext } from "../context.ts";
import type { ClientRecord } from "../store/client-records.ts";
import type { Store } from "../store/store.ts";

const RECOUNT = 60; // seconds

const MOST_TRIED = 1000; // clients looked at in one sweep

interface Count {
  clients: number;
  countedAt: number;
  /** The last sweep found nobody who may go: until the next count it is not worth trying. */
  isStuck: boolean;
  /** Counted already, but perhaps not stored yet. */
  arriving: Set<Promise<unknown>>;
  sweep?: Promise<void> | undefined;
}

const counts = new WeakMap<Store, Count>();

/**
 * Store one more client that registers itself.
 * @param write stores it
 * @throws OAuthError temporarily_unavailable when all clients are in use
 */
export async function admitClient(
  context: ServerContext,
  write: () => Promise<unknown>,
): Promise<void> {
  const { store, clock, config } = context;
  const most = config.registration.clients;
  const count = counts.get(store) ?? {
    clients: 0,
    countedAt: Number.NEGATIVE_INFINITY,
    isStuck: false,
    arriving: new Set(),
  };
  counts.set(store, count);
  while (clock.now() - count.countedAt >= RECOUNT || count.clients >= most) {
    if (count.isStuck && clock.now() - count.countedAt < RECOUNT) throw noRoom(most);
    // Everybody who comes meanwhile waits for the same sweep.
    count.sweep ??= sweep(context, count).finally(() => (count.sweep = undefined));
    await count.sweep;
  }
  count.clients += 1;
  const arrival = write();
  count.arriving.add(arrival);
  let isStored = false;
  try {
    await arrival;
    isStored = true;
  } finally {
    count.arriving.delete(arrival);
    if (!isStored) count.clients -= 1;
  }
}

async function sweep(context: ServerContext, count: Count): Promise<void> {
  const { store, clock, config, log } = context;
  const most = config.registration.clients;
  // Nobody new arrives while this runs, so after it the list is complete.
  await Promise.allSettled(count.arriving);
  let clients = 0;
  const candidates: ClientRecord[] = [];
  for await (const client of allClients(store)) {
    clients += 1;
    if (client.via === "registration") candidates.push(client);
  }
  const wanted = clients < most ? 0 : clients - most + Math.max(1, Math.floor(most / 100));
  let evicted = 0;
  for (const client of wanted === 0 ? [] : candidates.toSorted(byUse).slice(0, MOST_TRIED)) {
    if (evicted >= wanted) break;
    if (await evict(store, client)) evicted += 1;
  }
  if (evicted > 0) log.warn({ evicted, most }, "clients were forgotten to make room");
  count.clients = clients - evicted;
  count.countedAt = clock.now();
  count.isStuck = count.clients >= most;
}

function noRoom(most: number): OAuthError {
  return new OAuthError("temporarily_unavailable", "No more clients can be registered for now", {
    detail: `registration.clients is ${most} and all are in use`,
  });
}

/** Never used before used, then the oldest first. */
function byUse(a: ClientRecord, b: ClientRecord): number {
  return (a.lastUsedAt ?? 0) - (b.lastUsedAt ?? 0) || a.registeredAt - b.registeredAt;
}

/** @returns false for a client with a living grant, and for one somebody has written to since it was listed */
async function evict(store: Store, client: ClientRecord): Promise<boolean> {
  const { clientId } = client;
  const grants = await store.list("grant", { where: { clientId }, limit: 1 });
  if (grants.items.length > 0) return false;
  return store.transact([
    { type: "check", kind: "client", id: clientId, seen: client },
    { type: "delete", kind: "client", id: clientId },
  ]);
}

async function* allClients(store: Store): AsyncGenerator<ClientRecord> {
  let cursor: string | undefined;
  do {
    const page = await store.list("client", cursor === undefined ? {} : { cursor });
    for (const { record } of page.items) yield record;
    cursor = page.cursor;
  } while (cursor !== undefined);
}
