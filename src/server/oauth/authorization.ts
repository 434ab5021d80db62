/**
 * Authorization endpoint, RFC 6749 §3.1.
 *
 * GET, or POST with a form body; a POST whose URL also carries parameters is refused, because two readers could take
 * different ones. Order: parameters -> client and redirect URI (failures are a page) -> everything else (failures are a
 * redirect) -> login and consent, which know only what was validated here. A reference to a pushed request (RFC 9126)
 * stands for all of it.
 *
 * `prompt=none` never succeeds: consent is asked every time, since anybody may register a client under any name.
 */
import type { Request, RequestHandler, Response } from "express";
import { OAuthError } from "../../errors.ts";
import { describeError } from "../autopsy/step.ts";
import type { ServerContext } from "../context.ts";
import {
  readAuthorizationRequest,
  readRedirectTarget,
  type AuthorizationRequest,
} from "./authorization-request.ts";
import { redirectWithError, type RedirectTarget } from "./authorization-response.ts";
import { countFromSource } from "../rate-limits.ts";
import { parseParameters, readForm, type Parameters } from "./form.ts";
import { startInteraction } from "./interaction.ts";
import { findLoginSession } from "./login-session.ts";
import { takePushedRequest } from "./pushed-authorization-request.ts";

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
    if (wanted.isSilent) throw await silenceIsNotEnough(context, request);
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    context.attempts.note({ what: "authorize", ...describeError(error), clientId }, request);
    return redirectWithError(context, response, target, error);
  }
  // For the person to see: an answer to the client would begin the same again.
  await countFromSource(context, "authorizations", request, wanted.interaction.clientId);
  await startInteraction(context, request, response, wanted.interaction);
}

async function silenceIsNotEnough(context: ServerContext, request: Request): Promise<OAuthError> {
  return (await findLoginSession(context, request))
    ? new OAuthError("consent_required", "The person must be asked")
    : new OAuthError("login_required", "The person must log in");
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
