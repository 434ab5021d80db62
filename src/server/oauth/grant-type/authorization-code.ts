/**
 * Grant type `authorization_code`, RFC 6749 §4.1.3, with PKCE (RFC 7636 §4.5) and `resource` (RFC 8707 §2.2).
 *
 * Order: code -> client -> redirect URI -> verifier -> resource -> key -> used before? -> expired? -> redeem. So only the rightful
 * holder of everything can use a code up, or end the grant by presenting it again (authorization-code.ts).
 *
 * A refresh token comes with it when the client registered the grant type: clients expect one whether or not they
 * asked for `offline_access`.
 */
import { OAuthError } from "../../../errors.ts";
import { digest } from "../../../random.ts";
import { about } from "../../autopsy/about.ts";
import type { ServerContext } from "../../context.ts";
import type { ClientRecord } from "../../store/client-records.ts";
import type { AuthorizationCodeRecord } from "../../store/records.ts";
import { issueAccessToken } from "../access-token.ts";
import { redeemAuthorizationCode } from "../authorization-code.ts";
import { endGrant, findGrant } from "../grant.ts";
import { provesChallenge } from "../pkce.ts";
import { firstRefreshToken } from "../refresh-rotation.ts";
import { refreshKey, requireKey } from "../token-binding.ts";
import { answerWithTokens, type GrantType, type TokenResponse } from "./grant-type.ts";

/** Each failed attempt means the code was used or is gone. */
const ATTEMPTS = 3;

export const authorizationCode: GrantType = {
  name: "authorization_code",
  parameters: ["code", "redirect_uri", "code_verifier", "resource"],
  async handle(context, client, parameters, jkt) {
    const code = required(parameters, "code");
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const record = await provenCode(context, client, code, parameters);
      requireKey(record.jkt, jkt, () => invalidCode("bound to another key"));
      const tokens = await redeem(context, client, code, record, jkt);
      if (tokens) return tokens;
    }
    throw invalidCode("client or grant ended meanwhile");
  },
};

/** The code's record, once the request has shown to come from the one it was made for. */
async function provenCode(
  context: ServerContext,
  client: ClientRecord,
  code: string,
  parameters: ReadonlyMap<string, string>,
): Promise<AuthorizationCodeRecord> {
  const record = await context.store.get("authorizationCode", digest(code));
  if (record?.clientId !== client.clientId)
    throw invalidCode(record ? "of another client" : "unknown");
  try {
    checkProof(context, record, parameters);
  } catch (error) {
    throw error instanceof OAuthError ? about(error, { grantId: record.grantId }) : error;
  }
  return record;
}

function checkProof(
  context: ServerContext,
  record: AuthorizationCodeRecord,
  parameters: ReadonlyMap<string, string>,
): void {
  const redirectUri = parameters.get("redirect_uri");
  const mayOmit = redirectUri === undefined && !record.redirectUriWasSent;
  if (!mayOmit && redirectUri !== record.redirectUri) throw invalidCode("other redirect_uri");

  if (!provesChallenge(required(parameters, "code_verifier"), record.codeChallenge)) {
    throw invalidCode("wrong code_verifier");
  }
  const resource = parameters.get("resource");
  if (resource !== undefined && context.resources.named(resource)?.uri !== record.resource) {
    throw new OAuthError("invalid_target", "resource is not the one that was authorized", {
      detail: `resource ${resource} in place of ${record.resource}`,
    });
  }
}

/** @returns undefined when the state has changed since `record` was read */
async function redeem(
  context: ServerContext,
  client: ClientRecord,
  code: string,
  record: AuthorizationCodeRecord,
  jkt: string | undefined,
): Promise<TokenResponse | undefined> {
  if (record.redeemedAt !== undefined) {
    await endGrant(context, record.grantId, "code reused");
    throw about(invalidCode("used before"), { grantId: record.grantId });
  }
  if (record.expiresAt <= context.clock.now()) {
    throw about(invalidCode("expired"), { grantId: record.grantId });
  }
  const grant = await findGrant(context, record.grantId);
  if (!grant) throw invalidCode("grant ended");

  const accessToken = await issueAccessToken(context, grant, record.scopes, jkt);
  const mayRefresh = client.metadata.grant_types.includes("refresh_token");
  const refreshToken = mayRefresh
    ? firstRefreshToken(context, grant, refreshKey(client, jkt))
    : undefined;
  const isRedeemed = await redeemAuthorizationCode(context, code, record, grant, [
    accessToken.operation,
    ...(refreshToken ? [refreshToken.operation] : []),
  ]);
  return isRedeemed
    ? answerWithTokens(context, "authorization_code", accessToken, refreshToken?.token)
    : undefined;
}

function required(parameters: ReadonlyMap<string, string>, name: string): string {
  const value = parameters.get(name);
  if (value === undefined) throw new OAuthError("invalid_request", `${name} is required`);
  return value;
}

/** One description for all causes (RFC 6749 §5.2). */
function invalidCode(detail: string): OAuthError {
  return new OAuthError("invalid_grant", "The authorization code is not valid", {
    detail: `code ${detail}`,
  });
}
