/**
 * What a login at an OpenID provider can fail by, told apart by whose doing it is: the answer does not belong to this login, or the
 * person said no (access_denied); or the provider is in trouble or refuses this gateway (a provider's failure).
 */
import { messageOf, OAuthError } from "../../errors.ts";
import { providerFailure } from "./provider-failure.ts";

/** Codes of openid-client for an answer that is well formed and still not to be believed. */
const NOT_BELIEVED: ReadonlySet<string> = new Set([
  "OAUTH_INVALID_RESPONSE",
  "OAUTH_JWT_CLAIM_COMPARISON_FAILED",
  "OAUTH_JWT_TIMESTAMP_CHECK_FAILED",
  "OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED",
  "OAUTH_KEY_SELECTION_FAILED",
  "OAUTH_UNSUPPORTED_OPERATION",
]);
/** Error codes of a provider's answer by which the person did not log in. */
const SAID_NO: ReadonlySet<string> = new Set([
  "access_denied",
  "login_required",
  "interaction_required",
  "consent_required",
  "account_selection_required",
]);

/** Nothing the provider wrote freely is passed on; it may be markup, or hold a token. */
export function asLoginError(name: string, thrown: unknown): OAuthError {
  if (thrown instanceof OAuthError) return thrown;
  const { code, error } = thrown as { code?: unknown; error?: unknown };
  if (code === "OAUTH_AUTHORIZATION_RESPONSE_ERROR") {
    return SAID_NO.has(String(error))
      ? new OAuthError("access_denied", `You did not log in at ${name}`)
      : providerFailure(name, `answers with the error ${plain(error)}`);
  }
  if (code === "OAUTH_RESPONSE_BODY_ERROR") {
    return error === "invalid_grant"
      ? new OAuthError("access_denied", `${name} does not know this login any more`)
      : providerFailure(name, `the token endpoint answers ${plain(error)}`);
  }
  if (typeof code !== "string") return providerFailure(name, reasonOf(thrown));
  if (!NOT_BELIEVED.has(code)) return providerFailure(name, code);
  const detail = `${code}: ${reasonOf(thrown)}`;
  return new OAuthError("access_denied", `The answer of ${name} is not valid`, { detail });
}

/** Nobody has logged in yet: whatever is wrong there is the provider's, or the operator's. */
export function asDiscoveryError(name: string, thrown: unknown): OAuthError {
  if (thrown instanceof OAuthError) return thrown;
  const { code } = thrown as { code?: unknown };
  const reason = typeof code === "string" ? code : reasonOf(thrown);
  return providerFailure(name, `its discovery document cannot be used: ${reason}`);
}

function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  return messageOf(cause instanceof Error ? cause : thrown);
}

function plain(code: unknown): string {
  return typeof code === "string" && /^\w{1,64}$/.test(code) ? code : "of no known form";
}
