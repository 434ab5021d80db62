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

interface Refusal {
  /** RFC 6749 §5.2 or §4.1.2.1. */
  error: string;
  error_description?: string | undefined;
}

/** The OAuth error code of a refusal; undefined when it is none. */
export async function codeOf(error: unknown): Promise<string | undefined> {
  return (await refusalOf(error))?.error;
}

async function refusalOf(error: unknown): Promise<Refusal | undefined> {
  if (error instanceof oauth.ResponseBodyError) return error;
  if (error instanceof oauth.AuthorizationResponseError) return error;
  // invalid_client often comes with a challenge, and the body has not been looked at then.
  if (!(error instanceof oauth.WWWAuthenticateChallengeError)) return undefined;
  try {
    const body = (await error.response.clone().json()) as Partial<Refusal> | null;
    if (typeof body?.error === "string") return { error: body.error };
  } catch {
    // as below
  }
  return { error: "invalid_client" };
}

/** A failed question to an authorization server as one sentence. */
export async function explained(error: unknown, doing: string, issuer: string): Promise<UserError> {
  if (error instanceof UserError) return error;
  const refusal = await refusalOf(error);
  const description = refusal?.error_description;
  const reason = refusal
    ? `${refusal.error}${description ? `, ${description}` : ""}`
    : reasonOf(error);
  if ((error as Error).name === "TimeoutError") {
    return new UserError(`${doing} at ${issuer} was given up: there was no answer in time`);
  }
  return new UserError(`${doing} at ${issuer} failed: ${printable(reason)}`, {
    hint: `Try again; the log of ${issuer} may say more than it tells us.`,
    cause: error,
  });
}

/** The reason of a failed fetch is in its cause. */
function reasonOf(error: unknown): string {
  const { cause } = Object(error) as { cause?: unknown };
  return cause instanceof Error && cause.message !== "" ? cause.message : messageOf(error);
}

/** Text of strangers never moves the cursor. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e\u00a0-\uffff]/g, " ").slice(0, 300);
}
