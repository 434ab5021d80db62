/**
 * The life of a refresh token, RFC 6749 §6 with the rotation of RFC 9700 §4.14.2.
 *
 * A refresh token is 256 random bits, stored as its digest. Its first use replaces it by a successor. The successor is not
 * drawn but derived: HKDF of the token and a random salt, which stays with the token's record. So the answer to the
 * first use can be given again, by whoever still holds the token, without our keeping a secret: the record has the salt
 * but not the token, the client has the token but not the salt. That is the grace. A client whose connection broke before
 * it read our answer, or two processes of one client that refresh at once, get the *same* successor, before and after a
 * crash of ours, and there is never a second line of descent.
 *
 *     T0 --use--> T1 --use--> T2            the grace of T0 counts from its first use, and ends
 *     salt0       salt1                     at once when T1 is first used: salt0 is forgotten then
 *
 * A used token that comes back without grace was copied. We cannot tell the thief from the owner, so the whole grant ends.
 *
 * Every step is one `transact` that checks what it has read. When somebody was first, we read again and decide anew: the
 * second of two parallel uses finds the token used and takes the way of the grace.
 */
import { epochSeconds } from "../../clock.ts";
import { OAuthError } from "../../errors.ts";
import { deriveToken, digest, randomToken } from "../../random.ts";
import { about } from "../autopsy/about.ts";
import type { ServerContext } from "../context.ts";
import type { GrantRecord, RefreshTokenRecord } from "../store/records.ts";
import type { Operation } from "../store/store.ts";
import type { IssuedAccessToken } from "./access-token.ts";
import { endGrant, findGrant, notingUse, stillStands } from "./grant.ts";
import { requireKey } from "./token-binding.ts";

/** Each failed attempt means the token has changed its state, and it has only three. */
const ATTEMPTS = 5;

export interface Rotation {
  grant: GrantRecord;
  accessToken: IssuedAccessToken;
  refreshToken: string;
}

/**
 * The first refresh token of a grant.
 * @param jkt thumbprint of the key with which alone it and its successors can be used (RFC 9449 §5)
 */
export function firstRefreshToken(
  context: ServerContext,
  grant: GrantRecord,
  jkt?: string,
): { token: string; operation: Operation } {
  const token = randomToken();
  return { token, operation: putToken(context, grant, token, { jkt }) };
}

/**
 * Use a refresh token.
 *
 * @param prepare checks what the request wants of the grant and makes the access token; when it throws, the refresh token
 *   has not been used
 * @param jkt thumbprint of the key that the request has proven to hold
 * @throws OAuthError invalid_dpop_proof when the token is bound to a key and none was proven, invalid_grant when unknown, expired, of another client, or reused after the grace (then the grant has
 *   ended)
 */
export async function rotateRefreshToken(
  context: ServerContext,
  clientId: string,
  token: string,
  prepare: (grant: GrantRecord) => Promise<IssuedAccessToken>,
  jkt?: string,
): Promise<Rotation> {
  const id = digest(token);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const record = await context.store.get("refreshToken", id);
    if (!record || record.clientId !== clientId) {
      throw invalidRefreshToken(record ? "of another client" : "unknown");
    }
    // Before anything else: whoever has not the key proves nothing, not even that the token was copied.
    requireKey(record.jkt, jkt, () => invalidRefreshToken("bound to another key"));
    const grant = await findGrant(context, record.grantId);
    if (!grant || record.expiresAt <= context.clock.now()) {
      throw about(invalidRefreshToken("expired"), { grantId: record.grantId });
    }
    if (record.rotation && !hasGrace(context, record.rotation)) {
      await endGrant(context, record.grantId, "refresh token reused");
      throw about(invalidRefreshToken("reused"), { grantId: record.grantId });
    }
    const accessToken = await prepare(grant);
    const salt = record.rotation?.salt ?? randomToken();
    const refreshToken = deriveSuccessor(token, salt);
    const isDone = await context.store.transact([
      ...stillStands(grant),
      { type: "check", kind: "refreshToken", id, seen: record },
      ...(record.rotation
        ? [{ type: "checkExists", kind: "refreshToken", id: digest(refreshToken) } as const]
        : [
            ...markUsed(context, id, record, salt),
            putToken(context, grant, refreshToken, { jkt: record.jkt, predecessor: id }),
            ...(await endGraceOfPredecessor(context, record)),
          ]),
      ...notingUse(context, grant),
      accessToken.operation,
    ]);
    if (isDone) return { grant, accessToken, refreshToken };
  }
  throw invalidRefreshToken("client or grant ended meanwhile");
}

function hasGrace(
  context: ServerContext,
  rotation: NonNullable<RefreshTokenRecord["rotation"]>,
): boolean {
  const end = rotation.usedAt + context.config.tokens.refreshGrace;
  return rotation.salt !== undefined && context.clock.now() <= end;
}

function deriveSuccessor(token: string, salt: string): string {
  return deriveToken(token, `refresh token successor ${salt}`);
}

function markUsed(
  context: ServerContext,
  id: string,
  record: RefreshTokenRecord,
  salt: string,
): Operation[] {
  const used = { ...record, rotation: { usedAt: context.clock.now(), salt } };
  return [{ type: "put", kind: "refreshToken", id, record: used, ttl: "keep" }];
}

/** A token whose successor is in use was received: its holder has no reason to come again. */
async function endGraceOfPredecessor(
  context: ServerContext,
  record: RefreshTokenRecord,
): Promise<Operation[]> {
  const id = record.predecessor;
  const seen = id === undefined ? undefined : await context.store.get("refreshToken", id);
  if (id === undefined || seen?.rotation?.salt === undefined) return [];
  const forgotten = { ...seen, rotation: { usedAt: seen.rotation.usedAt } };
  return [
    { type: "check", kind: "refreshToken", id, seen },
    { type: "put", kind: "refreshToken", id, record: forgotten, ttl: "keep" },
  ];
}

function putToken(
  context: ServerContext,
  grant: GrantRecord,
  token: string,
  { jkt, predecessor }: { jkt?: string | undefined; predecessor?: string },
): Operation {
  const issuedAt = epochSeconds(context.clock);
  const life = Math.max(1, Math.floor(context.config.tokens.refreshToken));
  const record: RefreshTokenRecord = {
    grantId: grant.grantId,
    clientId: grant.clientId,
    issuedAt,
    // However often it is refreshed, nothing outlives the grant.
    expiresAt: Math.min(issuedAt + life, grant.expiresAt),
    ...(jkt !== undefined && { jkt }),
    ...(predecessor !== undefined && { predecessor }),
  };
  const ttl = record.expiresAt - issuedAt;
  return { type: "put", kind: "refreshToken", id: digest(token), record, ttl };
}

/** One description for all causes: which one it was would tell a thief what to try next. */
function invalidRefreshToken(detail: string): OAuthError {
  return new OAuthError("invalid_grant", "The refresh token is not valid", {
    detail: `refresh token ${detail}`,
  });
}
