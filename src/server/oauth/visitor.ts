/**
 * A person who looks at a page of ours, known by the login session of the browser. Without one the browser is sent to log in
 * first, by the same interaction and the same providers as for a client, and comes back to the page.
 */
import type { Request, Response } from "express";
import type { Identity } from "../../auth-info.ts";
import { digest } from "../../random.ts";
import { isAdmitted } from "../admission.ts";
import type { ServerContext } from "../context.ts";
import { isOwnForm, sendForeignForm, startVisit } from "./interaction.ts";
import { findLoginSession } from "./login-session.ts";

export interface Visitor {
  readonly identity: Identity;
  /** What forms of the page must carry (RFC 6749 §10.12). */
  readonly csrf: string;
  /** The login session's cookie. */
  readonly secret: string;
  readonly loggedInAt: number;
}

/** @returns who it is; undefined when the answer has been sent already */
export async function findVisitor(
  context: ServerContext,
  request: Request,
  response: Response,
  page: string,
): Promise<Visitor | undefined> {
  const session = await findLoginSession(context, request);
  if (session && isAdmitted(context, session.identity, undefined)) {
    // Made from the cookie, so that only a page that this browser was given can carry it.
    const { identity, secret, createdAt } = session;
    const csrf = digest(`${page} form ${secret}`);
    return { identity, csrf, secret, loggedInAt: createdAt };
  }
  await startVisit(context, request, response, page);
  return undefined;
}

/** The same for a form that was sent from the page. */
export async function findSender(
  context: ServerContext,
  request: Request,
  response: Response,
  page: string,
  csrf: string | undefined,
): Promise<Visitor | undefined> {
  const visitor = await findVisitor(context, request, response, page);
  if (!visitor || isOwnForm(context, request, visitor, csrf)) return visitor;
  sendForeignForm(response);
  return undefined;
}
