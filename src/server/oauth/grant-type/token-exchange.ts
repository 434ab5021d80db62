/**
 * Grant type token exchange, RFC 8693, and of it only what takes away: a client turns an access token of its own into another one
 * with fewer scopes or a shorter rest of life, to hand that to a part of itself it trusts less.
 *
 * Same client, same grant, same resource, same subject; never longer than the token that was presented, never more scopes, and
 * a token bound to a key only for the holder of that key. No actor, no other kind of token, no audience but the one there is:
 * whoever wants to act somewhere else or for somebody else has to ask the person.
 */
import { OAuthError } from "../../../errors.ts";
import type { ServerContext } from "../../context.ts";
import type { ClientRecord } from "../../store/client-records.ts";
import type { AccessTokenRecord } from "../../store/records.ts";
import { issueAccessToken } from "../access-token.ts";
import { findGrant, stillStands } from "../grant.ts";
import { liveAccessToken } from "../own-token.ts";
import { narrowedScopes } from "../scope.ts";
import { answerWithTokens, type GrantType } from "./grant-type.ts";

/** The only type there is, RFC 8693 §3. */
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";

export const tokenExchange: GrantType = {
  name: "urn:ietf:params:oauth:grant-type:token-exchange",
  parameters: [
    "subject_token",
    "subject_token_type",
    "requested_token_type",
    "actor_token",
    "actor_token_type",
    "audience",
    "resource",
    "scope",
  ],
  async handle(context, client, parameters, jkt) {
    checkTypes(parameters);
    const subject = await subjectToken(context, client, parameters.get("subject_token"), jkt);
    for (const name of ["resource", "audience"]) {
      const target = parameters.get(name);
      if (target !== undefined && context.resources.named(target)?.uri !== subject.resource) {
        throw new OAuthError("invalid_target", "The new token must be for the same resource");
      }
    }
    const scopes = narrowedScopes(parameters.get("scope"), subject.scopes);
    const grant = await findGrant(context, subject.grantId);
    if (!grant) throw invalidSubject("grant ended");
    const until = { ...grant, expiresAt: Math.min(grant.expiresAt, subject.expiresAt) };
    const accessToken = await issueAccessToken(context, until, scopes, jkt);
    const isIssued = await context.store.transact([
      ...stillStands(grant),
      { type: "checkExists", kind: "accessToken", id: subject.tokenId },
      accessToken.operation,
    ]);
    if (!isIssued) throw invalidSubject("revoked meanwhile");
    return {
      ...answerWithTokens(context, tokenExchange.name, accessToken, undefined),
      issued_token_type: ACCESS_TOKEN,
    };
  },
};

function checkTypes(parameters: ReadonlyMap<string, string>): void {
  if (parameters.has("actor_token") || parameters.has("actor_token_type")) {
    throw new OAuthError("invalid_request", "An actor_token is not supported");
  }
  const requested = parameters.get("requested_token_type") ?? ACCESS_TOKEN;
  if (requested !== ACCESS_TOKEN || parameters.get("subject_token_type") !== ACCESS_TOKEN) {
    throw new OAuthError(
      "invalid_request",
      `Token types other than ${ACCESS_TOKEN} are not supported`,
    );
  }
}

async function subjectToken(
  context: ServerContext,
  { clientId }: ClientRecord,
  token: string | undefined,
  jkt: string | undefined,
): Promise<AccessTokenRecord> {
  if (token === undefined) throw new OAuthError("invalid_request", "subject_token is required");
  const record = await liveAccessToken(context, token);
  if (record?.clientId !== clientId)
    throw invalidSubject(record ? "of another client" : "not alive");
  if (record.jkt !== undefined && record.jkt !== jkt) throw invalidSubject("bound to another key");
  return record;
}

/** `invalid_request` whatever the reason, RFC 8693 §2.2.2. */
function invalidSubject(detail: string): OAuthError {
  return new OAuthError("invalid_request", "The subject_token is not valid", {
    detail: `subject_token ${detail}`,
  });
}
