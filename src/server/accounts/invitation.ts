/**
 * The invitation: the page behind the link that the operator handed over, at which a person sets a password.
 *
 * GET /invitation shows it and uses nothing up, because chats and mail programs open links, too. POST sets the password and uses the
 * link up, and only from a page that this browser was given. Nobody is logged in by it: the next login is the proof that the
 * person knows the password, and a link that somebody else slipped in opens no session in their name.
 */
import type { RequestHandler, Response } from "express";
import { epochSeconds } from "../../clock.ts";
import { digest, randomToken } from "../../random.ts";
import type { ServerContext } from "../context.ts";
import { cookieName, readCookie, setCookie } from "../oauth/cookie.ts";
import { formOf } from "../oauth/form.ts";
import { isOwnForm, sendForeignForm, serverPath } from "../oauth/interaction.ts";
import { queryOf } from "../oauth/query.ts";
import { sendErrorPage } from "../pages/error-page.ts";
import { invitationPage as invitationDocument, passwordSetPage } from "../pages/invitation-page.ts";
import { sendPage } from "../pages/send-page.ts";
import type { AccountRecord } from "../store/account-records.ts";
import { acceptInvitation, findInvited } from "./accounts.ts";
import { passwordProblem } from "./password-rules.ts";

const COOKIE_TTL = 3600; // seconds to think of a password

interface Visit {
  account: AccountRecord;
  code: string;
  /** The cookie's value. */
  secret: string;
  shortest: number;
}

export function invitationPage(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const code = queryOf(request).get("code") ?? "";
    const account = await findInvited(context, code);
    const shortest = shortestPassword(context);
    if (!account || shortest === undefined) return sendNoInvitation(response);
    const name = nameOf(context);
    const secret = readCookie(request, name) ?? randomToken();
    setCookie(response, name, secret, COOKIE_TTL);
    sendForm(context, response, { account, code, secret, shortest });
  };
}

export function invitation(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const fields = formOf(response);
    const secret = readCookie(request, nameOf(context)) ?? "";
    const csrf = secret === "" ? undefined : fields.get("csrf");
    if (!isOwnForm(context, request, { csrf: csrfOf(secret) }, csrf)) {
      return sendForeignForm(response);
    }
    const code = fields.get("code") ?? "";
    const account = await findInvited(context, code);
    const shortest = shortestPassword(context);
    if (!account || shortest === undefined) return sendNoInvitation(response);
    const password = fields.get("password") ?? "";
    const problem =
      passwordProblem(password, account, shortest) ??
      (password === fields.get("repeated")
        ? undefined
        : "The two are not the same. Write one password twice.");
    if (problem !== undefined) {
      return sendForm(context, response, { account, code, secret, shortest }, problem);
    }
    if (!(await acceptInvitation(context, code, account, password))) {
      return sendNoInvitation(response);
    }
    const at = epochSeconds(context.clock);
    const subject = `${providerOf(context)?.name}:${account.name}`;
    context.events.publish({ type: "account.changed", at, subject, change: "password set" });
    sendPage(response, 200, passwordSetPage({ name: account.name, host: hostOf(context) }));
  };
}

function sendForm(
  context: ServerContext,
  response: Response,
  { account, code, secret, shortest }: Visit,
  problem?: string,
): void {
  const page = invitationDocument({
    action: serverPath(context, "/invitation"),
    csrf: csrfOf(secret),
    code,
    name: account.name,
    shortest,
    host: hostOf(context),
    ...(problem !== undefined && { problem }),
  });
  sendPage(response, problem === undefined ? 200 : 400, page);
}

/** Used, expired, replaced or never given: the same to whoever has it. */
function sendNoInvitation(response: Response): void {
  sendErrorPage(response, {
    status: 404,
    title: "This link no longer works",
    message: "It was used already, it has expired, or a newer one took its place.",
    hint: "If you have set your password, go back to your app and connect. Otherwise ask the operator of this gateway for a new link.",
  });
}

function providerOf({ config }: ServerContext) {
  return config.identity.providers.find((provider) => provider.type === "accounts");
}

function shortestPassword(context: ServerContext): number | undefined {
  return providerOf(context)?.passwordLength;
}

function nameOf({ issuer }: ServerContext): string {
  return cookieName(issuer, "invitation");
}

function hostOf({ issuer }: ServerContext): string {
  return new URL(issuer).host;
}

/** Made from the cookie, so that only a page that this browser was given can carry it. */
function csrfOf(secret: string): string {
  return digest(`invitation form ${secret}`);
}
