/**
 * All randomness and all digests of secrets come from here.
 */
import { createHmac, hash, randomFillSync, randomUUID, timingSafeEqual } from "node:crypto";

/** Asking the system costs the same for one value and for many, so randomness is taken in stock. */
const stock = Buffer.allocUnsafeSlow(4096);
let used = stock.length;

/** Bytes nobody has seen; the stock does not keep them. */
function randomBytes(count: number): Buffer {
  if (used + count > stock.length) {
    randomFillSync(stock);
    used = 0;
  }
  const bytes = Buffer.from(stock.subarray(used, used + count));
  stock.fill(0, used, (used += count));
  return bytes;
}

/** An unguessable value of 256 bits, base64url, 43 characters. */
export function randomToken(): string {
  return randomBytes(32).toString("base64url");
}

/**
 * An unguessable identifier of 128 bits, base64url, 22 characters. It begins with a letter or digit, so that nobody's
 * command line takes it for a flag.
 */
export function randomId(): string {
  for (;;) {
    const id = randomBytes(16).toString("base64url");
    if (/^[A-Za-z0-9]/.test(id)) return id;
  }
}

/** A duration between half of `seconds` and all of it, so that those who wait alike do not come back together. */
export function jittered(seconds: number): number {
  return seconds * (0.5 + randomBytes(2).readUInt16BE() / 131_072);
}

/** A request id for logs; unique, not secret. */
export function requestId(): string {
  return randomUUID();
}

/**
 * A short code that a person reads on one screen and types on another: `length` characters of an alphabet without
 * vowels and look-alikes (RFC 8628 §6.1), so it spells no words and has about 4.3 bits a character.
 */
export function randomUserCode(length: number): string {
  const alphabet = "BCDFGHJKLMNPQRSTVWXZ";
  let code = "";
  while (code.length < length) {
    // 240 is the largest multiple of 20 below 256: bytes above it would favour the first letters.
    const byte = randomBytes(1)[0]!;
    if (byte < 240) code += alphabet[byte % 20];
  }
  return code;
}

/**
 * SHA-256 of a secret, base64url, 43 characters. What we store instead of the secret: our secrets have 256 random bits,
 * so neither salt nor a slow hash would add anything.
 */
export function digest(secret: string): string {
  return hash("sha256", secret, "base64url");
}

/**
 * A secret derived from another one: HKDF-Expand of 256 bits (RFC 5869 §2.3), base64url, 43 characters.
 * @param secret random itself, so nothing has to be extracted from it first (§3.3)
 * @param info what it is for, and what tells it from others
 */
export function deriveToken(secret: string, info: string): string {
  return createHmac("sha256", secret).update(info).update("\x01").digest("base64url");
}

/**
 * HMAC-SHA-256 of a text, base64url, 43 characters. For secrets with too few bits for a digest, and for values that only we
 * can have made.
 */
export function keyedDigest(key: Buffer, text: string): string {
  return createHmac("sha256", key).update(text).digest("base64url");
}

/** Compare two strings in time that depends on neither's content. */
export function equalInConstantTime(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(digest(a)), Buffer.from(digest(b)));
}
