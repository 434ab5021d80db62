/**
 * Revocation endpoint, RFC 7009 §2. The client has been authenticated (see routes.ts).
 *
 * Either kind of token ends its whole grant: a client that gives up one of them is done (§2.1 suggests it for refresh
 * tokens and permits it for access tokens), and an access token that lived on beside it would make our 200 a lie.
 * `token_type_hint` is not needed: the kinds cannot be confused. A token that is unknown, ended, or another client's
 * gets the same 200 (§2.2) and stays as it is.
 */
import { compactVerify } from "jose";
import type { RequestHandler } from "express";
import { epochSeconds } from "../../clock.ts";
import { OAuthError } from "../../errors.ts";
import { digest } from "../../random.ts";
import type { ServerContext } from "../context.ts";
import { sendJson } from "../http.ts";
import { keyIdOf } from "../signing-key.ts";
import { clientOf } from "./client-authentication.ts";
import { formOf } from "./form.ts";
import { endGrant } from "./grant.ts";

const LONGEST_TOKEN = 8192; // characters

export function revocation(context: ServerContext): RequestHandler {
  return async (_request, response) => {
    const token = formOf(response).get("token");
    if (token === undefined) throw new OAuthError("invalid_request", "token is required");
    const { clientId } = clientOf(response);
    const found = token.includes(".")
      ? await findAccessToken(context, token)
      : await findRefreshToken(context, token);
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

interface Found {
  clientId: string;
  grantId: string;
  /** `jti`, or the digest of a refresh token: neither is a secret. */
  tokenId: string;
}

async function findRefreshToken(context: ServerContext, token: string): Promise<Found | undefined> {
  const tokenId = digest(token);
  const record = await context.store.get("refreshToken", tokenId);
  return record && { clientId: record.clientId, grantId: record.grantId, tokenId };
}

/** Ours by its signature; whether it has expired makes no difference to the wish to end it. */
async function findAccessToken(context: ServerContext, token: string): Promise<Found | undefined> {
  if (token.length > LONGEST_TOKEN) return undefined;
  const key = await context.keys.verificationKey(keyIdOf(token) ?? "");
  if (!key) return undefined;
  try {
    const { payload } = await compactVerify(token, key, { algorithms: ["ES256"] });
    const claims: Record<string, unknown> = JSON.parse(new TextDecoder().decode(payload));
    const { jti, gid, client_id: clientId } = claims;
    if (typeof jti !== "string" || typeof gid !== "string" || typeof clientId !== "string")
      return undefined;
    return { clientId, grantId: gid, tokenId: jti };
  } catch {
    return undefined; // not a token of ours, so there is nothing to revoke
  }
}
