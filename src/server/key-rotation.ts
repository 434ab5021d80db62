/**
 * What changes the keys: the first start, the schedule, the operator, and a changed configuration. Each change is one step
 * of the ring (key-ring.ts); whoever comes second reads again and finds nothing left to do, or decides anew.
 *
 * A key whose private part lay in clear when encryption was switched on is encrypted and replaced: the clear text may still
 * be on the disk, in a backup or in a replica's memory, where encryption comes too late.
 */
import { epochSeconds, type Clock } from "../clock.ts";
import { UserError } from "../errors.ts";
import {
  activeKey,
  changeKeyRing,
  keyLives,
  keyState,
  PUBLISH_AHEAD,
  readKeyRing,
  type KeyLife,
  type KeyRing,
} from "./key-ring.ts";
import type { KeySeal } from "./sealed-key.ts";
import { generateSigningKey } from "./signing-key.ts";
import type { SigningKeyRecord } from "./store/key-records.ts";
import type { Store } from "./store/store.ts";

export interface RotatedKeys {
  /** The new key. */
  kid: string;
  signsFrom: number;
  /** Keys whose tokens died with them. */
  removed: string[];
}

export interface KeyRotation {
  /**
   * The ring as it has to be under this configuration; made when there is none.
   * @throws UserError when a key cannot be decrypted
   */
  ensure(): Promise<KeyRing>;
  /** Publish a successor of a key that is old enough, remove keys whose tokens have died. @returns whether it did */
  rotateWhenDue(): Promise<boolean>;
  rotate(isEmergency: boolean): Promise<RotatedKeys>;
}

export interface KeyRotationOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly seal: KeySeal;
  /** Longest life of a token from now on, in seconds. */
  readonly tokenLife: number;
  /** When a key is old enough to be replaced, in seconds. */
  readonly age: number;
}

const ATTEMPTS = 10;

export function createKeyRotation(options: KeyRotationOptions): KeyRotation {
  const { store, clock, seal, tokenLife, age } = options;

  async function makeKey(signsFrom: number): Promise<SigningKeyRecord> {
    const { kid, privateJwk } = await generateSigningKey();
    const createdAt = epochSeconds(clock);
    return seal.close({ kid, algorithm: "ES256", createdAt, signsFrom, tokenLife }, privateJwk);
  }

  const livesOf = (ring: KeyRing): KeyLife[] => keyLives(ring.keys, tokenLife);

  function hasSuccessor(ring: KeyRing): boolean {
    return livesOf(ring).some((life) => keyState(life, clock.now()) === "published");
  }

  /** Keys that are not stored as this configuration wants them, as it wants them. */
  async function renewed(ring: KeyRing): Promise<SigningKeyRecord[]> {
    const changed = await Promise.all(
      ring.keys.map(async (key) => {
        const isShort = (key.tokenLife ?? 0) < tokenLife;
        const next = isShort ? { ...key, tokenLife } : key;
        if (await seal.isStale(key)) return seal.close(next, await seal.open(key));
        return isShort ? next : undefined;
      }),
    );
    return changed.filter((key) => key !== undefined);
  }

  /** Keys of a store from before there was a ring, else the first one. */
  async function firstKeys(): Promise<SigningKeyRecord[]> {
    const { items } = await store.list("signingKey");
    return items.length > 0
      ? items.map(({ record }) => record)
      : [await makeKey(epochSeconds(clock))];
  }

  /** @param step undefined when there is nothing to do; its result when its change went through */
  async function attempt<T>(
    step: () => Promise<{ isDone: boolean; result: T } | undefined>,
  ): Promise<T | undefined> {
    for (let count = 0; count < ATTEMPTS; count += 1) {
      const outcome = await step();
      if (outcome === undefined || outcome.isDone) return outcome?.result;
    }
    throw new Error("The keys are being changed by others without end");
  }

  async function ensure(): Promise<KeyRing> {
    const ring = await attempt(async () => {
      const seen = await readKeyRing(store);
      if (seen === undefined) {
        await changeKeyRing(store, undefined, { put: await firstKeys() });
        return { isDone: false, result: undefined };
      }
      const put = await renewed(seen);
      if (put.length === 0) return { isDone: true, result: seen };
      const hadClear = seen.keys.some((key) => key.privateJwk !== undefined);
      const isExposed = hadClear && put.some((key) => key.sealedJwk !== undefined);
      if (isExposed && !hasSuccessor(seen)) {
        put.push(await makeKey(epochSeconds(clock) + PUBLISH_AHEAD));
      }
      await changeKeyRing(store, seen, { put });
      return { isDone: false, result: undefined };
    });
    return ring!;
  }

  return {
    ensure,
    async rotateWhenDue() {
      const isDone = await attempt(async () => {
        const ring = await ensure();
        const now = clock.now();
        const lives = livesOf(ring);
        const remove = lives.filter((life) => keyState(life, now) === "removed");
        const isOld = activeKey(lives, now).signsFrom + age - PUBLISH_AHEAD <= now;
        const isDue = isOld && !hasSuccessor(ring);
        if (!isDue && remove.length === 0) return undefined;
        const change = {
          put: isDue ? [await makeKey(epochSeconds(clock) + PUBLISH_AHEAD)] : [],
          remove: remove.map(({ kid }) => kid),
        };
        return { isDone: await changeKeyRing(store, ring, change), result: true };
      });
      return isDone ?? false;
    },
    async rotate(isEmergency) {
      const rotated = await attempt(async () => {
        const ring = await ensure();
        const next = livesOf(ring).find((life) => keyState(life, clock.now()) === "published");
        if (next !== undefined && !isEmergency) throw alreadyPublished(next);
        const key = await makeKey(epochSeconds(clock) + (isEmergency ? 0 : PUBLISH_AHEAD));
        const removed = isEmergency ? ring.record.kids : [];
        return {
          isDone: await changeKeyRing(store, ring, { put: [key], remove: removed }),
          result: { kid: key.kid, signsFrom: key.signsFrom!, removed: [...removed] },
        };
      });
      return rotated!;
    },
  };
}

function alreadyPublished({ kid, signsFrom }: KeyLife): UserError {
  const time = new Date(signsFrom * 1000).toISOString();
  return new UserError(`A new key is published already: ${kid} signs from ${time}`, {
    hint: "Wait until then. If a key has leaked, use --emergency.",
  });
}
