/**
 * DPoP proofs, RFC 9449 §4: a signed word of the client about this one request, by which it shows that it holds the key its
 * tokens are bound to. Off unless a client uses it; used by the token endpoint and by the protected resources.
 *
 * Order of §4.3: one header -> a small JWT of the right type and algorithm -> a public key that fits -> signature ->
 * method, URI -> access token -> nonce -> time -> not seen before. Last of all the proof is remembered, so that only
 * who got everything else right can fill that memory. The algorithm is of our list and fixed by the kind of key, never
 * taken from the header alone.
 *
 * Time: `iat` may differ from ours by a minute. With a nonce of ours the proof cannot be older than the nonce, whatever the
 * client's clock says, so then it may differ by five.
 */
import { calculateJwkThumbprint, compactVerify, decodeProtectedHeader } from "jose";
import type { IncomingMessage, ServerResponse } from "node:http";
import { OAuthError } from "../errors.ts";
import { digest, equalInConstantTime } from "../random.ts";
import type { ServerContext } from "./context.ts";
import { isDpopNonce, offerDpopNonce } from "./dpop-nonce.ts";
import { readDpopKey, type PublicJwk } from "./dpop-key.ts";

const LONGEST_PROOF = 4096; // characters; with a 4096 bit RSA key it has about 2200
const LONGEST_JTI = 256; // characters
const CLOCK_SKEW = 60; // seconds
const CLOCK_SKEW_WITH_NONCE = 300; // seconds

type DpopContext = Pick<ServerContext, "clock" | "config" | "keys" | "store">;

export interface ProvenRequest {
  method: string;
  /** The URI the client called, without query. */
  uri: string;
  /** The token presented with the proof; none at the authorization server. */
  accessToken?: string;
}

/**
 * Check the proof of a request, and offer the client a nonce for its next one.
 * @param status of a refusal: 400 at the token endpoint, 401 at a resource (§5, §7.1)
 * @returns the thumbprint of the key (RFC 7638); undefined when the request carries no proof
 * @throws OAuthError invalid_dpop_proof, use_dpop_nonce
 */
export async function checkDpopProof(
  context: DpopContext,
  request: IncomingMessage,
  response: ServerResponse,
  proven: ProvenRequest,
  status: 400 | 401 = 400,
): Promise<string | undefined> {
  if (request.headers["dpop"] === undefined) return undefined;
  await offerDpopNonce(context, response);
  return verifyProof(context, proofOf(request, status), proven, status);
}

/** Node joins two headers with a comma; what a proxy saw may be only one of them. */
function proofOf(request: IncomingMessage, status: number): string {
  const values = request.rawHeaders.filter(
    (_, index) => index % 2 === 1 && request.rawHeaders[index - 1]!.toLowerCase() === "dpop",
  );
  if (values.length !== 1) throw invalidProof("There must be one DPoP header", status);
  const proof = values[0]!;
  if (proof.length > LONGEST_PROOF || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(proof)) {
    throw invalidProof("The DPoP header must hold one JWT", status);
  }
  return proof;
}

async function verifyProof(
  context: DpopContext,
  proof: string,
  { method, uri, accessToken }: ProvenRequest,
  status: number,
): Promise<string> {
  const refuse = (detail: string): never => {
    throw invalidProof(`The DPoP proof is not valid: ${detail}`, status);
  };
  const { claims, jwk } = await readProof(proof).catch((error: unknown) =>
    refuse(error instanceof ProofProblem ? error.message : "the signature does not verify"),
  );
  const { jti, htm, htu, iat, ath, nonce } = claims;
  if (htm !== method) refuse("htm is another method");
  if (typeof htu !== "string" || !isSameUri(htu, uri)) refuse("htu is another URI");
  if (
    accessToken !== undefined &&
    !(typeof ath === "string" && equalInConstantTime(ath, digest(accessToken)))
  ) {
    refuse("ath is not the hash of the access token");
  }
  if (typeof jti !== "string" || jti === "" || jti.length > LONGEST_JTI) {
    return refuse("jti must be a string");
  }
  const isRequired = context.config.dpop.nonce === "required";
  if (nonce === undefined ? isRequired : !(await isDpopNonce(context, nonce))) {
    throw new OAuthError("use_dpop_nonce", "Use the nonce of the DPoP-Nonce header", { status });
  }
  const skew = nonce === undefined ? CLOCK_SKEW : CLOCK_SKEW_WITH_NONCE;
  if (typeof iat !== "number" || !(Math.abs(context.clock.now() - iat) <= skew)) {
    refuse("iat is too far from now");
  }
  const thumbprint = await calculateJwkThumbprint(jwk);
  // As long as this proof could be accepted again.
  const key = `dpop ${digest(`${thumbprint} ${jti}`)}`;
  if ((await context.store.increment(key, 2 * skew + 1)) > 1) refuse("jti was used before");
  return thumbprint;
}

interface ProofClaims {
  jti?: unknown;
  htm?: unknown;
  htu?: unknown;
  iat?: unknown;
  ath?: unknown;
  nonce?: unknown;
}

class ProofProblem extends Error {}

/** What a proof claims, once its signature holds. @throws ProofProblem; anything of jose's */
async function readProof(proof: string): Promise<{ claims: ProofClaims; jwk: PublicJwk }> {
  const { typ, alg, jwk, crit } = decodeProtectedHeader(proof);
  if (typ !== "dpop+jwt") throw new ProofProblem("typ must be dpop+jwt");
  if (crit !== undefined) throw new ProofProblem("crit is not supported");
  const read = readDpopKey(alg, jwk);
  if (!("key" in read)) throw new ProofProblem(read.problem);
  const { payload } = await compactVerify(proof, read.key, { algorithms: [alg!] });
  const claims: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  if (typeof claims !== "object" || claims === null || Array.isArray(claims)) {
    throw new ProofProblem("the payload must be an object");
  }
  return { claims, jwk: read.jwk };
}

/**
 * Scheme, host and path, spelled in any way RFC 3986 §6.2 calls equal; one trailing slash does not count. A query or
 * fragment does not belong into `htu` (§4.2).
 */
function isSameUri(htu: string, uri: string): boolean {
  if (/[?#\s\\]/.test(htu) || htu.length > 2048 || !URL.canParse(htu)) return false;
  const [theirs, ours] = [new URL(htu), new URL(uri)];
  return (
    theirs.username === "" &&
    theirs.password === "" &&
    theirs.origin === ours.origin &&
    theirs.pathname.replace(/(.)\/$/, "$1") === ours.pathname.replace(/(.)\/$/, "$1")
  );
}

function invalidProof(description: string, status: number): OAuthError {
  return new OAuthError("invalid_dpop_proof", description, { status });
}
