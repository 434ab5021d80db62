/**
 * The keys that sign access tokens (ES256). The algorithm is ours to choose: nothing in a token can change it.
 *
 * The first start makes one and keeps it in the store; tokens survive a restart because it does. `kid` is the RFC 7638
 * thumbprint, so a key cannot be taken for another. When keys come and go is told in key-ring.ts, how their private parts
 * are kept in sealed-key.ts.
 *
 * Every use asks the store whether the keys are still those this process knows: a key that was removed in an emergency, by
 * any replica, neither signs nor verifies from the next request on.
 */
import type { JWK, JWTPayload } from "jose";
import { createPrivateKey, createPublicKey, sign as signBytes, type KeyObject } from "node:crypto";
import { epochSeconds, type Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { EventBus } from "../events.ts";
import type { Log } from "../log.ts";
import { resolveSecret } from "../secret.ts";
import { deriveSecret } from "./derived-secret.ts";
import {
  activeKey,
  keyLives,
  keyRingVersion,
  keyState,
  type KeyLife,
  type KeyRing,
  type KeyState,
} from "./key-ring.ts";
import { createKeyRotation, type RotatedKeys } from "./key-rotation.ts";
import { createKeySeal } from "./sealed-key.ts";
import { publicMembers } from "./signing-key.ts";
import type { Store } from "./store/store.ts";

export interface SigningKeys {
  /** @returns a signed JWT, `alg` ES256, with `kid` and the given `typ`. */
  sign(claims: JWTPayload, typ: string): Promise<string>;
  /** The public key with this id, while tokens signed by it may still live. */
  verificationKey(kid: string): Promise<KeyObject | undefined>;
  /** Public members only (RFC 7517), those that sign last first. */
  jwks(): Promise<{ keys: JWK[] }>;
  /** 256-bit secrets for another purpose, one of each key, newest first; the same on every replica, stored nowhere. */
  derive(purpose: string): Promise<readonly Buffer[]>;
  /** In the order they sign. */
  list(): Promise<(KeyLife & { state: KeyState; isEncrypted: boolean })[]>;
  /**
   * Replace the key that signs: with a published successor, or in an emergency at once, and with all tokens of all keys.
   * @throws UserError when a successor is published already and this is no emergency
   */
  rotate(options: { isEmergency: boolean }): Promise<RotatedKeys>;
  /** Ends scheduled rotation. */
  close(): Promise<void>;
}

export interface SigningKeysContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly config: Pick<Config, "keys" | "tokens">;
  readonly events: EventBus;
  readonly log: Log;
}

const INTERVAL = 60; // seconds between two looks at what is due
const ATTEMPTS = 5;

/** What this process knows of one version of the ring. */
interface Known {
  readonly ring: KeyRing;
  readonly lives: readonly KeyLife[];
  readonly keys: ReadonlyMap<string, { privateKey: KeyObject; publicKey: KeyObject }>;
}

/**
 * Reads the keys, or makes the first one, and looks after them until closed.
 * @throws UserError when keys are encrypted and keys.encryption does not open them
 */
export async function createSigningKeys(context: SigningKeysContext): Promise<SigningKeys> {
  const { store, clock, config, events, log } = context;
  const { encryption } = config.keys;
  const references = encryption === undefined ? [] : [encryption].flat();
  const seal = createKeySeal(references.map((one) => resolveSecret(one, "keys.encryption")));
  const tokenLife = Math.max(1, Math.floor(config.tokens.accessToken));
  const rotation = createKeyRotation({ store, clock, seal, tokenLife, age: config.keys.rotation });

  async function open(ring: KeyRing): Promise<Known> {
    const opened = await Promise.all(
      ring.keys.map(async (record) => {
        const privateKey = createPrivateKey({ key: await seal.open(record), format: "jwk" });
        return [record.kid, { privateKey, publicKey: createPublicKey(privateKey) }] as const;
      }),
    );
    return { ring, lives: keyLives(ring.keys, tokenLife), keys: new Map(opened) };
  }

  let known = await open(await rotation.ensure());
  let reading: Promise<void> | undefined;

  async function read(): Promise<void> {
    const next = await open(await rotation.ensure());
    const before = known;
    known = next;
    announce(before, next);
  }

  async function current(): Promise<Known> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      if ((await keyRingVersion(store)) === known.ring.record.version) return known;
      reading ??= read().finally(() => (reading = undefined));
      await reading;
    }
    throw new Error("The keys change faster than they can be read");
  }

  function announce(before: Known, after: Known): void {
    const at = epochSeconds(clock);
    for (const { kid, signsFrom } of after.lives) {
      if (!before.keys.has(kid)) events.publish({ type: "key.published", at, kid, signsFrom });
    }
    for (const life of before.lives) {
      if (after.keys.has(life.kid)) continue;
      const isEmergency = keyState(life, clock.now()) !== "removed";
      events.publish({ type: "key.removed", at, kid: life.kid, isEmergency });
    }
  }

  let isClosed = false;
  let looking: Promise<void> | undefined;
  const lookLater = (): (() => void) =>
    clock.after(INTERVAL, () => {
      looking = (async () => {
        try {
          if (await rotation.rotateWhenDue()) await current();
        } catch (error) {
          log.error({ err: error }, "the signing keys could not be looked after");
        }
        if (!isClosed) cancelLook = lookLater();
      })();
    });
  if (await rotation.rotateWhenDue()) await current();
  let cancelLook = lookLater();

  return {
    async sign(claims, typ) {
      const { lives, keys } = await current();
      const { kid } = activeKey(lives, clock.now());
      return signCompact({ alg: "ES256", typ, kid }, claims, keys.get(kid)!.privateKey);
    },
    async verificationKey(kid) {
      const { lives, keys } = await current();
      const life = lives.find((one) => one.kid === kid);
      if (life === undefined || keyState(life, clock.now()) === "removed") return undefined;
      return keys.get(kid)?.publicKey;
    },
    async jwks() {
      const { lives, keys } = await current();
      const now = clock.now();
      return {
        keys: lives
          .filter((life) => keyState(life, now) !== "removed")
          .toReversed()
          .map(({ kid }) =>
            Object.assign(publicMembers(keys.get(kid)!.publicKey), {
              kid,
              alg: "ES256",
              use: "sig",
            }),
          ),
      };
    },
    async derive(purpose) {
      const { lives, keys } = await current();
      const now = clock.now();
      return lives
        .filter((life) => keyState(life, now) !== "removed")
        .toReversed()
        .map(({ kid }) => deriveSecret(keys.get(kid)!.privateKey, purpose));
    },
    async list() {
      const { lives, ring } = await current();
      const now = clock.now();
      return lives.map((life, index) => ({
        ...life,
        state: keyState(life, now),
        isEncrypted: ring.keys[index]!.sealedJwk !== undefined,
      }));
    },
    async rotate({ isEmergency }) {
      const rotated = await rotation.rotate(isEmergency);
      await current();
      return rotated;
    },
    async close() {
      isClosed = true;
      cancelLook();
      await looking;
      cancelLook();
    },
  };
}

/**
 * JWS compact serialization, RFC 7515 §3.1. By node:crypto at once and not by jose, whose WebCrypto takes four times as long
 * to sign; verifying, where mistakes are made, stays with jose.
 */
function signCompact(header: object, claims: JWTPayload, key: KeyObject): string {
  const input = `${encodePart(header)}.${encodePart(claims)}`;
  const signature = signBytes("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" });
  return `${input}.${signature.toString("base64url")}`;
}

function encodePart(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}
