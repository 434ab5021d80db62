/**
 * Validation of an authorization request, RFC 6749 §4.1.1 with OAuth 2.1, RFC 7636, RFC 8707.
 *
 * Two stages, and the border between them is what keeps us from being an open redirector (RFC 9700 §4.11.2):
 *   1. `readRedirectTarget`: is the client real and the redirect URI one of its own? Failures are shown to the person.
 *   2. `readAuthorizationRequest`: is the rest in order? Failures go to the client, through that redirect URI.
 *
 * Where the RFCs leave a choice: `redirect_uri` may be left out when exactly one is registered; PKCE with S256 is asked of
 * every client, confidential ones too; request objects are refused and never fetched; a request without `resource`
 * means the only resource or the default service's, never all.
 */
import type { IncomingMessage } from "node:http";
import { OAuthError } from "../../errors.ts";
import type { ServerContext } from "../context.ts";
import type { ClientRecord } from "../store/client-records.ts";
import type { InteractionRecord } from "../store/records.ts";
import type { RedirectTarget } from "./authorization-response.ts";
import { findClient } from "./client.ts";
import { singleValues, type Parameters } from "./form.ts";
import { CODE_CHALLENGE_METHOD, isCodeChallenge } from "./pkce.ts";
import { matchesRedirectUri } from "./redirect-uri.ts";
import { requestedScopes } from "./scope.ts";

const LONGEST_STATE = 4096; // characters
const PROMPTS: ReadonlySet<string> = new Set(["none", "login", "consent", "select_account"]);

export interface ProvenTarget extends RedirectTarget {
  client: ClientRecord;
  redirectUriWasSent: boolean;
}

/** What the client asks; `isSilent` when it wants an answer without any page (`prompt=none`). */
export interface AuthorizationRequest {
  interaction: Omit<InteractionRecord, "csrf">;
  isSilent: boolean;
}

/** @throws OAuthError invalid_request to be shown to the person; nothing in the request can be trusted */
export async function readRedirectTarget(
  context: ServerContext,
  parameters: Parameters,
  request?: IncomingMessage,
): Promise<ProvenTarget> {
  const clientId = provenSingle(parameters, "client_id");
  if (clientId === undefined)
    throw refused("The request does not say which application it is from");
  const client = await findClient(context, clientId, request).catch(toPerson);
  if (!client)
    throw refused(
      "The application is not registered here, or no longer: remove the connection there and add it again",
      "unknown client",
    );
  const sent = provenSingle(parameters, "redirect_uri");
  const state = parameters.get("state")?.length === 1 ? parameters.get("state")![0]! : "";
  return {
    client,
    redirectUri: matchingRedirectUri(client, sent),
    redirectUriWasSent: sent !== undefined,
    // What is doubled or endless is not echoed; the second stage says why.
    ...(state !== "" && state.length <= LONGEST_STATE && { state }),
  };
}

/** A client that published something unusable about itself: its developer reads it here, and it is no failed login. */
function toPerson(error: unknown): never {
  if (!(error instanceof OAuthError) || error.code !== "invalid_client") throw error;
  const { message, detail } = error;
  throw new OAuthError("invalid_request", message, { ...(detail !== undefined && { detail }) });
}

function matchingRedirectUri(client: ClientRecord, sent: string | undefined): string {
  const registered = client.metadata.redirect_uris;
  if (sent === undefined) {
    if (registered.length === 1) return registered[0]!;
    throw refused("The request does not say where to return to");
  }
  if (!registered.some((uri) => matchesRedirectUri(uri, sent))) {
    throw refused(
      "The address to return to is not one the application has registered",
      `redirect_uri ${sent}; registered: ${registered.join(" ")}`,
    );
  }
  return sent;
}

/** The one value of a parameter on which all else rests. @throws OAuthError invalid_request, to be shown */
export function provenSingle(parameters: Parameters, name: string): string | undefined {
  const values = parameters.get(name) ?? [];
  if (values.length > 1) throw refused(`The request names ${name} more than once`);
  return values[0] === "" ? undefined : values[0];
}

function refused(description: string, detail?: string): OAuthError {
  return new OAuthError("invalid_request", description, {
    ...(detail !== undefined && { detail }),
  });
}

/** @throws OAuthError for the client, by redirect */
export function readAuthorizationRequest(
  context: ServerContext,
  parameters: Parameters,
  target: ProvenTarget,
): AuthorizationRequest {
  const { client } = target;
  const values = singleValues(parameters);
  if ((values.get("state") ?? "").length > LONGEST_STATE) {
    throw new OAuthError("invalid_request", `state is longer than ${LONGEST_STATE} characters`);
  }
  refuseRequestObjects(values);
  checkResponse(values, client);
  const prompts = readPrompt(values.get("prompt"));
  const prompt = prompts.find((value) => value !== "none");
  const resource = readResource(context, values.get("resource"));
  return {
    isSilent: prompts.includes("none"),
    interaction: {
      clientId: client.clientId,
      redirectUri: target.redirectUri,
      redirectUriWasSent: target.redirectUriWasSent,
      ...(target.state !== undefined && { state: target.state }),
      codeChallenge: readCodeChallenge(values),
      ...readKey(values),
      resource,
      scopes: requestedScopes(context, client, { scope: values.get("scope"), resource }),
      // A new login includes a new consent; so does choosing another account.
      ...(prompt !== undefined && { prompt: prompt === "consent" ? "consent" : "login" }),
    },
  };
}

/** OpenID Connect Core §6: what is behind a `request_uri` is never fetched. */
function refuseRequestObjects(values: ReadonlyMap<string, string>): void {
  if (values.has("request")) {
    throw new OAuthError("request_not_supported", "request objects are not supported");
  }
  if (values.has("request_uri")) {
    throw new OAuthError("request_uri_not_supported", "request_uri is not supported");
  }
}

function checkResponse(values: ReadonlyMap<string, string>, client: ClientRecord): void {
  const responseType = values.get("response_type");
  if (responseType === undefined) {
    throw new OAuthError("invalid_request", "response_type is required");
  }
  if (responseType !== "code") {
    throw new OAuthError("unsupported_response_type", "response_type must be code");
  }
  const responseMode = values.get("response_mode") ?? "query";
  if (responseMode !== "query") {
    throw new OAuthError("invalid_request", "response_mode must be query");
  }
  if (!client.metadata.grant_types.includes("authorization_code")) {
    throw new OAuthError("unauthorized_client", "The client has not registered authorization_code");
  }
}

function readCodeChallenge(values: ReadonlyMap<string, string>): string {
  const challenge = values.get("code_challenge");
  if (challenge === undefined)
    throw new OAuthError("invalid_request", "code_challenge is required");
  if (values.get("code_challenge_method") !== CODE_CHALLENGE_METHOD) {
    // Absent means `plain` (RFC 7636 §4.3), so it must be said.
    throw new OAuthError(
      "invalid_request",
      `code_challenge_method must be ${CODE_CHALLENGE_METHOD}`,
    );
  }
  if (!isCodeChallenge(challenge)) {
    throw new OAuthError("invalid_request", "code_challenge must be 43 characters of base64url");
  }
  return challenge;
}

/** RFC 9449 §10: the code is to be redeemed with this key only. */
function readKey(values: ReadonlyMap<string, string>): { jkt?: string } {
  const jkt = values.get("dpop_jkt");
  if (jkt === undefined) return {};
  if (!/^[\w-]{43}$/.test(jkt)) {
    throw new OAuthError("invalid_request", "dpop_jkt must be 43 characters of base64url");
  }
  return { jkt };
}

function readPrompt(text: string | undefined): string[] {
  const prompts = (text ?? "").split(" ").filter((value) => PROMPTS.has(value));
  if (prompts.includes("none") && new Set(prompts).size > 1) {
    throw new OAuthError("invalid_request", "prompt none cannot be combined");
  }
  // Of `login consent` the stronger one counts.
  return prompts.toSorted((a, b) => Number(a === "consent") - Number(b === "consent"));
}

/** @throws OAuthError invalid_target when it is not served here, or it must be said */
export function readResource(context: ServerContext, named: string | undefined): string {
  const resource =
    named === undefined ? context.resources.fallback : context.resources.named(named);
  if (!resource) {
    throw new OAuthError(
      "invalid_target",
      named === undefined ? "resource is required here" : "resource is not served here",
      named === undefined ? {} : { detail: `resource ${named} is not served here` },
    );
  }
  return resource.uri;
}
