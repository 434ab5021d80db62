/**
 * Our own tokens, presented by a client as a matter of discussion and not to open a resource: to revoke one, to ask about it, to
 * exchange it. Access tokens are JWTs, refresh tokens are not, so they cannot be confused.
 *
 * An access token is what it claims only when our key has signed it as one, and alive only while its record is there.
 */
import { compactVerify } from "jose";
import type { KeyObject } from "node:crypto";
import { z } from "zod";
import { digest } from "../../random.ts";
import type { ServerContext } from "../context.ts";
import { keyIdOf } from "../signing-key.ts";
import type { AccessTokenRecord, GrantRecord, RefreshTokenRecord } from "../store/records.ts";
import { findGrant } from "./grant.ts";

const LONGEST = 8192; // characters; ours have about 600

const claimsSchema = z.object({
  iss: z.string(),
  jti: z.string(),
  gid: z.string(),
  client_id: z.string(),
});

/** Whose a token is, dead or alive. */
export interface TokenOrigin {
  clientId: string;
  grantId: string;
  /** `jti`, or the digest of a refresh token: neither is a secret. */
  tokenId: string;
}

export async function originOf(
  context: ServerContext,
  token: string,
): Promise<TokenOrigin | undefined> {
  if (token.includes(".")) return originOfAccessToken(context, token);
  const tokenId = digest(token);
  const record = await context.store.get("refreshToken", tokenId);
  return record && { clientId: record.clientId, grantId: record.grantId, tokenId };
}

/**
 * Signatures that were checked once: a resource asks about the same token again and again. Only an accelerator, as in
 * authenticate.ts: that the key is still there, and whether the token lives, is found out anew each time.
 */
const checked = new WeakMap<ServerContext, Map<string, TokenOrigin>>();
const REMEMBERED_TOKENS = 10_000;

function checkedBy(context: ServerContext): Map<string, TokenOrigin> {
  const known = checked.get(context) ?? new Map<string, TokenOrigin>();
  checked.set(context, known);
  return known;
}

/** Ours by its signature, expired or not. */
async function originOfAccessToken(
  context: ServerContext,
  token: string,
): Promise<TokenOrigin | undefined> {
  if (token.length > LONGEST) return undefined;
  const key = await context.keys.verificationKey(keyIdOf(token) ?? "");
  if (!key) return undefined;
  const id = digest(token);
  const remembered = checkedBy(context);
  const known = remembered.get(id);
  if (known) return known;
  const origin = await readOrigin(context, token, key);
  if (!origin) return undefined;
  if (remembered.size >= REMEMBERED_TOKENS) remembered.delete(remembered.keys().next().value!);
  remembered.set(id, origin);
  return origin;
}

async function readOrigin(
  context: ServerContext,
  token: string,
  key: KeyObject,
): Promise<TokenOrigin | undefined> {
  try {
    const { payload, protectedHeader } = await compactVerify(token, key, { algorithms: ["ES256"] });
    if (protectedHeader.typ !== "at+jwt") return undefined;
    const { iss, jti, gid, client_id } = claimsSchema.parse(
      JSON.parse(new TextDecoder().decode(payload)),
    );
    if (iss !== context.issuer) return undefined;
    return { clientId: client_id, grantId: gid, tokenId: jti };
  } catch {
    return undefined; // not a token of ours
  }
}

/** The record of an access token that would open its resource now. */
export async function liveAccessToken(
  context: ServerContext,
  token: string,
): Promise<AccessTokenRecord | undefined> {
  const origin = await originOfAccessToken(context, token);
  if (!origin) return undefined;
  const [record, client] = await Promise.all([
    context.store.get("accessToken", origin.tokenId),
    context.store.get("client", origin.clientId),
  ]);
  const isAlive = record && client && record.expiresAt > context.clock.now();
  return isAlive && record.grantId === origin.grantId ? record : undefined;
}

/** The record of a refresh token that was not used yet, and its grant's resource and scopes. */
export async function liveRefreshToken(
  context: ServerContext,
  token: string,
): Promise<
  (RefreshTokenRecord & Pick<GrantRecord, "subject" | "resource" | "scopes">) | undefined
> {
  const record = await context.store.get("refreshToken", digest(token));
  if (!record || record.rotation || record.expiresAt <= context.clock.now()) return undefined;
  const [grant, client] = await Promise.all([
    findGrant(context, record.grantId),
    context.store.get("client", record.clientId),
  ]);
  if (!grant || !client) return undefined;
  const { subject, resource, scopes } = grant;
  return { ...record, subject, resource, scopes };
}
