/**
 * Consent: GET /consent shows what is asked, POST /consent is the decision.
 *
 * Who has just logged in and has allowed all of it before is sent on (remembered-consent.ts). The decision
 * takes nothing from the form but the interaction it belongs to, the token and the word "allow" or "cancel"; client, redirect
 * URI, resource and scopes are those of the stored request. Closing the interaction is the decision: it happens once, and only
 * while the request is still the one the person saw.
 */
import type { Request, RequestHandler, Response } from "express";
import type { Identity } from "../../auth-info.ts";
import { epochSeconds } from "../../clock.ts";
import { OAuthError } from "../../errors.ts";
import { checksOfLogin } from "../accounts/accounts.ts";
import type { ServerContext } from "../context.ts";
import { consentPage as consentDocument } from "../pages/consent-page.ts";
import { sendErrorPage } from "../pages/error-page.ts";
import { sendPage } from "../pages/send-page.ts";
import type { ClientRecord } from "../store/client-records.ts";
import type { InteractionRecord } from "../store/records.ts";
import { needsCredentials } from "./asked-credentials.ts";
import { codeIssued, issueAuthorizationCode } from "./authorization-code.ts";
import { redirectWithCode, redirectWithError } from "./authorization-response.ts";
import { findClient } from "./client.ts";
import { answerDevice, isForDevice } from "./device.ts";
import { formOf } from "./form.ts";
import {
  closeInteraction,
  closing,
  findAuthorization,
  interactionUrl,
  isOwnForm,
  noteStep,
  seeOther,
  sendForeignForm,
  sendNoInteraction,
  serverPath,
  type Interaction,
} from "./interaction.ts";
import { admitOrRefuse } from "./login-problem.ts";
import { queryOf } from "./query.ts";
import { issueFromMemory, recallConsent, rememberConsent } from "./remembered-consent.ts";
import { inPlainWords } from "./scope.ts";

export function consentPage(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const handle = queryOf(request).get("interaction");
    const interaction = await findAuthorization(context, request, handle);
    if (!interaction) return sendNoInteraction(response);
    const { record } = interaction;
    const { identity } = record;
    if (!identity || !(await checksOfLogin(context, identity))) {
      return seeOther(response, interactionUrl(context, "/login", interaction.handle));
    }
    if (!admitOrRefuse(context, request, response, interaction, identity)) return;
    const client = await findClient(context, record.clientId);
    if (!client) return sendNoClient(response);
    const issued = await issueFromMemory(context, record, identity, closing(interaction));
    if (issued) {
      noteStep(context, request, interaction, codeIssued(record, identity.subject, issued.grantId));
      return redirectWithCode(context, response, record, issued.code);
    }
    const before = await recallConsent(context, record, client, identity);
    const { name = record.resource, service } = context.resources.named(record.resource) ?? {};
    const page = consentDocument({
      clientName: client.metadata.client_name,
      clientHost: client.via === "document" ? new URL(client.clientId).host : undefined,
      redirectUri: isForDevice(record) ? undefined : record.redirectUri,
      service: name,
      resource: record.resource,
      abilities: record.scopes.map((scope) => ({
        text: inPlainWords(context, record.resource, scope),
        isNew: before !== undefined && !before.scopes.includes(scope),
      })),
      identity,
      credentials:
        service !== undefined && (await needsCredentials(context, service, identity.subject))
          ? context.credentials.page(service)
          : undefined,
      host: new URL(context.issuer).host,
      consentAction: serverPath(context, "/consent"),
      switchAction: serverPath(context, "/login"),
      interaction: interaction.handle,
      csrf: interaction.csrf,
    });
    const clientName = client.metadata.client_name;
    noteStep(context, request, interaction, {
      what: "consent.shown",
      subject: identity.subject,
      ...(clientName !== undefined && { clientName }),
    });
    const formAction = isForDevice(record) ? [] : formActionSources(record.redirectUri);
    sendPage(response, 200, page, { formAction });
  };
}

export function consent(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const fields = formOf(response);
    const interaction = await findAuthorization(context, request, fields.get("interaction"));
    const identity = interaction?.record.identity;
    if (!interaction || !identity) return sendNoInteraction(response);
    if (!isOwnForm(context, request, interaction, fields.get("csrf"))) {
      return sendForeignForm(response);
    }
    const decision = fields.get("decision");
    if (decision !== "allow" && decision !== "cancel") {
      throw new OAuthError("invalid_request", "The answer must be allow or cancel");
    }
    if (!(await checksOfLogin(context, identity))) {
      return seeOther(response, interactionUrl(context, "/login", interaction.handle));
    }
    if (!admitOrRefuse(context, request, response, interaction, identity)) return;
    const client = await findClient(context, interaction.record.clientId);
    if (!client) return sendNoClient(response);
    if (!(await closeInteraction(context, response, interaction))) {
      return sendNoInteraction(response);
    }
    await answer(context, request, response, interaction, client, identity, decision);
  };
}

async function answer(
  context: ServerContext,
  request: Request,
  response: Response,
  interaction: Interaction<InteractionRecord>,
  client: ClientRecord,
  identity: Identity,
  decision: "allow" | "cancel",
): Promise<void> {
  const { record } = interaction;
  const { clientId, resource, scopes } = record;
  const { subject } = identity;
  const fact = {
    at: epochSeconds(context.clock),
    clientId,
    subject,
    resource,
    scopes,
  };
  if (decision === "cancel") {
    noteStep(context, request, interaction, { what: "consent.denied", subject });
    context.events.publish({ type: "consent.denied", ...fact });
    if (isForDevice(record)) return answerDevice(context, response, record, undefined);
    const error = new OAuthError("access_denied", "The person did not allow it");
    return redirectWithError(context, response, record, error);
  }
  if (isForDevice(record)) {
    await answerDevice(context, response, record, identity);
    noteStep(context, request, interaction, { what: "consent.given", subject });
    context.events.publish({ type: "consent.given", ...fact });
    return;
  }
  const remembering = await rememberConsent(context, record, client, identity);
  const issued = await issueAuthorizationCode(context, record, identity, remembering);
  if (!issued) return sendNoClient(response);
  noteStep(context, request, interaction, { what: "consent.given", subject });
  noteStep(context, request, interaction, codeIssued(record, subject, issued.grantId));
  context.events.publish({ type: "consent.given", ...fact });
  redirectWithCode(context, response, record, issued.code);
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

function sendNoClient(response: Response): void {
  sendErrorPage(response, {
    status: 400,
    title: "This app is no longer known here",
    message: "Its registration was removed while you were logging in. Nothing was shared.",
    hint: "Go back to your app and connect again.",
  });
}
