/**
 * What an authorization server answers when it refuses, read from whatever oauth4webapi made of it.
 */
import * as oauth from "oauth4webapi";
import { messageOf, UserError } from "../errors.ts";
import type { Web } from "./web.ts";

interface AskOptions {
  [oauth.allowInsecureRequests]: true;
  // oxlint-disable-next-line typescript/no-explicit-any -- each request narrows method and body in its own way
  [oauth.customFetch]: (url: string, init: any) => Promise<Response>;
}

/** Options of every request: addresses are checked by our own rules, which know loopback. */
export function askOptions(web: Web): AskOptions {
  return {
    [oauth.allowInsecureRequests]: true,
    [oauth.customFetch]: (url, init: RequestInit) => web.ask(url, init),
  };
}

/** The OAuth error code of a refusal, RFC 6749 §5.2 and §4.1.2.1; undefined when it is none. */
export async function codeOf(error: unknown): Promise<string | undefined> {
  if (error instanceof oauth.ResponseBodyError) return error.error;
  if (error instanceof oauth.AuthorizationResponseError) return error.error;
  // invalid_client often comes with a challenge, and the body has not been looked at then.
  if (!(error instanceof oauth.WWWAuthenticateChallengeError)) return undefined;
  try {
    const body = (await error.response.clone().json()) as { error?: unknown } | null;
    return typeof body?.error === "string" ? body.error : "invalid_client";
  } catch {
    return "invalid_client";
  }
}

/** A failed question to an authorization server as one sentence. */
export function explained(error: unknown, doing: string, issuer: string): UserError {
  if (error instanceof UserError) return error;
  const refusal =
    error instanceof oauth.ResponseBodyError || error instanceof oauth.AuthorizationResponseError
      ? `${error.error}${error.error_description ? `, ${error.error_description}` : ""}`
      : reasonOf(error);
  return new UserError(`${doing} at ${issuer} failed: ${printable(refusal)}`, {
    hint: "Try again; with --verbose every step is shown, --clear forgets what was stored.",
    cause: error,
  });
}

/** The reason of a failed fetch is in its cause. */
export function reasonOf(error: unknown): string {
  const { cause } = Object(error) as { cause?: unknown };
  return cause instanceof Error && cause.message !== "" ? cause.message : messageOf(error);
}

/** Text of strangers never moves the cursor. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e\u00a0-\uffff]/g, " ").slice(0, 300);
}
