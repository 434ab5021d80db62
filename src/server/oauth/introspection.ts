/**
 * Token introspection, RFC 7662.
 *
 * Only clients with a secret or a key may ask, and only about tokens that are their own, or that were issued for a service whose
 * program they are (`client register --introspect`). Everything else is answered with `{"active":false}` and nothing more:
 * unknown, expired, revoked, used up and none of your business look the same (§2.2, §4). Asking changes nothing, not even
 * about a refresh token that was used before. `token_type_hint` is not needed: the kinds cannot be confused.
 */
import type { RequestHandler } from "express";
import { OAuthError } from "../../errors.ts";
import type { ServerContext } from "../context.ts";
import { sendJson } from "../http.ts";
import { countWithin } from "../rate-limits.ts";
import type { ClientRecord } from "../store/client-records.ts";
import type { AccessTokenRecord } from "../store/records.ts";
import { clientOf } from "./client-authentication.ts";
import { formOf } from "./form.ts";
import { liveAccessToken, liveRefreshToken } from "./own-token.ts";

export function introspection(context: ServerContext): RequestHandler {
  return async (_request, response) => {
    const client = clientOf(response);
    if (client.metadata.token_endpoint_auth_method === "none") {
      throw new OAuthError("invalid_client", "Client authentication failed", {
        detail: "introspection by a public client",
      });
    }
    const token = formOf(response).get("token");
    if (token === undefined) throw new OAuthError("invalid_request", "token is required");
    const known = token.includes(".")
      ? await describeAccessToken(context, client, token)
      : await describeRefreshToken(context, client, token);
    // Only what is not valid counts: nobody who asks about real tokens is kept waiting (§4, token scanning).
    if (!known) await countWithin(context, "lookups", [client.clientId]);
    sendJson(response, 200, known ?? { active: false });
  };
}

async function describeAccessToken(
  context: ServerContext,
  client: ClientRecord,
  token: string,
): Promise<Record<string, unknown> | undefined> {
  const record = await liveAccessToken(context, token);
  if (!record || !maySee(context, client, record)) return undefined;
  const { clientId, subject, resource, scopes, issuedAt, expiresAt, tokenId, jkt } = record;
  return {
    active: true,
    iss: context.issuer,
    aud: resource,
    sub: subject,
    client_id: clientId,
    scope: scopes.join(" "),
    token_type: jkt === undefined ? "Bearer" : "DPoP",
    ...(jkt !== undefined && { cnf: { jkt } }),
    jti: tokenId,
    iat: issuedAt,
    exp: expiresAt,
  };
}

/** A resource has nothing to do with refresh tokens, so only their own client sees them. */
async function describeRefreshToken(
  context: ServerContext,
  client: ClientRecord,
  token: string,
): Promise<Record<string, unknown> | undefined> {
  const record = await liveRefreshToken(context, token);
  if (record?.clientId !== client.clientId) return undefined;
  const { clientId, subject, resource, scopes, issuedAt, expiresAt } = record;
  return {
    active: true,
    iss: context.issuer,
    aud: resource,
    sub: subject,
    client_id: clientId,
    scope: scopes.join(" "),
    iat: issuedAt,
    exp: expiresAt,
  };
}

function maySee(
  { resources }: ServerContext,
  { clientId, introspects = [] }: ClientRecord,
  token: AccessTokenRecord,
): boolean {
  if (token.clientId === clientId) return true;
  const service = resources.named(token.resource)?.service;
  return service !== undefined && introspects.includes(service);
}
