/**
 * Consent: GET /consent shows what is asked, POST /consent is the decision.
 *
 * Asked every time: anybody may register a client under any name, so an earlier yes says little about this one. The decision
 * takes nothing from the form but the interaction it belongs to, the token and the word "allow" or "cancel"; client, redirect
 * URI, resource and scopes are those of the stored request. Closing the interaction is the decision: it happens once, and only
 * while the request is still the one the person saw.
 */
import type { Request, RequestHandler, Response } from "express";
import type { Identity } from "../../auth-info.ts";
import { epochSeconds } from "../../clock.ts";
import { OAuthError } from "../../errors.ts";
import type { ServerContext } from "../context.ts";
import { consentPage as consentDocument } from "../pages/consent-page.ts";
import { sendErrorPage } from "../pages/error-page.ts";
import { sendPage } from "../pages/send-page.ts";
import { issueAuthorizationCode } from "./authorization-code.ts";
import { redirectWithCode, redirectWithError } from "./authorization-response.ts";
import { findClient } from "./client.ts";
import { answerDevice, isForDevice } from "./device.ts";
import { formOf } from "./form.ts";
import {
  closeInteraction,
  findInteraction,
  interactionUrl,
  isOwnForm,
  seeOther,
  sendForeignForm,
  sendNoInteraction,
  serverPath,
  traceId,
  type Interaction,
} from "./interaction.ts";
import { admitOrRefuse } from "./login-problem.ts";
import { queryOf } from "./query.ts";

export function consentPage(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const handle = queryOf(request).get("interaction");
    const interaction = await findInteraction(context, request, handle);
    if (!interaction) return sendNoInteraction(response);
    const { record } = interaction;
    if (!record.identity) {
      return seeOther(response, interactionUrl(context, "/login", interaction.handle));
    }
    if (!admitOrRefuse(context, request, response, interaction, record.identity)) return;
    const client = await findClient(context, record.clientId);
    if (!client) return sendNoClient(response);
    const page = consentDocument({
      clientName: client.metadata.client_name,
      clientHost: client.via === "document" ? new URL(client.clientId).host : undefined,
      redirectUri: isForDevice(record) ? undefined : record.redirectUri,
      service: context.resources.named(record.resource)?.service ?? record.resource,
      resource: record.resource,
      abilities: record.scopes.map((scope) => inPlainWords(context, record.resource, scope)),
      identity: record.identity,
      host: new URL(context.issuer).host,
      consentAction: serverPath(context, "/consent"),
      switchAction: serverPath(context, "/login"),
      interaction: interaction.handle,
      csrf: interaction.csrf,
    });
    const { subject } = record.identity;
    const clientName = client.metadata.client_name;
    context.attempts.note(
      {
        what: "consent.shown",
        interaction: traceId(interaction.key),
        subject,
        ...(clientName !== undefined && { clientName }),
      },
      request,
    );
    const formAction = isForDevice(record) ? [] : formActionSources(record.redirectUri);
    sendPage(response, 200, page, { formAction });
  };
}

export function consent(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const fields = formOf(response);
    const interaction = await findInteraction(context, request, fields.get("interaction"));
    const identity = interaction?.record.identity;
    if (!interaction || !identity) return sendNoInteraction(response);
    if (!isOwnForm(context, request, interaction, fields.get("csrf"))) {
      return sendForeignForm(response);
    }
    const decision = fields.get("decision");
    if (decision !== "allow" && decision !== "cancel") {
      throw new OAuthError("invalid_request", "The answer must be allow or cancel");
    }
    if (!admitOrRefuse(context, request, response, interaction, identity)) return;
    if (!(await findClient(context, interaction.record.clientId))) {
      return sendNoClient(response);
    }
    if (!(await closeInteraction(context, response, interaction))) {
      return sendNoInteraction(response);
    }
    await answer(context, request, response, interaction, identity, decision);
  };
}

async function answer(
  context: ServerContext,
  request: Request,
  response: Response,
  { key, record }: Interaction,
  identity: Identity,
  decision: "allow" | "cancel",
): Promise<void> {
  const { clientId, resource, scopes } = record;
  const fact = {
    at: epochSeconds(context.clock),
    clientId,
    subject: identity.subject,
    resource,
    scopes,
  };
  const trace = { interaction: traceId(key), subject: identity.subject };
  if (decision === "cancel") {
    context.attempts.note({ what: "consent.denied", ...trace }, request);
    context.events.publish({ type: "consent.denied", ...fact });
    if (isForDevice(record)) return answerDevice(context, response, record, undefined);
    const error = new OAuthError("access_denied", "The person did not allow it");
    return redirectWithError(context, response, record, error);
  }
  if (isForDevice(record)) {
    await answerDevice(context, response, record, identity);
    context.attempts.note({ what: "consent.given", ...trace }, request);
    context.events.publish({ type: "consent.given", ...fact });
    return;
  }
  const { code, grantId } = await issueAuthorizationCode(context, record, identity, scopes);
  context.attempts.note({ what: "consent.given", ...trace }, request);
  const [detail] = record.redirectUri.split("?", 1);
  context.attempts.note({ what: "code.issued", ...trace, grantId, detail: detail! }, request);
  context.events.publish({ type: "consent.given", ...fact });
  redirectWithCode(context, response, record, code);
}

/**
 * Chromium holds every hop after a form to `form-action`, not only our redirect but where the client leads on from there,
 * and drops the rest without a word to the person. So the page names the redirect's origin, or the scheme where there is
 * none, and besides what a client may do next: show a page of its own anywhere on https, or open its app. An IPv6 address
 * cannot be written there (CSP 3 §2.3.1); its scheme stands for it.
 */
function formActionSources(redirectUri: string): string[] {
  const { protocol, hostname, origin } = new URL(redirectUri);
  if (protocol !== "https:" && protocol !== "http:") return [protocol];
  return [hostname.startsWith("[") ? protocol : origin, "https:", ...(APPS.get(hostname) ?? [])];
}

/** Callbacks on the web that lead on to an app: a scheme has no wildcard, so they are known by name. */
const APPS: ReadonlyMap<string, readonly string[]> = new Map([
  ["claude.ai", ["claude:"]],
  ["claude.com", ["claude:"]],
  ["vscode.dev", ["vscode:"]],
  ["insiders.vscode.dev", ["vscode-insiders:"]],
]);

function inPlainWords({ resources }: ServerContext, resource: string, scope: string): string {
  const { scopes = [] } = resources.named(resource) ?? {};
  const text = scopes.find(({ name }) => name === scope)?.explanation ?? scope;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function sendNoClient(response: Response): void {
  sendErrorPage(response, {
    status: 400,
    title: "This app is no longer known here",
    message: "Its registration was removed while you were logging in. Nothing was shared.",
    hint: "Go back to your app and connect again.",
  });
}
