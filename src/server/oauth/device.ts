/**
 * The page where a person enters the code that a device shows, RFC 8628 §3.3.
 *
 * GET /device shows the form, filled in when the address brought the code; nothing happens by opening it. POST /device enters
 * the code: from there on it is an interaction like any other, through login and consent, whose end is told to the
 * device and not to a client in this browser.
 *
 * A code may be tried five times by one browser and fifty times from one address within ten minutes (§5.1). Each try
 * takes its number before the code is looked at.
 */
import type { Request, RequestHandler, Response } from "express";
import type { Identity } from "../../auth-info.ts";
import { digest, randomToken } from "../../random.ts";
import type { ServerContext } from "../context.ts";
import { deviceDonePage, devicePage as deviceDocument } from "../pages/device-page.ts";
import { sendErrorPage } from "../pages/error-page.ts";
import { sendPage } from "../pages/send-page.ts";
import { sourceAddress } from "../source-address.ts";
import type { InteractionRecord } from "../store/records.ts";
import { cookieName, readCookie, setCookie } from "./cookie.ts";
import { claimUserCode, decideDeviceCode, shownUserCode } from "./device-code.ts";
import { formOf } from "./form.ts";
import { isOwnForm, sendForeignForm, serverPath, startInteraction } from "./interaction.ts";
import { queryOf } from "./query.ts";

const COOKIE_TTL = 600; // seconds; no code lives longer
const TRIES_TTL = 600; // seconds
const MOST_TRIES = { browser: 5, source: 50 };

export function devicePage(context: ServerContext): RequestHandler {
  return (request, response) => {
    const name = cookieName(context.issuer, "device");
    const secret = readCookie(request, name) ?? randomToken();
    setCookie(response, name, secret, COOKIE_TTL);
    const userCode = shownUserCode(queryOf(request).get("user_code") ?? "");
    sendForm(context, response, secret, userCode);
  };
}

export function device(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const fields = formOf(response);
    const secret = readCookie(request, cookieName(context.issuer, "device"));
    if (
      secret === undefined ||
      !isOwnForm(context, request, { csrf: csrfOf(secret) }, fields.get("csrf"))
    ) {
      return sendForeignForm(response);
    }
    if (await hasTriedTooOften(context, request, secret)) return sendTooManyTries(response);
    const typed = fields.get("user_code") ?? "";
    const claimed = await claimUserCode(context, typed, digest(secret));
    if (!claimed) return sendForm(context, response, secret, typed, "That code is not valid.");
    const { clientId, resource, scopes } = claimed.record;
    await startInteraction(context, request, response, {
      clientId,
      resource,
      scopes,
      device: claimed.id,
      // Nothing is redirected to and no code is made; the challenge of nothing could not be met either.
      redirectUri: `${context.issuer}/device`,
      redirectUriWasSent: false,
      codeChallenge: "",
    });
  };
}

/**
 * The end of a device's interaction: told to the device, shown to the person.
 * @param identity who allowed it; undefined when nobody did
 * @throws OAuthError invalid_request when it came too late
 */
export async function answerDevice(
  context: ServerContext,
  response: Response,
  record: InteractionRecord & { device: string },
  identity: Identity | undefined,
): Promise<void> {
  await decideDeviceCode(context, record, identity);
  const host = new URL(context.issuer).host;
  sendPage(response, 200, deviceDonePage({ isAllowed: identity !== undefined, host }));
}

/** Whether the interaction is one of a device. */
export function isForDevice(
  record: InteractionRecord,
): record is InteractionRecord & { device: string } {
  return record.device !== undefined;
}

function sendForm(
  context: ServerContext,
  response: Response,
  secret: string,
  userCode: string | undefined,
  problem?: string,
): void {
  const page = deviceDocument({
    action: serverPath(context, "/device"),
    csrf: csrfOf(secret),
    userCode: userCode ?? "",
    host: new URL(context.issuer).host,
    ...(problem !== undefined && { problem }),
  });
  sendPage(response, problem === undefined ? 200 : 403, page);
}

async function hasTriedTooOften(
  context: ServerContext,
  request: Request,
  secret: string,
): Promise<boolean> {
  const count = (who: string): Promise<number> =>
    context.store.increment(`device-tries ${who}`, TRIES_TTL);
  const [ofBrowser, ofSource] = await Promise.all([
    count(digest(secret)),
    count(sourceAddress(context.config, request)),
  ]);
  return ofBrowser > MOST_TRIES.browser || ofSource > MOST_TRIES.source;
}

function sendTooManyTries(response: Response): void {
  response.setHeader("Retry-After", TRIES_TTL);
  sendErrorPage(response, {
    status: 429,
    title: "Too many tries",
    message: "Codes were entered too often from here.",
    hint: "Wait ten minutes, then let your device show a new code.",
  });
}

/** Made from the cookie, so that only a page that this browser was given can carry it. */
function csrfOf(secret: string): string {
  return digest(`device form ${secret}`);
}
