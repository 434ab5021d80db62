/**
 * From a request to its verified caller: Bearer token (RFC 6750) or DPoP (RFC 9449), JWT access token (RFC 9068), bound to one resource
 * (RFC 8707). Used by the MCP endpoints and by ForwardAuth, so it takes a plain request and knows no framework.
 *
 * Order: exactly one credential -> signature and claims (remembered by the digest of the credentials) -> expiry -> still alive in the
 * store, its key included -> made for this resource -> with the key it is bound to, if it is (bound-token.ts). The store is asked every time: a revoked token, or all tokens of a
 * removed key, are dead at the very next request. The memory is only an accelerator; what it is keyed by never decides
 * anything (an ES256 signature has several spellings).
 */
import { errors, jwtVerify, type JWTPayload } from "jose";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AuthInfo, Identity } from "../../auth-info.ts";
import { OAuthError } from "../../errors.ts";
import { digest } from "../../random.ts";
import { isStillAdmitted } from "../admission.ts";
import { about } from "../autopsy/about.ts";
import type { ServerContext } from "../context.ts";
import type { Resource } from "../resources.ts";
import { keyIdOf } from "../signing-key.ts";
import type { AccessTokenRecord } from "../store/records.ts";
import { checkBinding } from "./bound-token.ts";

/** @param asked what is asked about, where that is not `request` itself, or not the resource's own address */
export type Authenticate = (
  request: IncomingMessage,
  response: ServerResponse,
  resource: Resource,
  asked?: { method?: string; uri?: string },
) => Promise<AuthInfo>;

/** What was found out once, and by which key: it holds no longer than that key does. */
interface Verified {
  auth: AuthInfo;
  identity: Identity;
  kid: string;
  /** Thumbprint of the key it is bound to (RFC 9449 §6.1). */
  jkt: string | undefined;
  /** Whether it was presented by the scheme DPoP. */
  isDpop: boolean;
  /** Whether it has opened its resource before, here. */
  wasUsed: boolean;
}

const LONGEST_TOKEN = 8192; // characters; ours have about 600
const REMEMBERED_TOKENS = 10_000;
/** How far in the future `iat` and `nbf` may lie: replicas' clocks differ a little. */
const CLOCK_SKEW = 60; // seconds

/** @returns checks one request. @throws OAuthError invalid_token (401), invalid_request (400); `undefined` token: see `MissingToken` */
export function createAuthenticate(context: ServerContext): Authenticate {
  const remembered = new Map<string, Verified>();

  /** @param credentials of the `Authorization` header */
  async function verified(credentials: string): Promise<Verified> {
    const key = digest(credentials);
    const known = remembered.get(key);
    if (known) return known;
    const { token, isDpop } = readCredentials(credentials);
    const fresh = { ...(await verifyToken(context, token)), isDpop, wasUsed: false };
    // The oldest entry makes room: a Map iterates in order of insertion.
    if (remembered.size >= REMEMBERED_TOKENS) remembered.delete(remembered.keys().next().value!);
    remembered.set(key, fresh);
    return fresh;
  }

  return async (request, response, resource, asked = {}) => {
    const credentials = presentedCredentials(request);
    const found = await verified(credentials);
    const { auth, identity, kid, jkt, isDpop } = found;
    if (auth.expiresAt <= context.clock.now()) {
      throw about(invalidToken("the token has expired", "expired"), auth);
    }
    const [token, client, key] = await Promise.all([
      context.store.get("accessToken", auth.tokenId),
      context.store.get("client", auth.clientId),
      context.keys.verificationKey(kid),
    ]);
    if (!token || !client || !key) {
      throw about(invalidToken("the token is no longer valid", "revoked"), auth);
    }
    if (!agrees(auth, token)) {
      throw invalidToken("the token is not valid here", "claims that were never issued");
    }
    if (!isStillAdmitted(context, auth, identity)) {
      throw about(new NotForThem("the token is no longer valid", "not allowed", identity), auth);
    }
    if (auth.resource !== resource.uri) {
      const detail = `aud ${auth.resource}`;
      const description = "the token was issued for another resource";
      throw about(new NotForThem(description, detail, identity), auth);
    }
    if (jkt !== undefined || isDpop) {
      // Last, so that only who has a good token can make us remember proofs.
      const proven = { method: request.method ?? "", uri: resource.uri, ...asked };
      const presented = readCredentials(credentials);
      await checkBinding(context, request, response, { ...presented, jkt }, proven);
    }
    if (!found.wasUsed) {
      found.wasUsed = true;
      noteFirstUse(context, request, auth);
    }
    return auth;
  };
}

function noteFirstUse({ attempts }: ServerContext, request: IncomingMessage, auth: AuthInfo): void {
  const { clientId, grantId, resource } = auth;
  attempts.note({ what: "call.first", clientId, grantId, resource }, request);
}

/**
 * Whether the claims are those that were issued under this `jti`: whoever has got hold of a signing key and one token can still
 * not make it wider, or somebody else's.
 */
function agrees(auth: AuthInfo, issued: AccessTokenRecord): boolean {
  return (
    auth.subject === issued.subject &&
    auth.clientId === issued.clientId &&
    auth.grantId === issued.grantId &&
    auth.resource === issued.resource &&
    auth.scopes.length === issued.scopes.length &&
    auth.scopes.every((scope, index) => scope === issued.scopes[index])
  );
}

/** No credential was presented: a challenge without an error code (RFC 6750 §3.1). */
export class MissingToken extends OAuthError {
  constructor() {
    super("invalid_token", "an access token is required");
  }
}

/** The token is good, but not for this; it is known whose it is. */
export class NotForThem extends OAuthError {
  readonly identity: Identity;

  constructor(description: string, detail: string, identity: Identity) {
    super("invalid_token", description, { detail });
    this.identity = identity;
  }
}

/** Those of the one `Authorization` header; nothing else of a request is looked at. */
function presentedCredentials(request: IncomingMessage): string {
  const header = request.headers.authorization;
  if (header === undefined) throw new MissingToken();
  const inQuery = request.url?.includes("access_token=") === true;
  if (inQuery || hasSeveral(request.rawHeaders, "authorization")) {
    throw new OAuthError(
      "invalid_request",
      "present exactly one token, in the Authorization header",
    );
  }
  return header;
}

function readCredentials(credentials: string): { token: string; isDpop: boolean } {
  const [, scheme, token] = /^(Bearer|DPoP) +([\w.~+/-]+=*)$/i.exec(credentials) ?? [];
  if (scheme === undefined || token === undefined)
    throw invalidToken("the Authorization header must be: Bearer <token>");
  if (token.length > LONGEST_TOKEN) throw invalidToken("the token is malformed", "too long");
  return { token, isDpop: scheme.length === 4 };
}

/** Node keeps the first of several Authorization headers without a word; what a proxy saw may be another one. */
function hasSeveral(rawHeaders: readonly string[], name: string): boolean {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const header = rawHeaders[at]!;
    if (header.length === name.length && header.toLowerCase() === name) count += 1;
  }
  return count > 1;
}

/** Signature, claims and whose they are: everything that cannot change while the token lives. */
async function verifyToken(
  context: ServerContext,
  token: string,
): Promise<Omit<Verified, "isDpop" | "wasUsed">> {
  const kid = keyIdOf(token) ?? "";
  const key = await context.keys.verificationKey(kid);
  if (!key) throw invalidToken("the token is not valid here", "unknown kid");
  let claims: JWTPayload;
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: ["ES256"],
      typ: "at+jwt",
      issuer: context.issuer,
      requiredClaims: ["iss", "aud", "sub", "exp", "iat", "jti", "client_id", "scope", "gid"],
      currentDate: new Date(context.clock.now() * 1000),
      clockTolerance: 0,
    });
    claims = payload;
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw expired(error.payload);
    throw invalidToken("the token is not valid here", error instanceof Error ? error.message : "");
  }
  const { sub, aud, exp, iat, jti, client_id: clientId, scope, gid } = claims;
  const texts = [sub, aud, jti, clientId, scope, gid];
  const isOurs = texts.every((value) => typeof value === "string") && typeof exp === "number";
  if (!isOurs || typeof iat !== "number" || iat > context.clock.now() + CLOCK_SKEW) {
    throw invalidToken("the token is not valid here", "claims of a wrong type or time");
  }
  const grant = await context.store.get("grant", gid as string);
  const identity = grant?.identity ?? { subject: sub as string };
  const { name, email } = identity;
  const auth = {
    ...(name !== undefined && { name }),
    ...(email !== undefined && { email }),
    ...(sub !== clientId && { identity }),
    subject: sub as string,
    resource: aud as string,
    tokenId: jti as string,
    clientId: clientId as string,
    grantId: gid as string,
    scopes: (scope as string).split(" ").filter((name) => name !== ""),
    expiresAt: exp,
  };
  const jkt = (claims["cnf"] as { jkt?: string } | undefined)?.jkt;
  return { auth, identity, kid, jkt };
}

/** @param claims that our signature stands under */
function expired({ client_id: clientId, gid: grantId }: JWTPayload): OAuthError {
  return about(invalidToken("the token is not valid here", "expired"), {
    ...(typeof clientId === "string" && { clientId }),
    ...(typeof grantId === "string" && { grantId }),
  });
}

function invalidToken(description: string, detail?: string): OAuthError {
  return new OAuthError("invalid_token", description, detail === undefined ? {} : { detail });
}
