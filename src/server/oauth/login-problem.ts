/**
 * What a person sees when the login did not fail by their own "no": the rules do not let them in, or their identity provider is
 * in trouble. The interaction stays as it is, so that the way "again" works; the way "back" tells the client.
 */
import type { Request, Response } from "express";
import type { Identity } from "../../auth-info.ts";
import { epochSeconds } from "../../clock.ts";
import { OAuthError } from "../../errors.ts";
import { closedBy } from "../admission.ts";
import { describeError } from "../autopsy/step.ts";
import type { ServerContext } from "../context.ts";
import { loginProblemPage } from "../pages/login-problem-page.ts";
import { sendPage } from "../pages/send-page.ts";
import { errorRedirectUrl } from "./authorization-response.ts";
import { isForDevice } from "./device.ts";
import { AS_OTHER, interactionUrl, isVisit, noteStep, type Interaction } from "./interaction.ts";

export function sendProviderFailure(
  context: ServerContext,
  request: Request,
  response: Response,
  interaction: Interaction,
  error: OAuthError,
): void {
  noteStep(context, request, interaction, { what: "login.failed", ...describeError(error) });
  context.log.warn({ reason: error.detail ?? error.message }, "an identity provider failed");
  sendProblem(context, response, interaction, error, {
    title: "Your login could not be checked",
    message: `${error.message}.`,
    hint: "Wait a moment and try again. If it stays so, tell the operator of this gateway.",
    again: { text: "Try again" },
  });
}

/** The person, or the provider, said no, and no client waits to hear it. */
export function sendLoginRefused(
  context: ServerContext,
  response: Response,
  interaction: Interaction,
  error: OAuthError,
): void {
  sendProblem(context, response, interaction, error, {
    title: "You are not logged in",
    message: `${error.message}.`,
    hint: "Nothing was changed. Log in again, or close this page.",
    again: { text: "Log in again", mark: `&${AS_OTHER}` },
  });
}

/** @returns whether the rules let the person in; when not, the page is sent */
export function admitOrRefuse(
  context: ServerContext,
  request: Request,
  response: Response,
  interaction: Interaction,
  identity: Identity,
): boolean {
  const { record } = interaction;
  const closed = closedBy(context, identity, isVisit(record) ? undefined : record);
  if (closed === undefined) return true;
  const detail = `no rule of ${closed} fits`;
  noteStep(context, request, interaction, {
    what: "login.refused",
    subject: identity.subject,
    detail,
  });
  const [provider = ""] = identity.subject.split(":", 1);
  const at = epochSeconds(context.clock);
  const reason = "not allowed by the rules";
  context.events.publish({ type: "login.failed", at, provider, reason, subject: identity.subject });
  const description = "This account may not use the service";
  const error = new OAuthError("access_denied", description);
  const account = identity.login ?? identity.email ?? identity.name ?? identity.subject;
  const what = isVisit(record) ? "this gateway" : context.resources.named(record.resource)?.name;
  const deed =
    closed === "identity.admins"
      ? `name ${identity.subject} in identity.admins`
      : `allow ${identity.subject}`;
  sendProblem(context, response, interaction, error, {
    title: "You may not use this",
    message: `You are logged in as ${account} (${provider}), and nobody has allowed that account to use ${what ?? "this service"}.`,
    hint: `Ask the operator of this gateway to ${deed}, or log in again, with another account if you have one.`,
    again: { text: "Log in again", mark: `&${AS_OTHER}` },
  });
  return false;
}

function sendProblem(
  context: ServerContext,
  response: Response,
  { handle, record }: Interaction,
  error: OAuthError,
  {
    again,
    ...page
  }: { title: string; message: string; hint: string; again: { text: string; mark?: string } },
): void {
  const hasNoClient = isVisit(record) || isForDevice(record);
  const back = hasNoClient ? undefined : errorRedirectUrl(context, record, error);
  const ways = [
    {
      text: again.text,
      href: `${interactionUrl(context, "/login", handle)}${again.mark ?? ""}`,
    },
    ...(back === undefined ? [] : [{ text: "Back to the app", href: back }]),
  ];
  sendPage(response, error.status, loginProblemPage({ ...page, ways, host: hostOf(context) }));
}

function hostOf({ issuer }: ServerContext): string {
  return new URL(issuer).host;
}
