/**
 * Authorization server metadata, RFC 8414 §2, and the same document under its OpenID Connect Discovery name, because some
 * clients ask for nothing else.
 *
 * The endpoints come from the route table and the grant types from their registry: what is advertised is what exists. All
 * URLs are built from the configured issuer; no header of a request can change them.
 *
 * `subject_types_supported` and `id_token_signing_alg_values_supported` are there because OpenID Connect Discovery §3
 * requires them and clients that parse that document insist; there is no ID token, since `openid` is not among the scopes.
 */
import type { RequestHandler } from "express";
import type { ServerContext } from "../context.ts";
import { DPOP_ALGORITHMS } from "../dpop-key.ts";
import { sendJson } from "../http.ts";
import { ADMIN_SCOPE, OFFLINE_SCOPE } from "../scopes.ts";
import { CLIENT_SIGNING_ALGORITHMS } from "./client-keys.ts";
import { AUTH_METHODS } from "./client-metadata.ts";
import { grantTypes } from "./grant-type/index.ts";
import { CODE_CHALLENGE_METHOD } from "./pkce.ts";

/** @param endpoints metadata member -> absolute URL */
export function authorizationServerMetadata(
  context: ServerContext,
  endpoints: () => Record<string, string>,
): RequestHandler {
  return (request, response) => {
    context.attempts.note({ what: "metadata.server" }, request);
    response.setHeader("Cache-Control", "public, max-age=300");
    sendJson(response, 200, {
      issuer: context.issuer,
      ...offered(context, endpoints()),
      scopes_supported: scopesSupported(context),
      response_types_supported: ["code"],
      response_modes_supported: ["query"],
      grant_types_supported: [...grantTypes.values()]
        .filter((grantType) => grantType.isOffered?.(context) ?? true)
        .map(({ name }) => name),
      // MCP enterprise-managed authorization: clients look for it before they ask their provider for an assertion.
      ...(context.config.trustedIssuers.length > 0 && {
        authorization_grant_profiles_supported: ["urn:ietf:params:oauth:grant-profile:id-jag"],
      }),
      code_challenge_methods_supported: [CODE_CHALLENGE_METHOD],
      token_endpoint_auth_methods_supported: AUTH_METHODS,
      token_endpoint_auth_signing_alg_values_supported: CLIENT_SIGNING_ALGORITHMS,
      revocation_endpoint_auth_methods_supported: AUTH_METHODS,
      revocation_endpoint_auth_signing_alg_values_supported: CLIENT_SIGNING_ALGORITHMS,
      introspection_endpoint_auth_methods_supported: AUTH_METHODS.filter((name) => name !== "none"),
      introspection_endpoint_auth_signing_alg_values_supported: CLIENT_SIGNING_ALGORITHMS,
      client_id_metadata_document_supported:
        context.config.registration.metadataDocuments.policy !== "off",
      authorization_response_iss_parameter_supported: true,
      request_parameter_supported: false,
      request_uri_parameter_supported: false,
      dpop_signing_alg_values_supported: DPOP_ALGORITHMS,
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["ES256"],
    });
  };
}

function offered(
  { config }: ServerContext,
  { registration_endpoint: registration, ...endpoints }: Record<string, string>,
): Record<string, string> {
  const isOpen = config.registration.dynamic && registration !== undefined;
  return isOpen ? { registration_endpoint: registration, ...endpoints } : endpoints;
}

/**
 * Where clients look for a document of this name: the suffix inserted before the issuer's path (RFC 8414 §3.1), and appended to
 * it (OpenID Connect Discovery §4). One and the same when the issuer has no path.
 */
export function wellKnownPaths(issuer: string, name: string): string[] {
  const { pathname } = new URL(issuer);
  const base = pathname === "/" ? "" : pathname;
  return [...new Set([`/.well-known/${name}${base}`, `${base}/.well-known/${name}`])];
}

/**
 * Those of all MCP endpoints, `offline_access` last: it is none of theirs. Some clients ask for whatever stands here, so the
 * one that administers the gateway does not (RFC 8414 §2 lets us).
 */
function scopesSupported({ resources }: ServerContext): string[] {
  const names = [...resources.scopeNames];
  return [...names.filter((name) => name !== OFFLINE_SCOPE && name !== ADMIN_SCOPE), OFFLINE_SCOPE];
}
