/**
 * Grant type `jwt-bearer` with an ID-JAG: an identity assertion authorization grant (RFC 7523 §2.1,
 * draft-ietf-oauth-identity-assertion-authz-grant; MCP "enterprise-managed authorization"). An identity provider that the
 * operator trusts (`trustedIssuers`) says: this person may use that resource through this client. Nobody is asked then.
 *
 * Order: client with a secret or key -> issuer trusted -> assertion (assertion.ts: `typ`, algorithm, signature, `aud` exactly our
 * issuer, times) -> made for this client -> nothing in it that we would have to enforce and cannot -> resource -> scopes -> used
 * for the first time, in the same step that issues. `jti` is required. The subject is `<name of the issuer>:<sub>`;
 * the allow rules are asked about it like about anybody, name is for display. No refresh token: the provider decides anew each time.
 */
import { z } from "zod";
import type { Identity } from "../../../auth-info.ts";
import { OAuthError } from "../../../errors.ts";
import { isAdmitted } from "../../admission.ts";
import type { ServerContext } from "../../context.ts";
import type { ClientRecord } from "../../store/client-records.ts";
import { unverifiedClaims, useOnce, verifyAssertion, type AssertionClaims } from "../assertion.ts";
import { CLIENT_SIGNING_ALGORITHMS } from "../client-keys.ts";
import { directResource, directScopes, issueDirectly } from "../direct-grant.ts";
import { parseScope } from "../scope.ts";
import { answerWithTokens, type GrantType } from "./grant-type.ts";

/** Longest life of an assertion: as long as we remember it. */
const LONGEST_LIFE = 3600; // seconds

const claimsSchema = z.object({
  client_id: z.string(),
  resource: z.string(),
  iat: z.number(),
  scope: z.string().optional(),
  name: z.string().max(200).optional().catch(undefined),
  email: z.string().max(320).optional().catch(undefined),
  email_verified: z.boolean().optional().catch(undefined),
});

/** They would bind the token to more than it can carry here. */
const UNSUPPORTED = ["cnf", "authorization_details", "act", "may_act"];

export const jwtBearer: GrantType = {
  name: "urn:ietf:params:oauth:grant-type:jwt-bearer",
  parameters: ["assertion", "scope", "resource"],
  isOffered: ({ config }) => config.trustedIssuers.length > 0,
  async handle(context, client, parameters, jkt) {
    if (client.metadata.token_endpoint_auth_method === "none") {
      throw new OAuthError("unauthorized_client", "The client must prove itself for this");
    }
    const assertion = parameters.get("assertion");
    if (assertion === undefined) throw new OAuthError("invalid_request", "assertion is required");
    const { claims, issuer } = await trustedClaims(context, assertion);
    const said = readSaid(claims, client);
    const resource = directResource(context, client, parameters.get("resource") ?? said.resource);
    if (context.resources.named(said.resource)?.uri !== resource.uri) {
      throw invalidAssertion("for another resource");
    }
    const identity: Identity = {
      subject: `${issuer}:${claims.sub}`,
      ...(said.name !== undefined && { name: said.name }),
      ...(said.email !== undefined && { email: said.email }),
      ...(said.email_verified === true && { emailVerified: true }),
    };
    const { clientId } = client;
    if (!isAdmitted(context, identity, { clientId, resource: resource.uri })) {
      throw invalidAssertion("person not allowed");
    }
    const limit = scopeLimit(said.scope, client);
    const scopes = directScopes(resource, parameters.get("scope"), limit);
    const once = useOnce(context, "ID-JAG", claims);
    const accessToken = await issueDirectly(
      context,
      client,
      { identity, resource, scopes, jkt },
      once,
    );
    if (!accessToken) throw invalidAssertion("used before, or client revoked meanwhile");
    return answerWithTokens(context, jwtBearer.name, accessToken, undefined);
  },
};

/** @returns the claims of an assertion that is in order, and the configured name of who signed it */
async function trustedClaims(
  context: ServerContext,
  assertion: string,
): Promise<{ claims: AssertionClaims; issuer: string }> {
  const { iss } = unverifiedClaims(assertion);
  const trusted = context.config.trustedIssuers.find(({ issuer }) => issuer === iss);
  if (!trusted) throw invalidAssertion("not of a trusted issuer");
  const claims = await verifyAssertion(context, assertion, {
    algorithms: CLIENT_SIGNING_ALGORITHMS,
    types: ["oauth-id-jag+jwt"],
    issuer: trusted.issuer,
    audiences: [context.issuer],
    longestLife: LONGEST_LIFE,
    keys: (isWanted) => context.remoteKeys.ofIssuers(trusted.jwksUri, isWanted),
    refuse: invalidAssertion,
  });
  return { claims, issuer: trusted.name };
}

function readSaid(
  claims: AssertionClaims,
  { clientId }: ClientRecord,
): z.infer<typeof claimsSchema> {
  const parsed = claimsSchema.safeParse(claims);
  if (!parsed.success) {
    throw invalidAssertion(`claim ${parsed.error.issues[0]!.path.join(".")} is not right`);
  }
  if (parsed.data.client_id !== clientId) throw invalidAssertion("made for another client");
  const unsupported = UNSUPPORTED.find((name) => Object.hasOwn(claims, name));
  if (unsupported !== undefined) throw invalidAssertion(`has ${unsupported}`);
  return parsed.data;
}

/** What provider and operator both allow; what neither limits is undefined. */
function scopeLimit(said: string | undefined, { metadata }: ClientRecord): string[] | undefined {
  const byIssuer = said === undefined ? undefined : parseScope(said);
  const byOperator = metadata.scope === undefined ? undefined : parseScope(metadata.scope);
  if (!byIssuer || !byOperator) return byIssuer ?? byOperator;
  return byIssuer.filter((name) => byOperator.includes(name));
}

/** One description for all causes (RFC 7521 §4.1.1); the assertion itself is never logged. */
function invalidAssertion(detail: string): OAuthError {
  return new OAuthError("invalid_grant", "The assertion is not valid", {
    detail: `assertion: ${detail}`,
  });
}
