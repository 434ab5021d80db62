/**
 * The public keys of a client that authenticates by `private_key_jwt`, RFC 7591 §2: `jwks` or `jwks_uri`, never both.
 *
 * Keys are checked when they are registered, so that a key nobody can use is refused then and not at the first login. A
 * private key among them is refused for every client: who sends one must hear of it. Nothing is fetched here.
 */
import { createPublicKey, type JsonWebKey } from "node:crypto";
import { isIP } from "node:net";
import { z } from "zod";
import { OAuthError } from "../../errors.ts";
import type { ClientMetadata } from "../store/client-records.ts";

/** What an assertion may be signed with; symmetric algorithms would need the secret in clear. */
export const CLIENT_SIGNING_ALGORITHMS = ["ES256", "ES384", "EdDSA", "PS256", "RS256"] as const;

const MAX_KEYS = 10;
const MAX_CHARACTERS = 2048; // of one key as JSON; an RSA key of 4096 bits has about 750
const SHORTEST_RSA = 2048; // bits, RFC 7518 §3.3
const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

const schema = z.object({
  keys: z.array(z.record(z.string(), z.unknown())).min(1).max(MAX_KEYS),
});

/**
 * @returns the members that take effect; none for a client that authenticates in another way
 * @throws OAuthError invalid_client_metadata
 */
export function readClientKeys(
  method: ClientMetadata["token_endpoint_auth_method"],
  sent: {
    jwks?: unknown;
    jwks_uri?: string | undefined;
    token_endpoint_auth_signing_alg?: string | undefined;
  },
): Pick<ClientMetadata, "jwks" | "jwks_uri" | "token_endpoint_auth_signing_alg"> {
  const { jwks, jwks_uri: uri, token_endpoint_auth_signing_alg: algorithm } = sent;
  if (jwks !== undefined && uri !== undefined)
    throw refused("jwks and jwks_uri exclude each other");
  const keys = jwks === undefined ? undefined : readKeys(jwks);
  if (uri !== undefined && !isPublicHttps(uri)) {
    throw refused("jwks_uri must be https on a public host name");
  }
  if (method !== "private_key_jwt") return {};
  if (!keys && uri === undefined) throw refused("private_key_jwt needs jwks or jwks_uri");
  return {
    ...(keys && { jwks: { keys } }),
    ...(uri !== undefined && { jwks_uri: uri }),
    ...(algorithm !== undefined && { token_endpoint_auth_signing_alg: algorithm }),
  };
}

function readKeys(jwks: unknown): JsonWebKey[] {
  const parsed = schema.safeParse(jwks);
  if (!parsed.success) throw refused(`jwks must have 1 to ${MAX_KEYS} keys`);
  for (const key of parsed.data.keys) checkKey(key);
  return parsed.data.keys;
}

function checkKey(key: JsonWebKey): void {
  if (PRIVATE_MEMBERS.some((member) => Object.hasOwn(key, member))) {
    throw refused("jwks holds a private or symmetric key; make a new pair and send the public one");
  }
  // Before it is written as text, for which a deeply nested one would exhaust the stack.
  if (!Object.values(key).every(isPlain)) throw refused("jwks has a key with nested members");
  if (JSON.stringify(key).length > MAX_CHARACTERS)
    throw refused("jwks has a key that is too large");
  const { kty, crv, kid, use } = key;
  const isKind =
    kty === "RSA" ||
    (kty === "EC" && (crv === "P-256" || crv === "P-384")) ||
    (kty === "OKP" && crv === "Ed25519");
  const isForSigning = use === undefined || use === "sig";
  if (!isKind || !isForSigning || (kid !== undefined && typeof kid !== "string")) {
    throw refused("jwks has a key that cannot verify signatures here");
  }
  if (modulusLength(key) < (kty === "RSA" ? SHORTEST_RSA : 0)) {
    throw refused(`jwks has an RSA key of less than ${SHORTEST_RSA} bits`);
  }
}

/** What members of a public key are, RFC 7517 §4: values, or lists of them. */
function isPlain(member: unknown): boolean {
  const values: readonly unknown[] = Array.isArray(member) ? member : [member];
  return values.every((value) => typeof value !== "object" || value === null);
}

/** Bits; 0 for keys that have none. @throws OAuthError when it is no key at all */
function modulusLength(key: JsonWebKey): number {
  try {
    return createPublicKey({ key, format: "jwk" }).asymmetricKeyDetails?.modulusLength ?? 0;
  } catch (cause) {
    throw refused("jwks has a key that cannot be read", cause);
  }
}

/** Where its name leads is decided when it is fetched; what is no public name at all is refused here. */
function isPublicHttps(uri: string): boolean {
  if (!/^https:\/\/[\x21-\x7e]+$/.test(uri) || !URL.canParse(uri)) return false;
  const { hostname, username, password, hash } = new URL(uri);
  const host = hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  const isName = isIP(host) === 0 && host.includes(".") && !host.endsWith(".localhost");
  return isName && username === "" && password === "" && hash === "" && !uri.includes("#");
}

function refused(description: string, cause?: unknown): OAuthError {
  return new OAuthError("invalid_client_metadata", description, { cause });
}
