/**
 * The step behind an endpoint that programs authenticate at: failures are counted by source and client, and beyond the limit
 * answered with 429 in place of what was wrong (RFC 6749 §10.10, RFC 9700 §2.5).
 *
 * It counts afterwards, and only failures. To refuse beforehand would let anybody behind a shared address, with an id that is no
 * secret, lock out the client itself; and nothing that is presented here can be guessed, all of it has 256 bits. What a
 * person types has its own limit, which does come first.
 */
import type { ErrorRequestHandler } from "express";
import { OAuthError, type OAuthErrorCode } from "../../errors.ts";
import type { ServerContext } from "../context.ts";
import { countFromSource } from "../rate-limits.ts";
import { claimedClient } from "./client-authentication.ts";

/** Part of doing it right. */
export const PROGRESS: ReadonlySet<string> = new Set<OAuthErrorCode | "use_dpop_nonce">([
  "authorization_pending",
  "slow_down",
  "use_dpop_nonce",
]);

export function failureLimit(context: ServerContext): ErrorRequestHandler {
  return async (error, request, response, next) => {
    if (isFailure(error)) {
      // Whoever fails in the name of another fails by itself, because the source counts, too.
      const clientId = claimedClient(request, response) ?? "";
      await countFromSource(context, "failures", request, clientId);
    }
    next(error);
  };
}

function isFailure(error: unknown): boolean {
  if (!(error instanceof OAuthError) || PROGRESS.has(error.code)) return false;
  return error.status >= 400 && error.status < 500 && error.status !== 429;
}
