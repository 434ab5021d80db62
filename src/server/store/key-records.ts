/**
 * Records of the keys that sign access tokens.
 */
import type { SealedText } from "./sealed-text.ts";

/** A key that signs access tokens. `kid` is its RFC 7638 thumbprint. See key-ring.ts for its life. */
export interface SigningKeyRecord {
  kid: string;
  algorithm: "ES256";
  /** In clear; absent when it is sealed. */
  privateJwk?: { [member: string]: string };
  sealedJwk?: SealedText;
  createdAt: number;
  /** Signs from here until the next key does; from its creation when absent. */
  signsFrom?: number;
  /** The longest life, in seconds, of tokens it has signed. */
  tokenLife?: number;
}

/** Which signing keys there are. Every change of theirs checks and replaces it, so changes never cross. */
export interface KeyRingRecord {
  /** Random, another one after every change. */
  version: string;
  kids: string[];
}
