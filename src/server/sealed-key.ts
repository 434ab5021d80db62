/**
 * Private keys at rest, sealed by the operator's secret (seal.ts), so that neither the state directory nor a backup nor a
 * shared store is enough to sign tokens. Each is bound to its `kid`: one key's sealed part cannot be passed off as another's.
 */
import { UserError } from "../errors.ts";
import { createSeal } from "./seal.ts";
import type { SigningKeyRecord } from "./store/key-records.ts";

export interface KeySeal {
  /** The private members of a record. @throws UserError when no secret opens it, or when it was tampered with */
  open(record: SigningKeyRecord): Promise<PrivateJwk>;
  /** The record as it is to be stored; in clear when there is no secret. */
  close(record: SigningKeyRecord, jwk: PrivateJwk): Promise<SigningKeyRecord>;
  /** Whether `close` would store it otherwise: in clear, or sealed by a secret that is no longer the first. */
  isStale(record: SigningKeyRecord): Promise<boolean>;
}

export type PrivateJwk = NonNullable<SigningKeyRecord["privateJwk"]>;

/**
 * @param secrets newest first; none: private parts are stored in clear
 * @throws UserError when one is too short to be worth it
 */
export function createKeySeal(secrets: readonly string[]): KeySeal {
  const [first, ...older] = secrets;
  const seal = first === undefined ? undefined : createSeal([first, ...older]);
  return {
    async open(record) {
      const { kid, privateJwk, sealedJwk } = record;
      if (sealedJwk === undefined) return privateJwk!;
      if (!seal) throw refused(kid, "is encrypted, and keys.encryption is not set");
      const text = await seal.open(sealedJwk, kid).catch((error: unknown) => {
        throw new UserError(`The encrypted signing key ${kid} is damaged`, {
          hint: "Restore the store from a backup.",
          cause: error,
        });
      });
      if (text !== undefined) return JSON.parse(text) as PrivateJwk;
      throw refused(kid, "was encrypted with another secret than keys.encryption names");
    },
    async close(record, jwk) {
      if (!seal) return { ...record, privateJwk: jwk };
      const { privateJwk: _privateJwk, sealedJwk: _sealedJwk, ...open } = record;
      return { ...open, sealedJwk: await seal.close(JSON.stringify(jwk), record.kid) };
    },
    async isStale({ sealedJwk }) {
      return seal !== undefined && (sealedJwk === undefined || seal.isStale(sealedJwk));
    },
  };
}

function refused(kid: string, what: string): UserError {
  return new UserError(`The signing key ${kid} ${what}`, {
    hint: "Set keys.encryption to the secret it was encrypted with; to change the secret, list the new one first and the old one second.",
  });
}
