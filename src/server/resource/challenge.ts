/**
 * The answer to a request without the right token: status, `WWW-Authenticate` (RFC 6750 §3, RFC 9728 §5.1) and a JSON body
 * for clients that read bodies. Readable by browsers' clients through CORS, which the caller has set.
 */
import type { ServerResponse } from "node:http";
import type { OAuthError } from "../../errors.ts";
import type { Resource } from "../resources.ts";
import { REQUIRED_SCOPE } from "../scopes.ts";
import { MissingToken } from "./authenticate.ts";
import { InsufficientScope } from "./authorize.ts";

export function sendChallenge(
  response: ServerResponse,
  error: OAuthError,
  resource: Resource,
): void {
  const parameters: [string, string][] = [
    ["resource_metadata", resource.metadataUri],
    ["scope", error instanceof InsufficientScope ? error.scopes.join(" ") : REQUIRED_SCOPE],
  ];
  // Without a token there is no error to name (RFC 6750 §3.1).
  if (!(error instanceof MissingToken)) {
    parameters.unshift(["error", error.code], ["error_description", error.message]);
  }
  const body = JSON.stringify(error);
  response.writeHead(error.status, {
    "WWW-Authenticate": `Bearer ${parameters.map(([name, value]) => `${name}="${value}"`).join(", ")}`,
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
  });
  response.end(body);
}
