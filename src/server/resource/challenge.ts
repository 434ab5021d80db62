/**
 * The answer to a request without the right token: status, `WWW-Authenticate` (RFC 6750 §3, RFC 9728 §5.1) and a JSON body
 * for clients that read bodies. Readable by browsers' clients through CORS, which the caller has set.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AuthInfo } from "../../auth-info.ts";
import { epochSeconds } from "../../clock.ts";
import { OAuthError } from "../../errors.ts";
import { whatItIsAbout } from "../autopsy/about.ts";
import { describeError, dialledUrl } from "../autopsy/step.ts";
import type { ServerContext } from "../context.ts";
import { DPOP_ALGORITHMS } from "../dpop-key.ts";
import type { Resource } from "../resources.ts";
import { MissingToken } from "./authenticate.ts";
import { InsufficientScope } from "./authorize.ts";
import { BoundTokenAsBearer } from "./bound-token.ts";

/**
 * How a request ends that may not go on: the bus and the log are told, the client gets its challenge.
 * @param auth of the caller, when that was found out
 * @throws `thrown` again when it is no refusal but our failure
 */
export function refuse(
  context: ServerContext,
  response: ServerResponse,
  thrown: unknown,
  resource: Resource,
  auth?: AuthInfo,
): void {
  if (!(thrown instanceof OAuthError)) throw thrown;
  const { status, code, detail, message } = thrown;
  const at = epochSeconds(context.clock);
  const { service } = resource;
  const where = service === undefined ? {} : { service };
  context.events.publish({ type: "request.denied", at, status, code, ...where });
  context.log.debug({ code, detail }, message);
  noteRefusal(context, response.req, thrown, resource, auth ?? whatItIsAbout(thrown));
  sendChallenge(response, thrown, resource);
}

function noteRefusal(
  { attempts, config }: ServerContext,
  request: IncomingMessage,
  error: OAuthError,
  { uri }: Resource,
  { clientId, grantId }: Partial<Pick<AuthInfo, "clientId" | "grantId">>,
): void {
  const place = { resource: uri, ...dialledUrl(config, request, uri) };
  if (error instanceof MissingToken) {
    return attempts.note({ what: "mcp.unauthorized", status: error.status, ...place }, request);
  }
  const whose = {
    ...(clientId !== undefined && { clientId }),
    ...(grantId !== undefined && { grantId }),
  };
  attempts.note({ what: "call.refused", ...describeError(error), ...place, ...whose }, request);
}

function sendChallenge(response: ServerResponse, error: OAuthError, resource: Resource): void {
  const parameters: [string, string][] = [
    ["resource_metadata", resource.metadataUri],
    ["scope", error instanceof InsufficientScope ? error.scopes.join(" ") : resource.requiredScope],
  ];
  // Without a token there is no error to name (RFC 6750 §3.1).
  const problem: [string, string][] =
    error instanceof MissingToken
      ? []
      : [
          ["error", error.code],
          ["error_description", error.message],
        ];
  const challenges = isAboutDpop(response.req, error)
    ? [
        challenge("Bearer", parameters),
        challenge("DPoP", [...problem, ["algs", DPOP_ALGORITHMS.join(" ")], ...parameters]),
      ]
    : [challenge("Bearer", [...problem, ...parameters])];
  const body = JSON.stringify(error);
  response.writeHead(error.status, {
    "WWW-Authenticate": challenges,
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
  });
  response.end(body);
}

/** Who has used DPoP is told of it (RFC 9449 §7.1); nobody else is confused by a scheme they do not know. */
function isAboutDpop({ headers }: IncomingMessage, error: OAuthError): boolean {
  return error instanceof BoundTokenAsBearer || /^DPoP /i.test(headers.authorization ?? "");
}

function challenge(scheme: string, parameters: readonly [string, string][]): string {
  return `${scheme} ${parameters.map(([name, value]) => `${name}="${value}"`).join(", ")}`;
}
