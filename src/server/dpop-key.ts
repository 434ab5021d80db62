/**
 * The public key in a DPoP proof, RFC 9449 §4.2: of a kind that fits the algorithm, of a size that is neither weak nor slow,
 * and public. Members are copied one by one, so nothing else of what the client sent reaches the verification.
 */
import { createPublicKey, type KeyObject } from "node:crypto";

type Kind = (jwk: Record<string, unknown>) => PublicJwk | undefined;

/** Members that a thumbprint is made of (RFC 7638 §3.2), and no others. */
export type PublicJwk =
  | { kty: "EC"; crv: "P-256"; x: string; y: string }
  | { kty: "OKP"; crv: "Ed25519"; x: string }
  | { kty: "RSA"; n: string; e: string };

const COORDINATE = /^[\w-]{43}$/; // 32 bytes
const MODULUS = /^[\w-]{342,683}$/; // 2048 to 4096 bits
const EXPONENT = /^[\w-]{4,6}$/; // 3 or 4 bytes: a larger one would only make us slow
const PRIVATE = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

const rsa: Kind = ({ kty, n, e }) =>
  kty === "RSA" && matches(MODULUS, n) && matches(EXPONENT, e) ? { kty, n, e } : undefined;

const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  [
    "ES256",
    ({ kty, crv, x, y }) =>
      kty === "EC" && crv === "P-256" && matches(COORDINATE, x) && matches(COORDINATE, y)
        ? { kty, crv, x, y }
        : undefined,
  ],
  [
    "EdDSA",
    ({ kty, crv, x }) =>
      kty === "OKP" && crv === "Ed25519" && matches(COORDINATE, x) ? { kty, crv, x } : undefined,
  ],
  ["PS256", rsa],
  ["RS256", rsa],
]);

/** What a proof may be signed with. */
export const DPOP_ALGORITHMS: readonly string[] = [...KINDS.keys()];

export function readDpopKey(
  alg: string | undefined,
  jwk: unknown,
): { key: KeyObject; jwk: PublicJwk } | { problem: string } {
  const kind = KINDS.get(alg ?? "");
  if (!kind) return { problem: "alg is not supported" };
  if (typeof jwk !== "object" || jwk === null) return { problem: "jwk must be an object" };
  if (PRIVATE.some((member) => member in jwk)) return { problem: "jwk must be public" };
  const known = kind({ ...jwk });
  if (!known) return { problem: "jwk does not fit alg" };
  try {
    return { key: createPublicKey({ key: known, format: "jwk" }), jwk: known };
  } catch {
    return { problem: "jwk is not a key" }; // such as a point that is not on the curve
  }
}

function matches(pattern: RegExp, value: unknown): value is string {
  return typeof value === "string" && pattern.test(value);
}
