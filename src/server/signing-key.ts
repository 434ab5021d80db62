/**
 * One signing key: P-256 for ES256 (RFC 7518 §3.4), named by its RFC 7638 thumbprint.
 */
import { calculateJwkThumbprint, decodeProtectedHeader } from "jose";
import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import type { PrivateJwk } from "./sealed-key.ts";

/** A new key. */
export async function generateSigningKey(): Promise<{ kid: string; privateJwk: PrivateJwk }> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { d = "" } = privateKey.export({ format: "jwk" });
  const publicJwk = publicMembers(createPublicKey(privateKey));
  return { kid: await calculateJwkThumbprint(publicJwk), privateJwk: { ...publicJwk, d } };
}

/** Named one by one: a private member can never slip out. */
export function publicMembers(key: KeyObject): { kty: string; crv: string; x: string; y: string } {
  const { kty = "", crv = "", x = "", y = "" } = key.export({ format: "jwk" });
  return { kty, crv, x, y };
}

/** The `kid` a JWT names, not verified; undefined when it names none or is no JWT. */
export function keyIdOf(jwt: string): string | undefined {
  try {
    const { kid } = decodeProtectedHeader(jwt);
    return typeof kid === "string" ? kid : undefined;
  } catch {
    return undefined;
  }
}
