/**
 * Protected resource metadata, RFC 9728: one document per MCP endpoint and one for the administration, at `/.well-known/oauth-protected-resource` followed
 * by the endpoint's path, and at the endpoint's path followed by it, where some clients look. There is none for the bare
 * origin, because the origin itself is not a resource (§3.1): strict clients compare `resource` with the URL they dialled.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServerContext } from "../context.ts";
import { answerPreflight, setCorsHeaders } from "../cors.ts";
import { DPOP_ALGORITHMS } from "../dpop-key.ts";
import { sendJson } from "../http.ts";
import type { Resource } from "../resources.ts";

const WELL_KNOWN = "/.well-known/oauth-protected-resource";

/** The endpoint path that a metadata path speaks of; undefined when it is no metadata path. */
export function metadataSubject(path: string): string | undefined {
  if (path === WELL_KNOWN) return "/";
  if (path.startsWith(`${WELL_KNOWN}/`)) return path.slice(WELL_KNOWN.length);
  if (path.endsWith(WELL_KNOWN)) return path.slice(0, -WELL_KNOWN.length);
  return undefined;
}

/** @param resource undefined when we serve none there: 404 */
export function protectedResourceMetadata(
  context: ServerContext,
  request: IncomingMessage,
  response: ServerResponse,
  resource: Resource | undefined,
): void {
  if (request.method === "OPTIONS") return answerPreflight(request, response, "GET, HEAD, OPTIONS");
  setCorsHeaders(response);
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("Allow", "GET, HEAD, OPTIONS");
    return sendJson(response, 405, { error: "invalid_request", error_description: "use GET" });
  }
  context.attempts.note(
    { what: "metadata.resource", ...(resource ? { resource: resource.uri } : { status: 404 }) },
    request,
  );
  if (!resource) {
    return sendJson(response, 404, {
      error: "invalid_target",
      error_description: "there is no protected resource at this path",
    });
  }
  response.setHeader("Cache-Control", "public, max-age=300");
  sendJson(response, 200, {
    resource: resource.uri,
    authorization_servers: [context.issuer],
    scopes_supported: [resource.requiredScope],
    bearer_methods_supported: ["header"],
    dpop_signing_alg_values_supported: DPOP_ALGORITHMS,
    resource_name: resource.name,
  });
}
