/**
 * The answer of the authorization endpoint: a redirect to the client, RFC 6749 §4.1.2 and §4.1.2.1.
 *
 * Always 303, so that no form of ours is ever posted on (RFC 9700 §4.12); always with `iss` (RFC 9207) and with the `state`
 * exactly as it came. The redirect URI is extended as text: a URL object would rewrite what the client registered.
 */
import type { ServerResponse } from "node:http";
import type { OAuthError } from "../../errors.ts";
import type { ServerContext } from "../context.ts";
import type { InteractionRecord } from "../store/records.ts";

/** Where the answer goes. Only ever made from a redirect URI that matched the client's registration. */
export type RedirectTarget = Pick<InteractionRecord, "redirectUri" | "state">;

export function redirectWithCode(
  context: Pick<ServerContext, "issuer">,
  response: ServerResponse,
  target: RedirectTarget,
  code: string,
): void {
  redirect(context, response, target, { code });
}

export function redirectWithError(
  context: Pick<ServerContext, "issuer">,
  response: ServerResponse,
  target: RedirectTarget,
  error: OAuthError,
): void {
  redirect(context, response, target, { ...error.toJSON() });
}

/** The same as a link, for a page that tells the person first. */
export function errorRedirectUrl(
  context: Pick<ServerContext, "issuer">,
  target: RedirectTarget,
  error: OAuthError,
): string {
  return answerUrl(context, target, { ...error.toJSON() });
}

function answerUrl(
  context: Pick<ServerContext, "issuer">,
  { redirectUri, state }: RedirectTarget,
  members: Record<string, string>,
): string {
  const query = new URLSearchParams({
    ...members,
    ...(state !== undefined && { state }),
    iss: context.issuer,
  });
  const separator = !redirectUri.includes("?") ? "?" : /[?&]$/.test(redirectUri) ? "" : "&";
  return `${redirectUri}${separator}${query.toString()}`;
}

function redirect(
  context: Pick<ServerContext, "issuer">,
  response: ServerResponse,
  target: RedirectTarget,
  members: Record<string, string>,
): void {
  response.statusCode = 303;
  response.setHeader("Location", answerUrl(context, target, members));
  // The code is in this answer: nobody keeps it, and no page after it is told where the browser came from.
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("Referrer-Policy", "no-referrer");
  response.end();
}
