/**
 * Login, the first half: send the person to an identity provider, or ask on a page of our own.
 *
 * GET /login  begins: each visit starts a new login and makes the answer to an earlier one worthless.
 * POST /login is "not you?": the login session ends, and the person chooses again.
 *
 * The `state` given to the provider begins with the interaction's handle, so that its answer finds the way back, and goes on
 * with 256 random bits, of which we keep the digest.
 */
import type { RequestHandler, Response } from "express";
import { OAuthError } from "../../errors.ts";
import { digest, randomId, randomToken } from "../../random.ts";
import type { ServerContext } from "../context.ts";
import { isProviderFailure } from "../identity/identity-provider.ts";
import { chooseProviderPage, loginFormPage, type LoginPurpose } from "../pages/login-page.ts";
import { PASSKEY_SCRIPT } from "../pages/passkey-form.ts";
import { sendPage } from "../pages/send-page.ts";
import { countWithin } from "../rate-limits.ts";
import { sourceAddress } from "../source-address.ts";
import { findClient } from "./client.ts";
import { formOf } from "./form.ts";
import {
  advanceInteraction,
  AFTER_FORM,
  AS_OTHER,
  findInteraction,
  interactionUrl,
  isOwnForm,
  isVisit,
  noteStep,
  seeOther,
  sendForeignForm,
  sendNoInteraction,
  serverPath,
  type Interaction,
} from "./interaction.ts";
import { sendProviderFailure } from "./login-problem.ts";
import { endLoginSession } from "./login-session.ts";
import { queryOf } from "./query.ts";

export function loginPage(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const query = queryOf(request);
    const interaction = await findInteraction(context, request, query.get("interaction"));
    if (!interaction) return sendNoInteraction(response);

    const names = [...context.identityProviders.keys()];
    const chosen = query.get("provider") ?? (names.length === 1 ? names[0]! : "");
    const provider = context.identityProviders.get(chosen);
    if (!provider) return sendChoice(context, response, interaction, query);

    // A provider may do something outside for each visit: print a code in the terminal, or ask another server.
    await countWithin(context, "logins", [sourceAddress(context.config, request)]);
    const state = `${interaction.handle}.${randomToken()}`;
    const callback = new URL(`${context.issuer}/callback/${provider.name}`);
    const step = await provider
      .begin({ callback, state, asOther: query.get("as") === "other" })
      .catch(asProviderFailure);
    if (step instanceof OAuthError) {
      return sendProviderFailure(context, request, response, interaction, step);
    }
    // A choice, even of one: from the form that led here on, Chromium would stop the redirect (CSP form-action).
    const hasChosen = query.has("provider") || !request.originalUrl.endsWith(`&${AFTER_FORM}`);
    if ("location" in step && !hasChosen) return sendChoice(context, response, interaction, query);
    const form = "form" in step ? step.form : undefined;
    const login = {
      provider: provider.name,
      pending: step.pending,
      state: digest(state),
      ...(form && { form }),
    };
    const hasBegun = await advanceInteraction(context, interaction, {
      ...interaction.record,
      login,
    });
    if (hasBegun)
      noteStep(context, request, interaction, { what: "login.begun", detail: provider.name });
    // Somebody moved this interaction on in the same instant: look again where it stands.
    if (!hasBegun) return seeOther(response, request.originalUrl);
    if ("location" in step) return seeOther(response, step.location.href);
    await sendLoginForm(
      context,
      response,
      { ...interaction, record: { ...interaction.record, login } },
      state,
    );
  };
}

export function login(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const fields = formOf(response);
    const interaction = await findInteraction(context, request, fields.get("interaction"));
    if (!interaction) return sendNoInteraction(response);
    if (!isOwnForm(context, request, interaction, fields.get("csrf"))) {
      return sendForeignForm(response);
    }
    const { identity: _identity, login: _login, ...rest } = interaction.record;
    const next = { ...rest, csrf: randomId() };
    if (!(await advanceInteraction(context, interaction, next))) {
      return sendNoInteraction(response);
    }
    await endLoginSession(context, request, response);
    seeOther(
      response,
      `${interactionUrl(context, "/login", interaction.handle)}&${AS_OTHER}&${AFTER_FORM}`,
    );
  };
}

/**
 * The form of a provider without a page of its own; it goes to the provider's callback like any other answer.
 * @param lastTry what was wrong with it, and the account it named
 */
export async function sendLoginForm(
  context: ServerContext,
  response: Response,
  { csrf, record }: Interaction,
  state: string,
  lastTry?: { problem: string; account: string | undefined },
): Promise<void> {
  const { form, provider } = record.login!;
  const page = loginFormPage({
    purpose: await purposeOf(context, record),
    form: form!,
    action: serverPath(context, `/callback/${provider}`),
    state,
    csrf,
    ...lastTry,
  });
  const headers = form?.passkey ? { script: PASSKEY_SCRIPT } : {};
  sendPage(response, lastTry === undefined ? 200 : 403, page, headers);
}

function asProviderFailure(error: unknown): OAuthError {
  if (isProviderFailure(error)) return error;
  throw error;
}

async function sendChoice(
  context: ServerContext,
  response: Response,
  { handle, record }: Interaction,
  query: ReadonlyMap<string, string>,
): Promise<void> {
  const mark = query.get("as") === "other" ? `&${AS_OTHER}` : "";
  const choices = [...context.identityProviders.keys()].map((name) => ({
    name,
    href: `${interactionUrl(context, "/login", handle)}&provider=${encodeURIComponent(name)}${mark}`,
  }));
  const page = chooseProviderPage(await purposeOf(context, record), choices);
  sendPage(response, 200, page);
}

async function purposeOf(
  context: ServerContext,
  record: Interaction["record"],
): Promise<LoginPurpose> {
  const { host } = new URL(context.issuer);
  if (isVisit(record)) return { client: undefined, host };
  const client = await findClient(context, record.clientId);
  const service = context.resources.named(record.resource)?.name ?? record.resource;
  return { client: { name: client?.metadata.client_name, service }, host };
}
