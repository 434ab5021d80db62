/**
 * Pushed authorization requests, RFC 9126: a client sends its authorization request here first, authenticated, and takes
 * only a reference to it through the browser.
 *
 * Validated exactly as at the authorization endpoint, before anything is kept; what is kept is the validated request, never
 * the parameters, among which there may be a client secret. The reference has 256 random bits, is stored as its digest,
 * lives for 60 seconds, is good once (§7.3) and only for the client that pushed it. Whatever else the browser brings along
 * with it is not read (RFC 9101 §5). Failures of a reference are a page: nothing else in that request can be trusted.
 */
import type { RequestHandler } from "express";
import { OAuthError } from "../../errors.ts";
import { digest, randomToken } from "../../random.ts";
import type { ServerContext } from "../context.ts";
import { sendJson } from "../http.ts";
import { countFromSource } from "../rate-limits.ts";
import {
  provenSingle,
  readAuthorizationRequest,
  readRedirectTarget,
  type AuthorizationRequest,
} from "./authorization-request.ts";
import { clientOf } from "./client-authentication.ts";
import { formOf, type Parameters } from "./form.ts";
import { provenKey } from "./token-binding.ts";
import { boundPending } from "./pending-bound.ts";

const PREFIX = "urn:ietf:params:oauth:request_uri:";
const LIFETIME = 60; // seconds, RFC 9126 §2.2 recommends 5 to 600

/** The endpoint, §2. Needs the form and the authenticated client. */
export function pushedAuthorizationRequest(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const form = formOf(response);
    const { clientId } = clientOf(response);
    if (form.has("request_uri")) {
      throw new OAuthError("invalid_request", "request_uri cannot be pushed"); // §2.1
    }
    const jkt = await provenKey(context, request, response, "/par");
    if (jkt !== undefined && (form.get("dpop_jkt") ?? jkt) !== jkt) {
      throw new OAuthError("invalid_dpop_proof", "The proof is of another key than dpop_jkt");
    }
    // A proof here says the same as dpop_jkt (RFC 9449 §10.1).
    const bound: [string, string][] = jkt === undefined ? [] : [["dpop_jkt", jkt]];
    const parameters = asParameters([...form, ["client_id", clientId], ...bound]);
    const target = await readRedirectTarget(context, parameters);
    const { interaction, isSilent } = readAuthorizationRequest(context, parameters, target);
    await countFromSource(context, "authorizations", request, clientId);
    const reference = randomToken();
    const record = { clientId, interaction, isSilent };
    await context.store.put("pushedRequest", digest(reference), record, LIFETIME);
    await boundPending(context, "pushedRequest", digest(reference));
    sendJson(response, 201, { request_uri: PREFIX + reference, expires_in: LIFETIME });
  };
}

/**
 * The request that the browser refers to; the reference is used up.
 * @returns undefined when the parameters carry no reference of ours
 * @throws OAuthError invalid_request, to be shown to the person
 */
export async function takePushedRequest(
  context: ServerContext,
  parameters: Parameters,
): Promise<AuthorizationRequest | undefined> {
  if (!parameters.get("request_uri")?.some((value) => value.startsWith(PREFIX))) return undefined;
  const clientId = provenSingle(parameters, "client_id");
  const id = digest(provenSingle(parameters, "request_uri")!.slice(PREFIX.length));
  const pushed = await context.store.get("pushedRequest", id);
  // Another client's reference is left alone: it would be a way to spoil other people's logins.
  const isOwn = pushed !== undefined && pushed.clientId === clientId;
  if (!isOwn || !(await context.store.take("pushedRequest", id))) {
    throw new OAuthError("invalid_request", "The request was used before, or took too long", {
      detail: `request_uri ${isOwn || !pushed ? "unknown, used or expired" : "of another client"}`,
    });
  }
  // The client may have been revoked, or have given up this redirect URI, since it pushed.
  const { redirectUri, redirectUriWasSent } = pushed.interaction;
  const returnsTo: [string, string][] = redirectUriWasSent ? [["redirect_uri", redirectUri]] : [];
  const target = await readRedirectTarget(
    context,
    asParameters([["client_id", pushed.clientId], ...returnsTo]),
  );
  if (target.redirectUri !== redirectUri) {
    throw new OAuthError("invalid_request", "The application has changed where to return to");
  }
  return { interaction: pushed.interaction, isSilent: pushed.isSilent };
}

function asParameters(pairs: readonly (readonly [string, string])[]): Parameters {
  return new Map(pairs.map(([name, value]) => [name, [value]]));
}
