/**
 * The login session: that a browser has logged in, so that the next client need not ask again who it is. It never replaces
 * consent.
 */
import type { Request, Response } from "express";
import type { Identity } from "../../auth-info.ts";
import { epochSeconds } from "../../clock.ts";
import { digest, randomToken } from "../../random.ts";
import { checksOfLogin } from "../accounts/accounts.ts";
import type { ServerContext } from "../context.ts";
import type { LoginSessionRecord } from "../store/records.ts";
import { clearCookie, cookieName, readCookie, setCookie } from "./cookie.ts";

const LOGIN_SESSION_TTL = 43_200; // seconds: twelve hours

/** @returns the session and its cookie; undefined when this browser is not logged in, its provider is gone, or its account has changed */
export async function findLoginSession(
  context: ServerContext,
  request: Request,
): Promise<(LoginSessionRecord & { readonly secret: string }) | undefined> {
  const secret = readCookie(request, nameOf(context));
  if (secret === undefined) return undefined;
  const session = await context.store.get("loginSession", digest(secret));
  if (!session || !context.identityProviders.has(session.provider)) return undefined;
  return (await checksOfLogin(context, session.identity)) ? { ...session, secret } : undefined;
}

/** Begin a new one; the one before ends, so that nothing known before the login is worth anything after it. */
export async function startLoginSession(
  context: ServerContext,
  request: Request,
  response: Response,
  login: { identity: Identity; provider: string },
): Promise<void> {
  await forget(context, request);
  const secret = randomToken();
  const record = { ...login, createdAt: epochSeconds(context.clock) };
  await context.store.put("loginSession", digest(secret), record, LOGIN_SESSION_TTL);
  setCookie(response, nameOf(context), secret, LOGIN_SESSION_TTL);
}

export async function endLoginSession(
  context: ServerContext,
  request: Request,
  response: Response,
): Promise<void> {
  await forget(context, request);
  clearCookie(response, nameOf(context));
}

async function forget(context: ServerContext, request: Request): Promise<void> {
  const secret = readCookie(request, nameOf(context));
  if (secret !== undefined) await context.store.delete("loginSession", digest(secret));
}

function nameOf(context: ServerContext): string {
  return cookieName(context.issuer, "login");
}
