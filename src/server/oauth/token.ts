/**
 * Token endpoint, RFC 6749 §3.2.
 *
 * Only POST with a form body; the client has already been authenticated (see routes.ts). Parameters the chosen
 * grant type does not declare are dropped, so a stray `scope` cannot change a flow that has no scope.
 * Answers are never cached (§5.1).
 */
import type { RequestHandler } from "express";
import { OAuthError } from "../../errors.ts";
import type { ServerContext } from "../context.ts";
import { sendJson } from "../http.ts";
import { noteClientUse } from "./client-expiry.ts";
import { clientOf } from "./client-authentication.ts";
import { formOf } from "./form.ts";
import { grantTypes } from "./grant-type/index.ts";
import { provenKey } from "./token-binding.ts";

export function token(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const form = formOf(response);
    const client = clientOf(response);
    const name = form.get("grant_type");
    if (name === undefined) throw new OAuthError("invalid_request", "grant_type is required");
    const grantType = grantTypes.get(name);
    if (!grantType || grantType.isOffered?.(context) === false)
      throw new OAuthError("unsupported_grant_type", "This grant_type is not supported");
    if (!client.metadata.grant_types.includes(name)) {
      throw new OAuthError("unauthorized_client", "The client has not registered this grant_type");
    }
    const parameters = new Map([...form].filter(([key]) => grantType.parameters.includes(key)));
    const jkt = await provenKey(context, request, response, "/token");
    if (client.metadata.dpop_bound_access_tokens && jkt === undefined) {
      throw new OAuthError("invalid_dpop_proof", "The client has registered that it uses DPoP");
    }
    const tokens = await grantType.handle(context, client, parameters, jkt);
    await noteClientUse(context, client.clientId);
    response.setHeader("Pragma", "no-cache");
    sendJson(response, 200, tokens);
  };
}
