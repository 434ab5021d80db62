/**
 * Revocation endpoint, RFC 7009 §2. The client has been authenticated (see routes.ts).
 *
 * Either kind of token ends its whole grant: a client that gives up one of them is done (§2.1 suggests it for refresh
 * tokens and permits it for access tokens), and an access token that lived on beside it would make our 200 a lie.
 * `token_type_hint` is not needed: the kinds cannot be confused. A token that is unknown, ended, or another client's
 * gets the same 200 (§2.2) and stays as it is.
 */
import type { RequestHandler } from "express";
import { epochSeconds } from "../../clock.ts";
import { OAuthError } from "../../errors.ts";
import type { ServerContext } from "../context.ts";
import { sendJson } from "../http.ts";
import { clientOf } from "./client-authentication.ts";
import { formOf } from "./form.ts";
import { endGrant } from "./grant.ts";
import { originOf } from "./own-token.ts";

export function revocation(context: ServerContext): RequestHandler {
  return async (_request, response) => {
    const token = formOf(response).get("token");
    if (token === undefined) throw new OAuthError("invalid_request", "token is required");
    const { clientId } = clientOf(response);
    const found = await originOf(context, token);
    if (found?.clientId === clientId) {
      const { grantId, tokenId } = found;
      const isEnded = await endGrant(context, grantId, "revoked by client");
      const at = epochSeconds(context.clock);
      if (isEnded)
        context.events.publish({ type: "token.revoked", at, clientId, grantId, tokenId });
    }
    sendJson(response, 200, {});
  };
}
