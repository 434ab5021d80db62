/**
 * The one error middleware. Decides how a failure looks by where it happened: a page for people (authorize, login, callback,
 * consent), the JSON of RFC 6749 §5.2 for programs.
 *
 * What another party did wrong is told to it and noted at level info, with the detail only the log may know. Anything else
 * is ours: the log gets the stack, the other side a request id.
 */
import type { ErrorRequestHandler, RequestHandler, Response } from "express";
import { epochSeconds } from "../../clock.ts";
import { OAuthError, temporarilyUnavailable, UserError } from "../../errors.ts";
import type { ServerContext } from "../context.ts";
import { noteFailure } from "./failed-step.ts";
import { sendJson } from "../http.ts";
import { sendErrorPage } from "../pages/error-page.ts";

/** Marks an endpoint whose errors a person reads. */
export const forPeople: RequestHandler = (_request, response, next) => {
  response.locals["isForPeople"] = true;
  next();
};

export function oauthErrorHandler(context: ServerContext): ErrorRequestHandler {
  return (thrown: unknown, request, response, next) => {
    const requestId = String(response.locals["requestId"]);
    const error = asOAuthError(thrown);
    const path = withoutTokens(request.path);
    const place = { requestId, method: request.method, path };
    if (error?.code === "authorization_pending") {
      context.log.debug(place, "a device polls"); // every few seconds, and nothing is wrong
    } else if (!error || thrown instanceof UserError) {
      context.log.error({ err: thrown, ...place }, "request failed");
    } else {
      const { code, status, detail, message } = error;
      context.log.info(
        { ...place, status, error: code, reason: withoutTokens(detail ?? message) },
        "request refused",
      );
      noteFailure(context, request, response, error);
      const at = epochSeconds(context.clock);
      context.events.publish({ type: "request.denied", at, status, code });
    }
    // The answer has begun: all that is left is to cut it off, which Express does.
    if (response.headersSent) return next(thrown);
    response.setHeader("Cache-Control", "no-store");
    if (error?.retryAfter !== undefined) response.setHeader("Retry-After", error.retryAfter);
    if (response.locals["isForPeople"] === true) return showPage(response, error, requestId);
    if (error?.code === "invalid_token") {
      response.setHeader("WWW-Authenticate", 'Bearer error="invalid_token"'); // RFC 6750 §3
    } else if (error?.status === 401 && request.headers.authorization !== undefined) {
      response.setHeader("WWW-Authenticate", 'Basic realm="mcp-gateway", charset="UTF-8"');
    }
    const unexpected = { error: "server_error", error_description: `Request ${requestId} failed` };
    sendJson(response, error?.status ?? 500, error ?? unexpected);
  };
}

/** Whatever is as long as a token may be one that somebody put into a path or a parameter. */
function withoutTokens(text: string): string {
  return text.replaceAll(/[\w-]{43,}/g, "[redacted]");
}

function showPage(response: Response, error: OAuthError | undefined, requestId: string): void {
  if (error) {
    const isTooMuch = error.status === 429;
    const hint = isTooMuch
      ? "Wait a minute, then reload this page."
      : "Go back to the application you came from and start again there.";
    sendErrorPage(response, {
      status: error.status,
      title: isTooMuch ? "Too much at once" : "This request cannot be completed",
      message: error.message,
      hint,
    });
  } else {
    const message = "The gateway could not complete this request.";
    const hint = `Try again. If it stays so, tell the operator this number: ${requestId}`;
    sendErrorPage(response, { status: 500, title: "Something went wrong", message, hint });
  }
}

/** Our own errors, and what the body parser and the router say of a request that is not even HTTP as it should be. */
function asOAuthError(thrown: unknown): OAuthError | undefined {
  if (thrown instanceof OAuthError) return thrown;
  if (thrown instanceof UserError) return temporarilyUnavailable(thrown);
  if (!(thrown instanceof Error) || !("status" in thrown)) return undefined;
  const { status } = thrown;
  if (typeof status !== "number" || status < 400 || status > 499) return undefined;
  const description = DESCRIPTIONS[status] ?? "The request is malformed";
  return new OAuthError("invalid_request", description, {
    status,
    cause: thrown,
    detail: thrown.message,
  });
}

const DESCRIPTIONS: Readonly<Record<number, string>> = {
  413: "The body is too large",
  415: "The body is encoded in a way that is not supported",
};
