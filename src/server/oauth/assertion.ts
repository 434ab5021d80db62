/**
 * JWTs that somebody else has signed and a client presents to us as proof: of itself (`private_key_jwt`, client-assertion.ts)
 * or of a person (ID-JAG, grant-type/jwt-bearer.ts). RFC 7523 §3, RFC 8725.
 *
 * Order: size -> header (algorithm from our list, `typ`, nothing critical) -> keys -> signature -> claims -> use once. The
 * algorithm decides which keys are tried, never the other way round, so a public key is never taken for a shared secret;
 * `jwk`, `jku` and `x5c` in the header are not read. `aud` is one string: an assertion that two servers accept can be
 * carried from one to the other. Nothing of the assertion itself goes into an error.
 */
import { compactVerify, decodeProtectedHeader, type ProtectedHeaderParameters } from "jose";
import { createPublicKey, type JsonWebKey } from "node:crypto";
import { z } from "zod";
import { epochSeconds } from "../../clock.ts";
import { messageOf, type OAuthError } from "../../errors.ts";
import { digest } from "../../random.ts";
import type { ServerContext } from "../context.ts";
import { parseStrictJson } from "../strict-json.ts";
import type { Operation } from "../store/store.ts";

const LONGEST = 8192; // characters
const MOST_KEYS = 10; // tried for one assertion
/** How far somebody else's clock may be ahead of ours. */
const CLOCK_SKEW = 30; // seconds

const claimsSchema = z.looseObject({
  iss: z.string().min(1),
  sub: z.string().min(1).max(512),
  aud: z.string(),
  exp: z.number(),
  iat: z.number().optional(),
  nbf: z.number().optional(),
  jti: z.string().min(1),
});

export type AssertionClaims = z.infer<typeof claimsSchema>;

export interface AssertionRules {
  algorithms: readonly string[];
  /** Media types `typ` may have, lower case, without `application/`; `undefined` among them: it may be absent. */
  types: readonly (string | undefined)[];
  issuer: string;
  audiences: readonly string[];
  /** Most seconds from issue to expiry. */
  longestLife: number;
  keys: FindKeys;
  /** The error for whatever is wrong, with the reason for our log. */
  refuse: (reason: string) => OAuthError;
}

/** The issuer's public keys. @param isWanted whether one of them will do; if none does the set may have changed */
export type FindKeys = (isWanted: (key: JsonWebKey) => boolean) => Promise<readonly JsonWebKey[]>;

/** @returns what the assertion says, true or not: only to find out who might have signed it */
export function unverifiedClaims(assertion: string): Record<string, unknown> {
  try {
    if (assertion.length > LONGEST) return {};
    const [, payload = ""] = assertion.split(".");
    const claims = parseStrictJson(Buffer.from(payload, "base64url").toString("utf8"));
    return typeof claims === "object" && claims !== null ? { ...claims } : {};
  } catch {
    return {};
  }
}

/** @throws what `rules.refuse` makes */
export async function verifyAssertion(
  context: ServerContext,
  assertion: string,
  rules: AssertionRules,
): Promise<AssertionClaims> {
  const { refuse } = rules;
  if (assertion.length > LONGEST) throw refuse("too long");
  const header = readHeader(assertion, rules);
  const isWanted = (key: JsonWebKey): boolean => isFor(key, header);
  const keys = (await rules.keys(isWanted)).filter(isWanted).slice(0, MOST_KEYS);
  const payload = await verifiedPayload(assertion, header.alg, keys);
  if (payload === undefined) throw refuse(`signed by none of ${keys.length} fitting keys`);
  const claims = readClaims(payload, refuse);
  const problem = problemWith(claims, rules, context.clock.now());
  if (problem !== undefined) throw refuse(problem);
  return claims;
}

/**
 * What makes an assertion work only once, also for two requests at the same moment: to be part of the `transact` that acts on
 * it. Kept until the assertion has expired on everybody's clock.
 */
export function useOnce(
  context: ServerContext,
  purpose: string,
  claims: AssertionClaims,
): Operation[] {
  const usedAt = epochSeconds(context.clock);
  const id = digest(JSON.stringify([purpose, claims.iss, claims.jti]));
  const ttl = Math.ceil(claims.exp - usedAt) + CLOCK_SKEW;
  return [
    { type: "check", kind: "usedAssertion", id, seen: undefined },
    { type: "put", kind: "usedAssertion", id, record: { usedAt }, ttl },
  ];
}

function readHeader(
  assertion: string,
  { algorithms, types, refuse }: AssertionRules,
): ProtectedHeaderParameters & { alg: string } {
  let header: ProtectedHeaderParameters;
  try {
    header = decodeProtectedHeader(assertion);
  } catch (error) {
    throw refuse(messageOf(error));
  }
  const { alg, typ, crit } = header;
  if (typeof alg !== "string" || !algorithms.includes(alg)) throw refuse("signed in another way");
  const type = typeof typ === "string" ? typ.toLowerCase().replace(/^application\//, "") : typ;
  if (!types.includes(type)) throw refuse("another typ");
  if (crit !== undefined) throw refuse("critical header members");
  return { ...header, alg };
}

/** A key without a `kid` may be any; a header without one leaves all. */
function isFor(key: JsonWebKey, { alg, kid }: ProtectedHeaderParameters): boolean {
  const { kty, crv, use, kid: keyId, alg: keyAlgorithm } = key;
  const fits =
    alg === "ES256" ? kty === "EC" && crv === "P-256"
    : alg === "ES384" ? kty === "EC" && crv === "P-384"
    : alg === "EdDSA" ? kty === "OKP" && crv === "Ed25519"
    : kty === "RSA"; // prettier-ignore
  return (
    fits &&
    (kid === undefined || keyId === undefined || keyId === kid) &&
    (keyAlgorithm === undefined || keyAlgorithm === alg || keyAlgorithm === crv) &&
    (use === undefined || use === "sig")
  );
}

async function verifiedPayload(
  assertion: string,
  alg: string,
  keys: readonly JsonWebKey[],
): Promise<Uint8Array | undefined> {
  for (const key of keys) {
    try {
      const publicKey = createPublicKey({ key, format: "jwk" });
      return (await compactVerify(assertion, publicKey, { algorithms: [alg] })).payload;
    } catch {
      continue; // another key may be the one
    }
  }
  return undefined;
}

function readClaims(payload: Uint8Array, refuse: AssertionRules["refuse"]): AssertionClaims {
  let json: unknown;
  try {
    json = parseStrictJson(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    throw refuse("the claims are not JSON");
  }
  const parsed = claimsSchema.safeParse(json);
  if (!parsed.success) throw refuse(`claim ${parsed.error.issues[0]!.path.join(".")} is not right`);
  return parsed.data;
}

function problemWith(
  claims: AssertionClaims,
  { issuer, audiences, longestLife }: AssertionRules,
  now: number,
): string | undefined {
  const { iss, aud, exp, iat, nbf } = claims;
  if (iss !== issuer) return "another iss";
  if (!audiences.includes(aud)) return "another aud";
  if (exp <= now) return "expired";
  const isTooLong =
    iat === undefined ? exp > now + longestLife + CLOCK_SKEW : exp > iat + longestLife;
  if (isTooLong || exp > now + longestLife + CLOCK_SKEW)
    return `lives longer than ${longestLife} s`;
  if (Math.max(iat ?? 0, nbf ?? 0) > now + CLOCK_SKEW) return "not valid yet";
  return undefined;
}
