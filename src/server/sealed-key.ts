/**
 * Private keys at rest: AES-256-GCM under a key that scrypt derives from the operator's secret, so that neither the state
 * directory nor a backup nor a shared store is enough to sign tokens.
 *
 *   secret --scrypt(salt)--> 64 bytes: 32 for AES-256-GCM, 32 from which the record's `secretId` is made
 *
 * `secretId` tells a wrong secret from a damaged record. The key's `kid` is authenticated with it (AAD): one key's sealed
 * part cannot be passed off as another's. Secrets come newest first: all of them open, only the first one seals.
 */
import {
  createCipheriv,
  createDecipheriv,
  randomBytes,
  scrypt,
  type ScryptOptions,
} from "node:crypto";
import { promisify } from "node:util";
import { UserError } from "../errors.ts";
import { digest } from "../random.ts";
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
/** `text` ends with the authentication tag. */
type SealedText = NonNullable<SigningKeyRecord["sealedJwk"]>;

interface Derived {
  key: Buffer;
  secretId: string;
}

const SHORTEST_SECRET = 16; // characters
/** About 100 ms and 64 MB, once at the start for each salt in use. */
const COST: ScryptOptions = { N: 65_536, r: 8, p: 1, maxmem: 128 * 1_048_576 };
const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/**
 * @param secrets newest first; none: private parts are stored in clear
 * @throws UserError when one is too short to be worth it
 */
export function createKeySeal(secrets: readonly string[]): KeySeal {
  if (secrets.some((secret) => secret.length < SHORTEST_SECRET)) {
    throw new UserError(
      `The secret for keys.encryption has less than ${SHORTEST_SECRET} characters`,
      {
        hint: "Make one with: openssl rand -base64 32",
      },
    );
  }
  const [first] = secrets;
  const known = new Map<string, Promise<Derived>>();
  let ownSalt = randomBytes(16).toString("base64url");

  function derived(secret: string, salt: string): Promise<Derived> {
    const name = `${salt} ${secrets.indexOf(secret)}`;
    const found = known.get(name) ?? deriveKey(secret, salt);
    known.set(name, found);
    return found;
  }

  async function isOwn({ salt, secretId }: SealedText): Promise<boolean> {
    return first !== undefined && (await derived(first, salt)).secretId === secretId;
  }

  return {
    async open(record) {
      const { kid, privateJwk, sealedJwk } = record;
      if (sealedJwk === undefined) return privateJwk!;
      if (first === undefined) throw refused(kid, "is encrypted, and keys.encryption is not set");
      for (const secret of secrets) {
        const { key, secretId } = await derived(secret, sealedJwk.salt);
        if (secretId !== sealedJwk.secretId) continue;
        // One derivation less at the next start.
        if (secret === first) ownSalt = sealedJwk.salt;
        return unseal(sealedJwk, key, kid);
      }
      throw refused(kid, "was encrypted with another secret than keys.encryption names");
    },
    async close(record, jwk) {
      if (first === undefined) return { ...record, privateJwk: jwk };
      const { privateJwk: _privateJwk, sealedJwk: _sealedJwk, ...open } = record;
      const { key, secretId } = await derived(first, ownSalt);
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(record.kid));
      const text = Buffer.concat([cipher.update(JSON.stringify(jwk)), cipher.final()]);
      return {
        ...open,
        sealedJwk: {
          secretId,
          salt: ownSalt,
          nonce: nonce.toString("base64url"),
          text: Buffer.concat([text, cipher.getAuthTag()]).toString("base64url"),
        },
      };
    },
    async isStale({ sealedJwk }) {
      if (first === undefined) return false;
      return sealedJwk === undefined || !(await isOwn(sealedJwk));
    },
  };
}

async function deriveKey(secret: string, salt: string): Promise<Derived> {
  const bytes = await derive(secret, Buffer.from(salt, "base64url"), 64, COST);
  return {
    key: bytes.subarray(0, 32),
    secretId: digest(bytes.subarray(32).toString("base64url")).slice(0, 16),
  };
}

function unseal({ nonce, text }: SealedText, key: Buffer, kid: string): PrivateJwk {
  const bytes = Buffer.from(text, "base64url");
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "base64url"), {
      authTagLength: 16,
    })
      .setAAD(Buffer.from(kid))
      .setAuthTag(bytes.subarray(-16));
    const clear = Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]);
    return JSON.parse(clear.toString("utf8")) as PrivateJwk;
  } catch (error) {
    throw new UserError(`The encrypted signing key ${kid} is damaged`, {
      hint: "Restore the store from a backup.",
      cause: error,
    });
  }
}

function refused(kid: string, what: string): UserError {
  return new UserError(`The signing key ${kid} ${what}`, {
    hint: "Set keys.encryption to the secret it was encrypted with; to change the secret, list the new one first and the old one second.",
  });
}
