/**
 * Which key the tokens of a request are bound to (RFC 9449 §5). The proof is checked before the grant is looked at, so that a
 * client which is only asked for a nonce has not used its code up.
 */
import type { Request, Response } from "express";
import { OAuthError } from "../../errors.ts";
import type { ServerContext } from "../context.ts";
import { checkDpopProof } from "../dpop.ts";
import type { ClientRecord } from "../store/client-records.ts";

/**
 * @param path of the endpoint, below the issuer
 * @returns thumbprint of the key; undefined when the client uses none
 * @throws OAuthError invalid_dpop_proof, use_dpop_nonce
 */
export async function provenKey(
  context: ServerContext,
  request: Request,
  response: Response,
  path: string,
): Promise<string | undefined> {
  const uri = `${context.issuer}${path}`;
  return checkDpopProof(context, request, response, { method: request.method, uri });
}

/**
 * @param bound thumbprint that a code or token is bound to, undefined when to none
 * @param proven thumbprint of the request's key
 * @throws OAuthError invalid_dpop_proof when there is no proof, `mismatch` when it is of another key
 */
export function requireKey(
  bound: string | undefined,
  proven: string | undefined,
  mismatch: () => OAuthError,
): void {
  if (bound === undefined || bound === proven) return;
  if (proven !== undefined) throw mismatch();
  throw new OAuthError("invalid_dpop_proof", "A DPoP proof is required");
}

/** A confidential client's refresh tokens are bound by its authentication, so it may change its keys (§5). */
export function refreshKey(client: ClientRecord, jkt: string | undefined): string | undefined {
  return client.metadata.token_endpoint_auth_method === "none" ? jkt : undefined;
}
