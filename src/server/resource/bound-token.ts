/**
 * Access tokens that are bound to a key, RFC 9449 §7: good only with a proof that the client holds it, and never as a bearer's
 * (§7.2), or a thief would simply leave the proof out. The other way round, a token that is bound to nothing does not
 * become safer by being called DPoP, and is refused so that the client notices.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { OAuthError } from "../../errors.ts";
import type { ServerContext } from "../context.ts";
import { checkDpopProof, type ProvenRequest } from "../dpop.ts";

/** Was presented as Bearer; the challenge must say that it is DPoP which is wanted. */
export class BoundTokenAsBearer extends OAuthError {
  constructor() {
    super("invalid_token", "the token is bound to a key: present it as DPoP, with a proof");
  }
}

/**
 * @param presented the token, how it was called, and the thumbprint it is bound to
 * @param proven what the proof must be about
 * @throws OAuthError invalid_token, invalid_dpop_proof, use_dpop_nonce, all 401
 */
export async function checkBinding(
  context: ServerContext,
  request: IncomingMessage,
  response: ServerResponse,
  presented: { token: string; isDpop: boolean; jkt: string | undefined },
  proven: Omit<ProvenRequest, "accessToken">,
): Promise<void> {
  const { token, isDpop, jkt } = presented;
  if (jkt === undefined && !isDpop) return;
  if (!isDpop) throw new BoundTokenAsBearer();
  if (jkt === undefined) {
    throw new OAuthError("invalid_token", "the token is not bound to a key: present it as Bearer");
  }
  const about = { ...proven, accessToken: token };
  const thumbprint = await checkDpopProof(context, request, response, about, 401);
  if (thumbprint === undefined) {
    throw new OAuthError("invalid_dpop_proof", "a DPoP proof is required", { status: 401 });
  }
  if (thumbprint !== jkt) {
    throw new OAuthError("invalid_token", "the token is bound to another key");
  }
}
