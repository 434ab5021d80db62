/**
 * Authorization endpoint, RFC 6749 §3.1.
 *
 * GET, or POST with a form body; a POST whose URL also carries parameters is refused, because two readers could take
 * different ones. Order: parameters -> client and redirect URI (failures are a page) -> everything else (failures are a
 * redirect) -> login and consent, which know only what was validated here. A reference to a pushed request (RFC 9126)
 * stands for all of it.
 *
 * Somebody who is logged in and has allowed just this before sees no page (remembered-consent.ts); with `prompt=none` nobody
 * ever does (OpenID Connect Core §3.1.2.6).
 */
import type { Request, RequestHandler, Response } from "express";
import { OAuthError } from "../../errors.ts";
import { describeError } from "../autopsy/step.ts";
import type { ServerContext } from "../context.ts";
import { codeIssued } from "./authorization-code.ts";
import {
  readAuthorizationRequest,
  readRedirectTarget,
  type AuthorizationRequest,
} from "./authorization-request.ts";
import {
  redirectWithCode,
  redirectWithError,
  type RedirectTarget,
} from "./authorization-response.ts";
import { countFromSource } from "../rate-limits.ts";
import { parseParameters, readForm, type Parameters } from "./form.ts";
import { startInteraction } from "./interaction.ts";
import { findLoginSession } from "./login-session.ts";
import { takePushedRequest } from "./pushed-authorization-request.ts";
import { issueFromMemory } from "./remembered-consent.ts";

export function authorization(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const parameters = await readParameters(request);
    const pushed = await takePushedRequest(context, parameters);
    if (pushed) {
      const { clientId } = pushed.interaction;
      return begin(context, request, response, pushed.interaction, clientId, () => pushed);
    }
    const target = await readRedirectTarget(context, parameters, request);
    const read = (): AuthorizationRequest => readAuthorizationRequest(context, parameters, target);
    await begin(context, request, response, target, target.client.clientId, read);
  };
}

/** @param read what it throws the client hears of, through `target`, and not the person */
async function begin(
  context: ServerContext,
  request: Request,
  response: Response,
  target: RedirectTarget,
  clientId: string,
  read: () => AuthorizationRequest,
): Promise<void> {
  let wanted: AuthorizationRequest;
  try {
    wanted = read();
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    context.attempts.note({ what: "authorize", ...describeError(error), clientId }, request);
    return redirectWithError(context, response, target, error);
  }
  const { interaction, isSilent } = wanted;
  const session = await findLoginSession(context, request);
  if (isSilent && !session) {
    const error = new OAuthError("login_required", "The person must log in");
    return redirectWithError(context, response, target, error);
  }
  // For the person to see: an answer to the client would begin the same again.
  await countFromSource(context, "authorizations", request, interaction.clientId);
  const issued = session && (await issueFromMemory(context, interaction, session.identity));
  if (issued) {
    const { resource } = interaction;
    context.attempts.note({ what: "authorize", clientId, resource }, request);
    const step = codeIssued(interaction, session.identity.subject, issued.grantId);
    context.attempts.note({ ...step, clientId }, request);
    return redirectWithCode(context, response, target, issued.code);
  }
  if (isSilent) {
    const error = new OAuthError("consent_required", "The person must be asked");
    return redirectWithError(context, response, target, error);
  }
  await startInteraction(context, request, response, interaction);
}

async function readParameters(request: Request): Promise<Parameters> {
  const [, query = ""] = /\?(.*)$/s.exec(request.originalUrl) ?? [];
  if (request.method !== "POST") return parseParameters(query);
  if (query !== "") {
    throw new OAuthError(
      "invalid_request",
      "The parameters belong into the body, not into the URL",
    );
  }
  return readForm(request);
}
