/**
 * Grants that nobody gave in a browser: a client acts for itself (client_credentials), or shows what a trusted issuer says of a
 * person (ID-JAG). Each token has a grant of its own that lives as long as the token: so it is found, revoked and cut off
 * like any other, its end touches no other token of the client, and nothing piles up. No refresh token ever: the client can
 * prove itself again (RFC 6749 §4.4.3).
 */
import type { Identity } from "../../auth-info.ts";
import { epochSeconds } from "../../clock.ts";
import { OAuthError } from "../../errors.ts";
import { randomId } from "../../random.ts";
import type { ServerContext } from "../context.ts";
import type { Resource } from "../resources.ts";
import { REQUIRED_SCOPE } from "../scopes.ts";
import type { ClientRecord } from "../store/client-records.ts";
import type { GrantRecord } from "../store/records.ts";
import type { Operation } from "../store/store.ts";
import { issueAccessToken, type IssuedAccessToken } from "./access-token.ts";
import { knownScopes, parseScope } from "./scope.ts";

/**
 * @param once operations that must succeed together with the issue
 * @returns undefined when one of them failed, or the client was revoked meanwhile
 */
export async function issueDirectly(
  context: ServerContext,
  client: ClientRecord,
  granted: {
    identity: Identity;
    resource: Resource;
    scopes: string[];
    /** Thumbprint of the key the token is to be bound to. */
    jkt: string | undefined;
  },
  once: readonly Operation[] = [],
): Promise<IssuedAccessToken | undefined> {
  const { identity, resource, scopes, jkt } = granted;
  const createdAt = epochSeconds(context.clock);
  const life = Math.max(1, Math.floor(context.config.tokens.accessToken));
  const grant: GrantRecord = {
    grantId: randomId(),
    clientId: client.clientId,
    subject: identity.subject,
    resource: resource.uri,
    scopes,
    identity,
    createdAt,
    expiresAt: createdAt + life,
  };
  const accessToken = await issueAccessToken(context, grant, scopes, jkt);
  const isIssued = await context.store.transact([
    { type: "checkExists", kind: "client", id: client.clientId },
    ...once,
    { type: "put", kind: "grant", id: grant.grantId, record: grant, ttl: life },
    accessToken.operation,
  ]);
  return isIssued ? accessToken : undefined;
}

/**
 * What a token gets that no person is asked for: what was asked, cut down to the limit, and never `offline_access`. As
 * everywhere `mcp` is among it, and what is not known here is dropped.
 * @param limit what may be granted at most; everything there is when undefined
 * @throws OAuthError invalid_scope when the limit leaves nothing that opens the resource
 */
export function directScopes(
  resource: Resource,
  asked: string | undefined,
  limit: readonly string[] | undefined,
): string[] {
  const wanted = parseScope(asked ?? "");
  const allowed = resource.scopes.filter(
    ({ name, opensResource }) => opensResource && (limit?.includes(name) ?? true),
  );
  const usual = wanted.length === 0 ? (limit ?? []) : wanted;
  const scopes = knownScopes([...new Set([REQUIRED_SCOPE, ...usual])], allowed);
  if (!scopes.includes(REQUIRED_SCOPE)) {
    throw new OAuthError("invalid_scope", "No scope is left that opens the resource");
  }
  return scopes;
}

/**
 * The resource a request without a browser means, by the rule of all others: the one it names, or the fallback.
 * @throws OAuthError invalid_target when it is not served here or, for a client bound to services, not one of those
 */
export function directResource(
  context: ServerContext,
  { services }: ClientRecord,
  named: string | undefined,
): Resource {
  const { resources } = context;
  const resource = named === undefined ? resources.fallback : resources.named(named);
  if (!resource) {
    const problem =
      named === undefined ? "resource is required here" : "resource is not served here";
    throw new OAuthError("invalid_target", problem);
  }
  // Who administers the gateway is a person, and says so on a page.
  if (resource.service === undefined || services?.includes(resource.service) === false) {
    throw new OAuthError("invalid_target", "The client has no access to this resource");
  }
  return resource;
}
