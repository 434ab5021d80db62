/**
 * Login, the second half: the person is back from an identity provider, GET /callback/<name>, or has sent the form we showed
 * in its place, POST.
 *
 * Order: interaction of this very browser -> the provider it was sent to, and the state we gave -> once -> who is it.
 * Until the state is proven nothing leads to the client. After it, "no" is the client's to hear: access_denied.
 *
 * A form may be tried five times. Each try takes its number, atomically, before the answer is looked at, so however many are
 * sent at once, the sixth is never looked at. A form that asks for a name and password has limits besides that hold across
 * logins (guess-limit.ts). An answer that was signed, by a provider or with a passkey, is looked at once, whatever comes of it.
 */
import type { Request, RequestHandler, Response } from "express";
import type { Identity } from "../../auth-info.ts";
import { epochSeconds } from "../../clock.ts";
import { OAuthError } from "../../errors.ts";
import { digest, equalInConstantTime, randomId } from "../../random.ts";
import { describeError } from "../autopsy/step.ts";
import type { ServerContext } from "../context.ts";
import { isProviderFailure } from "../identity/identity-provider.ts";
import { sendErrorPage } from "../pages/error-page.ts";
import type { LoginProgress } from "../store/consent-records.ts";
import { redirectWithError } from "./authorization-response.ts";
import { answerDevice, isForDevice } from "./device.ts";
import { formOf } from "./form.ts";
import { GUESS_WINDOW, isGuessedTooOften } from "./guess-limit.ts";
import {
  advanceInteraction,
  closeInteraction,
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
import { sendLoginForm } from "./login.ts";
import { admitOrRefuse, sendLoginRefused, sendProviderFailure } from "./login-problem.ts";
import { startLoginSession } from "./login-session.ts";
import { queryOf } from "./query.ts";

const MOST_TRIES = 5;
const TRIES_TTL = 600; // seconds; no interaction lives longer

type PendingState = NonNullable<LoginProgress["login"]>;

export function callback(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const isForm = request.method === "POST";
    const answer = isForm ? formOf(response) : queryOf(request);
    const state = answer.get("state") ?? "";
    const interaction = await findInteraction(context, request, state.split(".", 1)[0]);
    const login = interaction?.record.login;
    if (!interaction || !login || !isAnswerTo(login, request, state)) {
      return sendNoInteraction(response);
    }
    if (!isForm) return finishSigned(context, request, response, interaction, login, answer);
    if (!isOwnForm(context, request, interaction, answer.get("csrf"))) {
      return sendForeignForm(response);
    }
    if (login.form?.passkey && answer.has("passkey")) {
      const isTooOften = await isGuessedTooOften(context, request, undefined);
      if (isTooOften) return sendGuessedTooOften(response);
      return finishSigned(context, request, response, interaction, login, answer);
    }
    await finishForm(context, request, response, interaction, login, answer);
  };
}

/** Same provider, same way of answering, same state. */
function isAnswerTo(login: PendingState, request: Request, state: string): boolean {
  return (
    request.params["provider"] === login.provider &&
    (request.method === "POST") === (login.form !== undefined) &&
    equalInConstantTime(digest(state), login.state)
  );
}

async function finishSigned(
  context: ServerContext,
  request: Request,
  response: Response,
  interaction: Interaction,
  login: PendingState,
  answer: ReadonlyMap<string, string>,
): Promise<void> {
  // Before anybody is asked anything: the state and the challenge are used up, whatever comes of it.
  const record = withoutLogin(interaction.record);
  if (!(await advanceInteraction(context, interaction, record))) {
    return sendNoInteraction(response);
  }
  const used = { ...interaction, record };
  const result = await identify(context, login, answer);
  if (!(result instanceof OAuthError)) {
    const way = { provider: login.provider, ...(login.form && { by: "passkey" as const }) };
    return welcome(context, request, response, used, way, result);
  }
  const reason = result.detail ?? result.message;
  if (isProviderFailure(result))
    return sendProviderFailure(context, request, response, used, result);
  noteStep(context, request, used, { what: "login.failed", ...describeError(result) });
  // A form of ours: whoever has no passkey that works may know a password, so a client waits on.
  if (login.form || isVisit(record)) {
    context.log.info({ reason }, "a login was refused");
    return sendLoginRefused(context, response, used, result);
  }
  if (!(await closeInteraction(context, response, used))) return sendNoInteraction(response);
  if (isForDevice(record)) return answerDevice(context, response, record, undefined);
  redirectWithError(context, response, record, result);
}

async function finishForm(
  context: ServerContext,
  request: Request,
  response: Response,
  interaction: Interaction,
  login: PendingState,
  answer: ReadonlyMap<string, string>,
): Promise<void> {
  const account = accountNamed(login, answer);
  if (account !== undefined && (await isGuessedTooOften(context, request, account))) {
    return sendGuessedTooOften(response);
  }
  const tries = await context.store.increment(`login-tries ${login.state}`, TRIES_TTL);
  if (tries > MOST_TRIES) return sendTooManyTries(context, response, interaction);
  const result = await identify(context, login, answer);
  if (!(result instanceof OAuthError)) {
    const { provider } = login;
    return welcome(context, request, response, interaction, { provider }, result);
  }
  noteStep(context, request, interaction, { what: "login.failed", ...describeError(result) });
  if (tries === MOST_TRIES) return sendTooManyTries(context, response, interaction);
  await sendLoginForm(context, response, interaction, answer.get("state")!, {
    problem: result.message,
    account,
  });
}

/** What the person typed into the field for the name; undefined when the form has none. */
function accountNamed(
  { form }: PendingState,
  answer: ReadonlyMap<string, string>,
): string | undefined {
  const field = form?.fields.find(({ autocomplete }) => autocomplete === "username");
  return field && (answer.get(field.name) ?? "");
}

/** @returns the person, or the provider's "no"; anything else that went wrong is thrown */
async function identify(
  context: ServerContext,
  login: PendingState,
  answer: ReadonlyMap<string, string>,
): Promise<Identity | OAuthError> {
  const provider = context.identityProviders.get(login.provider);
  const url = new URL(`${context.issuer}/callback/${login.provider}`);
  for (const [name, value] of answer) if (name !== "csrf") url.searchParams.set(name, value);
  try {
    if (!provider) throw new OAuthError("access_denied", "This way to log in is gone");
    return await provider.finish(url, login.pending);
  } catch (error) {
    const reason = error instanceof OAuthError ? error.message : "the identity provider failed";
    const at = epochSeconds(context.clock);
    context.events.publish({ type: "login.failed", at, provider: login.provider, reason });
    if (error instanceof OAuthError) return error;
    throw error;
  }
}

/** Known, and let in, from here on: a new login session, new form tokens, on to consent. */
async function welcome(
  context: ServerContext,
  request: Request,
  response: Response,
  interaction: Interaction,
  { provider, ...way }: { provider: string; by?: "passkey" },
  identity: Identity,
): Promise<void> {
  if (!admitOrRefuse(context, request, response, interaction, identity)) return;
  const { record } = interaction;
  const next = { ...withoutLogin(record), identity, csrf: randomId() };
  const isFirst = isVisit(record)
    ? await closeInteraction(context, response, interaction)
    : await advanceInteraction(context, interaction, next);
  if (!isFirst) return sendNoInteraction(response);
  const { subject } = identity;
  noteStep(context, request, interaction, { what: "login.finished", subject });
  await startLoginSession(context, request, response, { identity, provider });
  const at = epochSeconds(context.clock);
  context.events.publish({ type: "login.succeeded", at, provider, subject, ...way });
  seeOther(
    response,
    isVisit(record)
      ? serverPath(context, record.page)
      : interactionUrl(context, "/consent", interaction.handle),
  );
}

/** The login is burnt; the interaction is not, the person may begin another. */
async function sendTooManyTries(
  context: ServerContext,
  response: Response,
  interaction: Interaction,
): Promise<void> {
  await advanceInteraction(context, interaction, withoutLogin(interaction.record));
  sendErrorPage(response, {
    status: 403,
    title: "Too many wrong tries",
    message: "What you were asked for is no longer valid.",
    hint: "Go back to your app and connect again.",
  });
}

/** The same for names that nobody has. */
function sendGuessedTooOften(response: Response): void {
  response.setHeader("Retry-After", GUESS_WINDOW);
  sendErrorPage(response, {
    status: 429,
    title: "Too many tries",
    message: "Logins were tried too often, so this one was not looked at. Nothing is locked.",
    hint: "Wait fifteen minutes, then go back to your app and connect again. If you do not know the password, the operator of this gateway can give you a link to set a new one.",
  });
}

function withoutLogin({ login: _login, ...record }: Interaction["record"]): Interaction["record"] {
  return record;
}
