/**
 * What a refused request means for the login it belongs to (autopsy/).
 */
import type { Request, Response } from "express";
import type { OAuthError } from "../../errors.ts";
import type { StepName } from "../../control/attempts.ts";
import { whatItIsAbout } from "../autopsy/about.ts";
import { describeError } from "../autopsy/step.ts";
import { noteStray } from "../autopsy/stray.ts";
import type { ServerContext } from "../context.ts";
import { claimedClient } from "./client-authentication.ts";
import { PROGRESS } from "./failure-limit.ts";
import { parseParameters } from "./form.ts";

const STEPS: Readonly<Record<string, StepName>> = {
  "/register": "registration",
  "/authorize": "authorize",
  "/par": "authorize",
  "/token": "token.refused",
  "/login": "login.failed",
};

export function noteFailure(
  context: ServerContext,
  request: Request,
  response: Response,
  error: OAuthError,
): void {
  if (error.status === 404) return noteStray(context, "path.unknown", request, request.path);
  const what =
    STEPS[request.path.slice(new URL(context.issuer).pathname.replace(/\/$/, "").length)];
  if (what === undefined || PROGRESS.has(error.code) || error.status === 405) return;
  const claimed = what === "authorize" ? askedFor(request) : {};
  const clientId = claimed.clientId ?? claimedClient(request, response);
  context.attempts.note(
    {
      what,
      ...describeError(error),
      ...(clientId !== undefined && { clientId }),
      ...(claimed.resource !== undefined && {
        resource: context.resources.named(claimed.resource)?.uri ?? claimed.resource,
      }),
      ...whatItIsAbout(error),
    },
    request,
  );
}

/** Client and resource that the query of an authorization request names. */
function askedFor(request: Request): { clientId?: string; resource?: string } {
  const [, query = ""] = /\?(.*)$/s.exec(request.originalUrl) ?? [];
  try {
    const parameters = parseParameters(query);
    const [clientId] = parameters.get("client_id") ?? [];
    const [resource] = parameters.get("resource") ?? [];
    return {
      ...(clientId !== undefined && { clientId }),
      ...(resource !== undefined && { resource }),
    };
  } catch {
    return {}; // not encoded properly: that is what is wrong with it
  }
}
