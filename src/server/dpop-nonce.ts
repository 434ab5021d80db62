/**
 * Nonces for DPoP proofs, RFC 9449 §8 and §9: a proof with one was made after we gave it out. Nothing is stored: a nonce is
 * the HMAC of a span of time under a key that every replica derives, the same for all clients.
 *
 * One is offered with each answer to a request that carries a proof, and holds for two to four minutes. A nonce that is
 * neither of this span nor of those beside it is refused; replicas' clocks may differ by less than one.
 */
import type { ServerResponse } from "node:http";
import { equalInConstantTime, keyedDigest } from "../random.ts";
import type { ServerContext } from "./context.ts";

type NonceContext = Pick<ServerContext, "clock" | "keys">;

const SPAN = 120; // seconds

export async function offerDpopNonce(
  context: NonceContext,
  response: ServerResponse,
): Promise<void> {
  const [nonce] = await nonces(context, [0]);
  response.setHeader("DPoP-Nonce", nonce!);
}

/** Whether we gave it out, not too long ago. */
export async function isDpopNonce(context: NonceContext, nonce: unknown): Promise<boolean> {
  if (typeof nonce !== "string") return false;
  const valid = await nonces(context, [0, -1, 1]);
  return valid.some((one) => equalInConstantTime(one, nonce));
}

/** Newest key first. @param spans counted from the present one */
async function nonces(context: NonceContext, spans: readonly number[]): Promise<string[]> {
  const now = Math.floor(context.clock.now() / SPAN);
  const keys = await context.keys.derive("DPoP nonces");
  return keys.flatMap((key) => spans.map((span) => keyedDigest(key, String(now + span))));
}
