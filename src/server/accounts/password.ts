/**
 * Passwords at rest: scrypt (RFC 7914) with a salt for each, at the strength OWASP asks for, and its parameters beside the
 * hash so that they can grow.
 *
 * One computation takes a quarter of a second and 32 MiB. It happens on libuv's threads, of which there are four and which the
 * disk needs too; so there are two at a time, a short queue, and a no for whoever comes when it is full.
 */
import { scrypt } from "node:crypto";
import { OAuthError } from "../../errors.ts";
import { equalInConstantTime, randomId } from "../../random.ts";
import type { PasswordHash } from "../store/account-records.ts";

const PARAMETERS = { cost: 2 ** 15, blockSize: 8, parallelization: 3 };
const LENGTH = 32; // bytes
const MOST_AT_ONCE = 2;
const MOST_WAITING = 32;
/** Nobody's: what a password is compared with where there is none, so that it takes as long. */
const NOBODY: PasswordHash = { algorithm: "scrypt", ...PARAMETERS, salt: "nobody", hash: "" };

let running = 0;
const waiting: (() => void)[] = [];

/** @throws OAuthError temporarily_unavailable when too many are being computed */
export async function hashPassword(password: string): Promise<PasswordHash> {
  const fresh = { algorithm: "scrypt", ...PARAMETERS, salt: randomId() } as const;
  return { ...fresh, hash: await inTurn(() => compute(password, fresh)) };
}

/**
 * @param stored undefined where there is no such account or no password yet
 * @throws OAuthError temporarily_unavailable when too many are being computed
 */
export async function isPassword(
  password: string,
  stored: PasswordHash | undefined,
): Promise<boolean> {
  const expected = stored ?? NOBODY;
  const hash = await inTurn(() => compute(password, expected));
  return equalInConstantTime(hash, expected.hash) && stored !== undefined;
}

function compute(password: string, parameters: Omit<PasswordHash, "hash">): Promise<string> {
  const { cost, blockSize, parallelization, salt } = parameters;
  const maxmem = 128 * blockSize * (cost + parallelization + 2); // bytes; what this takes, and no more
  const options = { cost, blockSize, parallelization, maxmem };
  return new Promise((fulfil, reject) => {
    // Keyboards and phones write the same letter in different ways (SP 800-63B §3.1.1.2).
    scrypt(password.normalize("NFKC"), salt, LENGTH, options, (error, key) => {
      if (error) reject(error);
      else fulfil(key.toString("base64url"));
    });
  });
}

async function inTurn<T>(task: () => Promise<T>): Promise<T> {
  if (running >= MOST_AT_ONCE) {
    if (waiting.length >= MOST_WAITING) {
      throw new OAuthError("temporarily_unavailable", "Too many people log in at this moment");
    }
    // Whoever ends hands its place over, so nobody who comes later can take it.
    await new Promise<void>((fulfil) => waiting.push(fulfil));
  } else {
    running += 1;
  }
  try {
    return await task();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }
}
