/**
 * Proof Key for Code Exchange, RFC 7636, S256 only: `plain` would put the secret itself into the front channel
 * (RFC 9700 §2.1.1), so there is no downgrade to talk us into.
 */
import { digest, equalInConstantTime } from "../../random.ts";

export const CODE_CHALLENGE_METHOD = "S256";

/** A SHA-256 in base64url is 43 characters, never anything else (§4.2). */
export function isCodeChallenge(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text);
}

/** The grammar of §4.1. */
function isCodeVerifier(text: string): boolean {
  return /^[A-Za-z0-9._~-]{43,128}$/.test(text);
}

/** Whether the verifier is the one behind the challenge (§4.6). */
export function provesChallenge(verifier: string, challenge: string): boolean {
  return isCodeVerifier(verifier) && equalInConstantTime(digest(verifier), challenge);
}
