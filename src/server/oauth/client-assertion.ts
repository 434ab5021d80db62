/**
 * Client authentication by `private_key_jwt`: a JWT the client has signed with a key it registered, RFC 7523 §2.2 and §3.
 *
 * What we chose: `aud` is our issuer or our token endpoint, nothing else; five minutes from issue to expiry at most; `jti` is
 * required and works once, also across a restart; `typ` may say `client-authentication+jwt`, `JWT` or nothing, so that
 * no JWT of another purpose can stand in for it.
 */
import { OAuthError } from "../../errors.ts";
import type { ServerContext } from "../context.ts";
import type { ClientRecord } from "../store/client-records.ts";
import { unverifiedClaims, useOnce, verifyAssertion, type FindKeys } from "./assertion.ts";
import { CLIENT_SIGNING_ALGORITHMS } from "./client-keys.ts";

/** Value of `client_assertion_type`. */
export const CLIENT_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

const LONGEST_LIFE = 300; // seconds

/** The client an assertion claims to be from; undefined when it does not say. */
export function clientOfAssertion(assertion: string): string | undefined {
  const { sub } = unverifiedClaims(assertion);
  return typeof sub === "string" && sub !== "" ? sub : undefined;
}

/** @throws OAuthError invalid_client unless the client signed it, for us, for now, and it is seen for the first time */
export async function checkClientAssertion(
  context: ServerContext,
  client: ClientRecord,
  assertion: string,
): Promise<void> {
  const { clientId, metadata } = client;
  const algorithm = metadata.token_endpoint_auth_signing_alg;
  const claims = await verifyAssertion(context, assertion, {
    algorithms: CLIENT_SIGNING_ALGORITHMS.filter((name) => (algorithm ?? name) === name),
    types: [undefined, "jwt", "client-authentication+jwt"],
    issuer: clientId,
    audiences: [context.issuer, `${context.issuer}/token`],
    longestLife: LONGEST_LIFE,
    keys: keysOf(context, client),
    refuse: invalidAssertion,
  });
  if (claims.sub !== clientId) throw invalidAssertion("iss and sub differ");
  if (!(await context.store.transact(useOnce(context, "client", claims)))) {
    throw invalidAssertion("used before");
  }
}

function keysOf(context: ServerContext, { metadata }: ClientRecord): FindKeys {
  const { jwks, jwks_uri: uri } = metadata;
  if (jwks) return () => Promise.resolve(jwks.keys);
  if (uri === undefined) return () => Promise.resolve([]);
  return (isWanted) => context.remoteKeys.ofClients(uri, isWanted);
}

function invalidAssertion(reason: string): OAuthError {
  return new OAuthError("invalid_client", "Client authentication failed", {
    detail: `client assertion: ${reason}`,
  });
}
