/**
 * The keys that sign access tokens (ES256). The algorithm is ours to choose: nothing in a token can change it.
 *
 * The first start makes one and keeps it in the store; tokens survive a restart because it does. `kid` is the RFC 7638
 * thumbprint, so a key cannot be taken for another.
 */
import { calculateJwkThumbprint, SignJWT, type JWK, type JWTPayload } from "jose";
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from "node:crypto";
import { epochSeconds, type Clock } from "../clock.ts";
import type { SigningKeyRecord } from "./store/records.ts";
import type { Store } from "./store/store.ts";

export interface SigningKeys {
  /** @returns a signed JWT, `alg` ES256, with `kid` and the given `typ`. */
  sign(claims: JWTPayload, typ: string): Promise<string>;
  /** The public key with this id, while tokens signed by it may still live. */
  verificationKey(kid: string): KeyObject | undefined;
  /** Public members only (RFC 7517), newest first. */
  jwks(): { keys: JWK[] };
  /** 256-bit secrets for another purpose, one of each key, newest first; the same on every replica, stored nowhere. */
  derive(purpose: string): readonly Buffer[];
}

/** Reads the keys, or makes the first one. */
export async function createSigningKeys(context: {
  store: Store;
  clock: Clock;
}): Promise<SigningKeys> {
  const { store, clock } = context;
  let records = await storedKeys(store);
  if (records.length === 0) {
    const made = await makeKey(epochSeconds(clock));
    await store.put("signingKey", made.kid, made);
    // Read again: had another replica made one at the same time, both are found.
    records = await storedKeys(store);
  }
  const keys = records
    .toSorted((a, b) => b.createdAt - a.createdAt || (a.kid < b.kid ? -1 : 1))
    .map((record) => {
      const privateKey = createPrivateKey({ key: record.privateJwk, format: "jwk" });
      return { kid: record.kid, privateKey, publicKey: createPublicKey(privateKey) };
    });
  const newest = keys[0]!;
  const byId = new Map(keys.map((key) => [key.kid, key]));
  return {
    sign: (claims, typ) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: "ES256", typ, kid: newest.kid })
        .sign(newest.privateKey),
    verificationKey: (kid) => byId.get(kid)?.publicKey,
    derive: (purpose) => keys.map(({ privateKey }) => deriveSecret(privateKey, purpose)),
    jwks: () => ({
      keys: keys.map(({ kid, publicKey }) =>
        Object.assign(publicMembers(publicKey), { kid, alg: "ES256", use: "sig" }),
      ),
    }),
  };
}

async function storedKeys(store: Store): Promise<SigningKeyRecord[]> {
  const { items } = await store.list("signingKey");
  return items.map(({ record }) => record);
}

async function makeKey(createdAt: number): Promise<SigningKeyRecord> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { d = "" } = privateKey.export({ format: "jwk" });
  const publicJwk = publicMembers(createPublicKey(privateKey));
  const kid = await calculateJwkThumbprint(publicJwk);
  return { kid, algorithm: "ES256", privateJwk: { ...publicJwk, d }, createdAt };
}

/** HKDF, RFC 5869: what is derived says nothing of the key, nor of what is derived for another purpose. */
function deriveSecret(key: KeyObject, purpose: string): Buffer {
  const { d = "" } = key.export({ format: "jwk" });
  return Buffer.from(hkdfSync("sha256", Buffer.from(d, "base64url"), "mcp-gateway", purpose, 32));
}

/** Named one by one: a private member can never slip out. */
function publicMembers(key: KeyObject): { kty: string; crv: string; x: string; y: string } {
  const { kty = "", crv = "", x = "", y = "" } = key.export({ format: "jwk" });
  return { kty, crv, x, y };
}
