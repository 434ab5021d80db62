/**
 * An interaction: one authorization request on its way through login and consent, bound to one browser.
 *
 * It has two halves. The *handle* (128 bit) travels in URLs and forms and says which one is meant. The *secret* (256 bit)
 * is a cookie of its own, named after the handle, and proves that this is the browser in which it began. The store knows
 * only the digest of both, so neither a leaked URL nor a leaked store is enough (login CSRF, and consent given in one
 * browser for a request of another: CVE-2026-27124).
 *
 * A cookie for each interaction, not one for the browser: clients open several tabs in the same instant, before the first
 * answer has set anything, and each must find its own way home. All but the newest few are cleared, because header space
 * is finite.
 *
 * Life: startInteraction -> [login: advanceInteraction ...] -> closeInteraction, after which there is nothing left to
 * submit twice. Every step is one compare-and-set on the record that was read.
 */
import type { Request, Response } from "express";
import { digest, equalInConstantTime, randomId, randomToken } from "../../random.ts";
import type { Noted } from "../autopsy/step.ts";
import type { ServerContext } from "../context.ts";
import { sendErrorPage } from "../pages/error-page.ts";
import type { VisitRecord } from "../store/consent-records.ts";
import type { InteractionRecord } from "../store/records.ts";
import type { Operation } from "../store/store.ts";
import { clearCookie, cookieName, cookieNames, readCookie, setCookie } from "./cookie.ts";
import { findLoginSession } from "./login-session.ts";
import { boundPending } from "./pending-bound.ts";

const INTERACTION_TTL = 600; // seconds
const MOST_COOKIES = 8;
/** At the end of a URL of the login page to which a form of ours leads. */
export const AFTER_FORM = "after=form";

/** Marks a visit of a person who wants to come as somebody else. */
export const AS_OTHER = "as=other";

/** One that a client has begun, or a visit of a page of ours. */
type AnyRecord = InteractionRecord | VisitRecord;

export interface Interaction<R extends AnyRecord = AnyRecord> {
  readonly handle: string;
  /** Store key. */
  readonly key: string;
  /** What our forms must carry. Made from the secret, so the store does not hold it. */
  readonly csrf: string;
  readonly record: R;
}

/**
 * Remember a valid authorization request and send the browser on: to consent when it is logged in, otherwise to login.
 * @param record its `csrf` is chosen here
 */
export async function startInteraction(
  context: ServerContext,
  request: Request,
  response: Response,
  record: Omit<InteractionRecord, "csrf">,
): Promise<void> {
  const session = record.prompt === "login" ? undefined : await findLoginSession(context, request);
  const identity = session?.identity;
  const handle = await begin(context, request, response, {
    ...record,
    ...(identity && { identity }),
  });
  const next = interactionUrl(context, session ? "/consent" : "/login", handle);
  seeOther(response, record.device === undefined || session ? next : `${next}&${AFTER_FORM}`);
}

/** Send the browser to log in and then to a page of ours. @param page its path below the issuer's */
export async function startVisit(
  context: ServerContext,
  request: Request,
  response: Response,
  page: string,
): Promise<void> {
  const handle = await begin(context, request, response, { page });
  const next = interactionUrl(context, "/login", handle);
  seeOther(response, request.method === "POST" ? `${next}&${AFTER_FORM}` : next);
}

/** @returns the handle of a new interaction, bound to this browser */
async function begin(
  context: ServerContext,
  request: Request,
  response: Response,
  record: Omit<InteractionRecord, "csrf"> | Omit<VisitRecord, "csrf">,
): Promise<string> {
  const handle = randomId();
  const secret = randomToken();
  const key = keyOf(handle, secret);
  const begun: AnyRecord = { ...record, csrf: randomId() };
  await context.store.put("interaction", key, begun, INTERACTION_TTL);
  await boundPending(context, "interaction", key);
  if (!isVisit(begun)) {
    const { clientId, resource } = begun;
    noteStep(context, request, { key, record: begun }, { what: "authorize", clientId, resource });
  }
  const prefix = cookieName(context.issuer, "interaction-");
  const old = cookieNames(request, prefix);
  for (const name of old.slice(0, Math.max(0, old.length - MOST_COOKIES + 1))) {
    if (/^[\w-]+$/.test(name)) clearCookie(response, name);
  }
  setCookie(response, prefix + handle, secret, INTERACTION_TTL);
  return handle;
}

/** Whether it is somebody on the way to a page of ours, and no client waits. */
export function isVisit(record: AnyRecord): record is VisitRecord {
  return "page" in record;
}

/** @returns undefined when there is none, it is over, or it began in another browser */
export async function findInteraction(
  context: ServerContext,
  request: Request,
  handle: string | undefined,
): Promise<Interaction | undefined> {
  if (handle === undefined || !/^[\w-]{22}$/.test(handle)) return undefined;
  const secret = readCookie(request, cookieName(context.issuer, `interaction-${handle}`));
  if (secret === undefined) return undefined;
  const key = keyOf(handle, secret);
  const record = await context.store.get("interaction", key);
  return record && { handle, key, csrf: digest(`${record.csrf} ${secret}`), record };
}

/** The same, when a client waits for its end. */
export async function findAuthorization(
  context: ServerContext,
  request: Request,
  handle: string | undefined,
): Promise<Interaction<InteractionRecord> | undefined> {
  const interaction = await findInteraction(context, request, handle);
  if (!interaction || isVisit(interaction.record)) return undefined;
  return { ...interaction, record: interaction.record };
}

/** Tell what the login attempt of a client has come to; a visit is none. */
export function noteStep(
  context: ServerContext,
  request: Request,
  { key, record }: Pick<Interaction, "key" | "record">,
  step: Omit<Noted, "interaction">,
): void {
  if (isVisit(record)) return;
  // A name that opens nothing.
  context.attempts.note({ ...step, interaction: digest(key).slice(0, 22) }, request);
}

/** Go one step on. @returns false when another request was first; nothing has changed then */
export function advanceInteraction(
  context: ServerContext,
  interaction: Interaction,
  next: AnyRecord,
): Promise<boolean> {
  return context.store.replace("interaction", interaction.key, interaction.record, next);
}

/** End it. Of many concurrent callers exactly one gets true, and only while the record is the one that was read. */
export async function closeInteraction(
  context: ServerContext,
  response: Response,
  interaction: Interaction,
): Promise<boolean> {
  clearCookie(response, cookieName(context.issuer, `interaction-${interaction.handle}`));
  return context.store.transact(closing(interaction));
}

/** The same, as part of a larger step. */
export function closing({ key, record }: Interaction): Operation[] {
  return [
    { type: "check", kind: "interaction", id: key, seen: record },
    { type: "delete", kind: "interaction", id: key },
  ];
}

/**
 * Whether a form was sent by a page of ours in this interaction (RFC 6749 §10.12). The token decides; the browser's own
 * word about the sender is checked as well. Our pages send no referrer, which makes their `Origin` the word null.
 */
export function isOwnForm(
  context: ServerContext,
  request: Request,
  interaction: Pick<Interaction, "csrf">,
  csrf: string | undefined,
): boolean {
  const { origin, host } = request.headers;
  const site = request.headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin") return false;
  if (origin !== undefined && origin !== "null") {
    const { protocol } = new URL(context.issuer);
    if (origin !== `${protocol}//${host ?? ""}`) return false;
  }
  return csrf !== undefined && equalInConstantTime(csrf, interaction.csrf);
}

/** Path on this host, below the issuer's. */
export function interactionUrl(
  context: ServerContext,
  page: "/login" | "/consent",
  handle: string,
): string {
  return `${serverPath(context, page)}?interaction=${handle}`;
}

export function serverPath(context: ServerContext, path: string): string {
  return `${new URL(context.issuer).pathname.replace(/\/$/, "")}${path}`;
}

/** 303: whatever the method was, the browser comes with GET and without the body (RFC 9700 §4.12). */
export function seeOther(response: Response, location: string): void {
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("Referrer-Policy", "no-referrer");
  response.writeHead(303, { Location: location, "Content-Length": 0 });
  response.end();
}

/** For a request that belongs to no interaction of this browser. */
export function sendNoInteraction(response: Response): void {
  sendErrorPage(response, {
    status: 400,
    title: "This login is over",
    message: "It was already answered, took longer than ten minutes, or began in another browser.",
    hint: "Go back to your app and connect again.",
  });
}

/** For a form that no page of ours has sent. */
export function sendForeignForm(response: Response): void {
  sendErrorPage(response, {
    status: 403,
    title: "That did not come from us",
    message: "The form was not sent by a page of this gateway, so nothing was done.",
    hint: "Go back to your app and connect again.",
  });
}

function keyOf(handle: string, secret: string): string {
  return digest(`${handle} ${secret}`);
}
