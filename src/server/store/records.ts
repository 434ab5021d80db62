/**
 * Everything the gateway keeps: each kind of record, its key, its owner and its lifetime. Read this first.
 *
 *   kind               key                        owner    lives
 *   client             client_id                  -        until revoked
 *   grant              grant id (`gid`)           client   tokens.grant
 *   authorizationCode  SHA-256 of the code        grant    a day: a late second use must be recognised
 *   accessToken        `jti`                      grant    until the token's `exp`
 *   refreshToken       SHA-256 of the token       grant    tokens.refreshToken; rotated ones stay as long, as evidence
 *   interaction        SHA-256 of handle + cookie client   10 minutes
 *   pushedRequest      SHA-256 of the reference   client   60 seconds, one use
 *   loginSession       SHA-256 of its cookie      -        12 hours
 *   signingKey         `kid`                      -        until removed
 *
 * No record holds a secret in clear: codes, tokens, cookies and client secrets are SHA-256 digests (256 random bits need
 * neither salt nor a slow hash). Times are seconds since the epoch. A record is plain JSON without `undefined`.
 *
 * Ownership: a record with `grantId` dies with that grant (`deleteGrant`), one with `clientId` can be listed by client.
 */
import type { Identity, LoginForm, PendingLogin } from "../../auth-info.ts";

export interface Records {
  client: ClientRecord;
  grant: GrantRecord;
  authorizationCode: AuthorizationCodeRecord;
  accessToken: AccessTokenRecord;
  refreshToken: RefreshTokenRecord;
  interaction: InteractionRecord;
  pushedRequest: PushedRequestRecord;
  loginSession: LoginSessionRecord;
  signingKey: SigningKeyRecord;
}

export type Kind = keyof Records;

/**
 * Whether a write must be on disk before its caller goes on. Losing a lazy record in a crash costs somebody a click, losing
 * a durable one breaks a promise (a consumed code would live again).
 */
export const DURABILITY: Readonly<Record<Kind, "durable" | "lazy">> = {
  client: "durable",
  grant: "durable",
  authorizationCode: "durable",
  accessToken: "durable",
  refreshToken: "durable",
  interaction: "lazy",
  pushedRequest: "lazy",
  loginSession: "lazy",
  signingKey: "durable",
};

/** An OAuth client, RFC 7591 §2. `metadata` keeps wire spelling because it is echoed as it came. */
export interface ClientRecord {
  clientId: string;
  metadata: ClientMetadata;
  /** SHA-256 of the client secret; absent for public clients. */
  secretDigest?: string;
  registeredAt: number;
  via: "registration" | "command";
}

export interface ClientMetadata {
  redirect_uris: string[];
  token_endpoint_auth_method: "none" | "client_secret_basic" | "client_secret_post";
  grant_types: string[];
  response_types: string[];
  client_name?: string;
  client_uri?: string;
  logo_uri?: string;
  tos_uri?: string;
  policy_uri?: string;
  contacts?: string[];
  scope?: string;
  software_id?: string;
  software_version?: string;
  application_type?: "native" | "web";
}

/** What a person allowed: subject x client x resource x scopes. All codes and tokens descend from one. */
export interface GrantRecord {
  grantId: string;
  clientId: string;
  subject: string;
  resource: string;
  scopes: string[];
  identity: Identity;
  createdAt: number;
  /** The grant and everything below it ends here, however often it is refreshed. */
  expiresAt: number;
}

/**
 * The code stays after its use, marked with `redeemedAt`: only so can a second use be told from a guess and end the
 * grant (RFC 6749 §4.1.2).
 */
export interface AuthorizationCodeRecord {
  grantId: string;
  clientId: string;
  redirectUri: string;
  /** Whether the authorization request named the redirect URI, so that the token request must repeat it. */
  redirectUriWasSent: boolean;
  codeChallenge: string;
  resource: string;
  scopes: string[];
  /** The code can be redeemed until here. */
  expiresAt: number;
  redeemedAt?: number;
}

/** Presence of this record is what makes an access token valid; the JWT's signature alone is not enough. */
export interface AccessTokenRecord {
  tokenId: string;
  grantId: string;
  clientId: string;
  subject: string;
  resource: string;
  scopes: string[];
  issuedAt: number;
  expiresAt: number;
}

/** See `oauth/refresh-rotation.ts` for the life of a refresh token. */
export interface RefreshTokenRecord {
  grantId: string;
  clientId: string;
  issuedAt: number;
  expiresAt: number;
  /** SHA-256 of the token this one replaced. */
  predecessor?: string;
  rotation?: {
    /** First use; the grace window counts from here. */
    usedAt: number;
    /** Random; together with the token itself it yields the successor again. Absent once the successor was used. */
    salt?: string;
  };
}

/** An authorization request on its way through login and consent, bound to one browser. */
export interface InteractionRecord {
  clientId: string;
  redirectUri: string;
  redirectUriWasSent: boolean;
  state?: string;
  codeChallenge: string;
  resource: string;
  scopes: string[];
  prompt?: "login" | "consent";
  /** Random; with the interaction's cookie it yields what our forms must carry (RFC 6749 §10.12). Renewed at login. */
  csrf: string;
  /** Set while the person is with an identity provider, or at the form of one that has no page of its own. */
  login?: {
    provider: string;
    pending: PendingLogin;
    /** SHA-256 of the state its answer must carry. */
    state: string;
    form?: LoginForm;
  };
  /** Set once the person is known. */
  identity?: Identity;
}

/** A validated authorization request that waits for the browser (RFC 9126). */
export interface PushedRequestRecord {
  clientId: string;
  interaction: Omit<InteractionRecord, "csrf">;
  /** `prompt=none` */
  isSilent: boolean;
}

/** A browser that has logged in (the cookie's record). */
export interface LoginSessionRecord {
  identity: Identity;
  provider: string;
  createdAt: number;
}

/** A key that signs access tokens. `kid` is its RFC 7638 thumbprint. */
export interface SigningKeyRecord {
  kid: string;
  algorithm: "ES256";
  privateJwk: { [member: string]: string };
  createdAt: number;
}
