/**
 * Text at rest: AES-256-GCM under a key that scrypt derives from the operator's secret.
 *
 *   secret --scrypt(salt)--> 64 bytes: 32 for AES-256-GCM, 32 from which `secretId` is made
 *
 * `secretId` tells a wrong secret from damage. What a text is bound to is authenticated with it (AAD): one place's sealed text
 * cannot be passed off as another's. Secrets come newest first: all of them open, only the first one seals.
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
import type { SealedText } from "./store/sealed-text.ts";

export interface Seal {
  /** @param bound what `open` must be told again */
  close(text: string, bound: string): Promise<SealedText>;
  /** @returns undefined when it was sealed by a secret that is not ours. @throws Error when it was tampered with */
  open(sealed: SealedText, bound: string): Promise<string | undefined>;
  /** Whether it was sealed by a secret that is no longer the first. */
  isStale(sealed: SealedText): Promise<boolean>;
}

interface Derived {
  key: Buffer;
  secretId: string;
}

const SHORTEST_SECRET = 16; // characters
/** About 100 ms and 64 MB, once at the start for each salt in use. */
const COST: ScryptOptions = { N: 65_536, r: 8, p: 1, maxmem: 128 * 1_048_576 };
const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/**
 * @param secrets newest first, at least one
 * @throws UserError when one is too short to be worth it
 */
export function createSeal(secrets: readonly [string, ...string[]]): Seal {
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

  return {
    async close(text, bound) {
      const salt = ownSalt;
      const { key, secretId } = await derived(first, salt);
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(bound));
      const bytes = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
      return {
        secretId,
        salt,
        nonce: nonce.toString("base64url"),
        text: bytes.toString("base64url"),
      };
    },
    async open(sealed, bound) {
      for (const secret of secrets) {
        const { key, secretId } = await derived(secret, sealed.salt);
        if (secretId !== sealed.secretId) continue;
        // One salt in the store, however often the gateway starts: one derivation.
        if (secret === first) ownSalt = sealed.salt;
        return unseal(sealed, key, bound);
      }
      return undefined;
    },
    async isStale({ salt, secretId }) {
      const isOurs = (await derived(first, salt)).secretId === secretId;
      if (isOurs) ownSalt = salt;
      return !isOurs;
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

function unseal({ nonce, text }: SealedText, key: Buffer, bound: string): string {
  const bytes = Buffer.from(text, "base64url");
  const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "base64url"), {
    authTagLength: 16,
  })
    .setAAD(Buffer.from(bound))
    .setAuthTag(bytes.subarray(-16));
  const clear = Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]);
  return clear.toString("utf8");
}
