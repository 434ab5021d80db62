/**
 * A client's DPoP key and the proofs it makes (RFC 9449 §4.2), wrong in any way a test asks for.
 */
import {
  calculateJwkThumbprint,
  exportJWK,
  SignJWT,
  type JWK,
  type JWTHeaderParameters,
} from "jose";
import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { digest, randomId } from "../../src/random.ts";
import type { TestGateway } from "./gateway.ts";

export interface DpopKey {
  alg: string;
  privateKey: KeyObject;
  publicJwk: JWK;
  privateJwk: JWK;
  thumbprint: string;
}

export interface ProofOptions {
  method?: string;
  uri?: string;
  accessToken?: string;
  /** Merged into the header; undefined leaves a member out. */
  header?: Record<string, unknown>;
  /** Merged into the claims; undefined leaves a member out. */
  claims?: Record<string, unknown>;
  /** Signs instead of the key in the header. */
  signedBy?: KeyObject | Uint8Array;
}

export async function createDpopKey(alg = "ES256"): Promise<DpopKey> {
  const { privateKey } =
    alg === "ES256"
      ? generateKeyPairSync("ec", { namedCurve: "P-256" })
      : alg === "ES384"
        ? generateKeyPairSync("ec", { namedCurve: "P-384" })
        : alg === "EdDSA"
          ? generateKeyPairSync("ed25519")
          : generateKeyPairSync("rsa", { modulusLength: 2048 });
  return dpopKeyOf(alg, privateKey);
}

export async function dpopKeyOf(alg: string, privateKey: KeyObject): Promise<DpopKey> {
  const privateJwk = await exportJWK(
    createPrivateKey(privateKey.export({ type: "pkcs8", format: "pem" })),
  );
  const { kty, crv, x, y, n, e } = privateJwk;
  const publicJwk = JSON.parse(JSON.stringify({ kty, crv, x, y, n, e })) as JWK;
  const thumbprint = await calculateJwkThumbprint(publicJwk);
  return { alg, privateKey, publicJwk, privateJwk, thumbprint };
}

/** A proof for the token endpoint unless told otherwise. */
export function proofOf(
  gateway: TestGateway,
  key: DpopKey,
  options: ProofOptions = {},
): Promise<string> {
  const { method = "POST", uri = `${gateway.url}/token`, accessToken } = options;
  const claims = {
    jti: randomId(),
    htm: method,
    htu: uri,
    iat: Math.floor(gateway.clock.now()),
    ...(accessToken !== undefined && { ath: digest(accessToken) }),
    ...options.claims,
  };
  const header = { typ: "dpop+jwt", alg: key.alg, jwk: key.publicJwk, ...options.header };
  return new SignJWT(JSON.parse(JSON.stringify(claims)))
    .setProtectedHeader(JSON.parse(JSON.stringify(header)) as JWTHeaderParameters)
    .sign(options.signedBy ?? key.privateKey);
}
