/**
 * The keys that sign access tokens (ES256). The algorithm is ours to choose: nothing in a token can change it.
 */
import type { JWK, JWTPayload } from "jose";
import type { KeyObject } from "node:crypto";

export interface SigningKeys {
  /** @returns a signed JWT, `alg` ES256, with `kid` and the given `typ`. */
  sign(claims: JWTPayload, typ: string): Promise<string>;
  /** The public key with this id, while tokens signed by it may still live. */
  verificationKey(kid: string): KeyObject | undefined;
  /** Public members only (RFC 7517), newest first. */
  jwks(): { keys: JWK[] };
}
