/**
 * Authorization endpoint, RFC 6749 §3.1.
 *
 * GET, or POST with a form body; a POST whose URL also carries parameters is refused, because two readers could take
 * different ones. Order: parameters -> client and redirect URI (failures are a page) -> everything else (failures are a
 * redirect) -> login and consent, which know only what was validated here.
 *
 * `prompt=none` never succeeds: consent is asked every time, since anybody may register a client under any name.
 */
import type { Request, RequestHandler, Response } from "express";
import { OAuthError } from "../../errors.ts";
import type { ServerContext } from "../context.ts";
import {
  readAuthorizationRequest,
  readRedirectTarget,
  type AuthorizationRequest,
} from "./authorization-request.ts";
import { redirectWithError } from "./authorization-response.ts";
import { parseParameters, readForm, type Parameters } from "./form.ts";
import { startInteraction } from "./interaction.ts";
import { findLoginSession } from "./login-session.ts";

export function authorization(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const parameters = await readParameters(request, response);
    const target = await readRedirectTarget(context, parameters);
    let wanted: AuthorizationRequest;
    try {
      wanted = readAuthorizationRequest(context, parameters, target);
      if (wanted.isSilent) throw await silenceIsNotEnough(context, request);
    } catch (error) {
      // From here on the client hears of it, not the person.
      if (!(error instanceof OAuthError)) throw error;
      return redirectWithError(context, response, target, error);
    }
    await startInteraction(context, request, response, wanted.interaction);
  };
}

async function silenceIsNotEnough(context: ServerContext, request: Request): Promise<OAuthError> {
  return (await findLoginSession(context, request))
    ? new OAuthError("consent_required", "The person must be asked")
    : new OAuthError("login_required", "The person must log in");
}

async function readParameters(request: Request, response: Response): Promise<Parameters> {
  const [, query = ""] = /\?(.*)$/s.exec(request.originalUrl) ?? [];
  if (request.method !== "POST") return parseParameters(query);
  if (query !== "") {
    throw new OAuthError(
      "invalid_request",
      "The parameters belong into the body, not into the URL",
    );
  }
  return readForm(request, response);
}
