/**
 * MCP sessions in the store, so that they outlive the process that serves them.
 *
 * Where several gateways share the store, a session belongs to the one that serves it. Each shows every few seconds that
 * it lives; another may take a session over once its owner has stopped showing that, or has said goodbye. While the owner
 * lives the session is unknown everywhere else: one session never has two servers.
 */
import type { RememberedSession, SessionMemory } from "../bridge/bridge.ts";
import type { Clock } from "../clock.ts";
import { digest, randomId } from "../random.ts";
import type { McpSessionRecord } from "./store/session-records.ts";
import type { Store } from "./store/store.ts";

const BEAT = 2; // seconds between two signs of life
const SILENCE = 7; // seconds without one after which a gateway is gone
const LOOK = 0.5; // seconds between two looks for a sign of life

export interface SessionMemoryOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Of a session, in seconds; asked each time, so that it may change. */
  readonly limits: { readonly sessionLifetime: number };
  /** Whether other processes use the same store. */
  readonly isShared: boolean;
  /** Somebody else serves this session now, because nobody heard from us for too long. */
  readonly onTaken: (id: string) => void;
}

export interface StoredSessionMemory extends SessionMemory {
  /** Others may have our sessions from now on. */
  close(): Promise<void>;
}

export function createSessionMemory(options: SessionMemoryOptions): StoredSessionMemory {
  const { store, clock, limits, isShared, onTaken } = options;
  const owner = randomId();
  /** Ids of sessions we serve. */
  const own = new Set<string>();
  let cancelBeat: (() => void) | undefined;
  let beats = 0;

  let lastBeat = Number.POSITIVE_INFINITY;

  const beat = async (): Promise<void> => {
    cancelBeat = clock.after(BEAT, () => void beat().catch(() => undefined));
    beats += 1;
    await store.put("gatewayProcess", owner, { beats }, SILENCE);
    const silence = clock.now() - lastBeat;
    lastBeat = clock.now();
    if (silence >= SILENCE) await findTaken();
  };
  /** A process that was stopped for a while, or cut off from the store, may not be the owner any more. */
  const findTaken = async (): Promise<void> => {
    for (const id of own) {
      const record = await store.get("mcpSession", digest(id));
      if (record === undefined || record.owner === owner) continue;
      own.delete(id);
      onTaken(id);
    }
  };
  const showLife = async (): Promise<void> => {
    if (isShared && cancelBeat === undefined) await beat();
  };

  /** Waits for a sign of life of `other`, for as long as it may take. */
  const isGone = async (other: string): Promise<boolean> => {
    const first = await store.get("gatewayProcess", other);
    for (let waited = 0; first && waited < SILENCE + BEAT; waited += LOOK) {
      await new Promise<void>((resolve) => clock.after(LOOK, resolve));
      const now = await store.get("gatewayProcess", other);
      if (!now) return true;
      if (now.beats !== first.beats) return false;
    }
    return true;
  };

  const idOf = (id: string): string => digest(id);
  const ttlOf = ({ openedAt }: RememberedSession): number =>
    openedAt + limits.sessionLifetime - clock.now();

  return {
    async save(id, session) {
      await showLife();
      own.add(id);
      const record: McpSessionRecord = { ...session, owner };
      // A grant that has ended while the session was opened must not leave this behind.
      await store.transact([
        { type: "checkExists", kind: "grant", id: session.grantId },
        { type: "put", kind: "mcpSession", id: idOf(id), record, ttl: ttlOf(session) },
      ]);
    },
    async claim(id, isMeant) {
      const key = idOf(id);
      const record = await store.get("mcpSession", key);
      if (!record || !isMeant(record)) return undefined;
      if (record.owner === owner) return record;
      if (isShared && !(await isGone(record.owner))) return undefined;
      await showLife();
      const claimed = { ...record, owner };
      return (await store.replace("mcpSession", key, record, claimed)) ? claimed : undefined;
    },
    async forget(id) {
      own.delete(id);
      const key = idOf(id);
      const record = await store.get("mcpSession", key);
      if (record?.owner === owner) await store.delete("mcpSession", key);
    },
    async close() {
      cancelBeat?.();
      if (isShared) await store.delete("gatewayProcess", owner);
    },
  };
}
