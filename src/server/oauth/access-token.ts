/**
 * Access tokens: JWTs as RFC 9068 profiles them, for exactly one resource (RFC 8707).
 *
 * `sub`, `client_id`, `scope` and `aud` say who, through what, what and where; `gid` is the grant and `jti` the token's own
 * record, without which the signature is worth nothing. No name, no e-mail: whoever holds a token can read it (§6).
 */
import { epochSeconds } from "../../clock.ts";
import { randomId } from "../../random.ts";
import type { ServerContext } from "../context.ts";
import type { AccessTokenRecord, GrantRecord } from "../store/records.ts";
import type { Operation } from "../store/store.ts";

export interface IssuedAccessToken {
  jwt: string;
  record: AccessTokenRecord;
  /** Brings it to life; belongs into the same `transact` as the use of the code or refresh token that paid for it. */
  operation: Operation;
}

/**
 * @param scopes the grant's or fewer
 * @param jkt thumbprint of the key it is to be bound to (RFC 9449 §6.1)
 */
export async function issueAccessToken(
  context: ServerContext,
  grant: GrantRecord,
  scopes: readonly string[],
  jkt?: string,
): Promise<IssuedAccessToken> {
  const { grantId, clientId, subject, resource } = grant;
  const issuedAt = epochSeconds(context.clock);
  // Never longer than the grant, never without a life at all.
  const longest = Math.max(1, Math.floor(context.config.tokens.accessToken));
  const record: AccessTokenRecord = {
    tokenId: randomId(),
    grantId,
    clientId,
    subject,
    resource,
    scopes: [...scopes],
    issuedAt,
    expiresAt: Math.min(issuedAt + longest, grant.expiresAt),
    ...(jkt !== undefined && { jkt }),
  };
  const claims = {
    iss: context.issuer,
    aud: resource,
    sub: subject,
    client_id: clientId,
    scope: scopes.join(" "),
    gid: grantId,
    jti: record.tokenId,
    iat: issuedAt,
    exp: record.expiresAt,
    ...(jkt !== undefined && { cnf: { jkt } }),
  };
  const ttl = record.expiresAt - issuedAt;
  return {
    jwt: await context.keys.sign(claims, "at+jwt"),
    record,
    operation: { type: "put", kind: "accessToken", id: record.tokenId, record, ttl },
  };
}
