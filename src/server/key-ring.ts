/**
 * The life of a signing key, and the one record through which every change of keys goes.
 *
 *   published ----> active ----------------> retiring ----------------> removed
 *   signsFrom - 15 min   signsFrom   signsFrom of the next   + life of its tokens + skew
 *
 * A key is published before it signs, so that whoever keeps our JWKS for a while knows it by then, and stays until the last
 * token it signed has died. States follow from the times in the records; nothing has to happen at the right moment.
 *
 * The ring names the keys there are. A change checks the ring it has read and replaces it in the same `transact`: of two
 * replicas that rotate at once, one does, and the other reads again.
 */
import { randomId } from "../random.ts";
import type { KeyRingRecord, SigningKeyRecord } from "./store/key-records.ts";
import type { Operation, Store } from "./store/store.ts";

/** How long others may keep our JWKS, in seconds. */
export const JWKS_MAX_AGE = 300;
/** How long a key is published before it signs, in seconds. */
export const PUBLISH_AHEAD = Math.max(JWKS_MAX_AGE, 900);
/** For clocks that differ, in seconds. */
const SKEW = 60;

const RING = "signing";
const ATTEMPTS = 5;

export interface KeyRing {
  readonly record: KeyRingRecord;
  /** In the order they sign. */
  readonly keys: readonly SigningKeyRecord[];
}

export type KeyState = "published" | "active" | "retiring" | "removed";

/** Seconds since the epoch. */
export interface KeyLife {
  readonly kid: string;
  readonly createdAt: number;
  readonly signsFrom: number;
  /** Undefined while no other key is to follow. */
  readonly signsUntil?: number;
  readonly verifiesUntil?: number;
}

/** The ring's version, to see cheaply whether what one knows of the keys is still so. */
export async function keyRingVersion(store: Store): Promise<string | undefined> {
  return (await store.get("keyRing", RING))?.version;
}

/** @returns undefined when there are no keys yet */
export async function readKeyRing(store: Store): Promise<KeyRing | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const record = await store.get("keyRing", RING);
    if (record === undefined) return undefined;
    const found = await Promise.all(record.kids.map((kid) => store.get("signingKey", kid)));
    const keys = found.filter((key) => key !== undefined);
    // Otherwise the ring has changed between the two reads.
    if (keys.length === found.length) return { record, keys: keys.toSorted(bySigning) };
  }
  throw new Error("The key ring names keys that are not there");
}

/**
 * Write and remove keys in one step.
 * @param seen undefined: there must be no ring yet
 * @returns false when somebody else was first; then nothing was written
 */
export function changeKeyRing(
  store: Store,
  seen: KeyRing | undefined,
  change: { put?: readonly SigningKeyRecord[]; remove?: readonly string[] },
): Promise<boolean> {
  const { put = [], remove = [] } = change;
  const kids = new Set(seen?.record.kids);
  for (const kid of remove) kids.delete(kid);
  for (const { kid } of put) kids.add(kid);
  const record: KeyRingRecord = { version: randomId(), kids: [...kids] };
  return store.transact([
    { type: "check", kind: "keyRing", id: RING, seen: seen?.record },
    ...put.map((key): Operation => ({ type: "put", kind: "signingKey", id: key.kid, record: key })),
    ...remove.map((kid): Operation => ({ type: "delete", kind: "signingKey", id: kid })),
    { type: "put", kind: "keyRing", id: RING, record },
  ]);
}

/** @param keys in the order they sign @param tokenLife seconds, for keys that do not say it */
export function keyLives(keys: readonly SigningKeyRecord[], tokenLife: number): KeyLife[] {
  return keys.map((key, index) => {
    const { kid, createdAt } = key;
    const next = keys[index + 1];
    const life = { kid, createdAt, signsFrom: startOf(key) };
    if (next === undefined) return life;
    const signsUntil = startOf(next);
    return {
      ...life,
      signsUntil,
      verifiesUntil: signsUntil + (key.tokenLife ?? tokenLife) + SKEW,
    };
  });
}

export function keyState(life: KeyLife, now: number): KeyState {
  if (life.verifiesUntil !== undefined && life.verifiesUntil <= now) return "removed";
  if (life.signsUntil !== undefined && life.signsUntil <= now) return "retiring";
  return life.signsFrom > now ? "published" : "active";
}

/** The one that signs; a clock that was set back must not leave us without. */
export function activeKey(lives: readonly KeyLife[], now: number): KeyLife {
  return lives.findLast(({ signsFrom }) => signsFrom <= now) ?? lives[0]!;
}

function startOf({ signsFrom, createdAt }: SigningKeyRecord): number {
  return signsFrom ?? createdAt;
}

function bySigning(a: SigningKeyRecord, b: SigningKeyRecord): number {
  return startOf(a) - startOf(b) || (a.kid < b.kid ? -1 : 1);
}
