/**
 * Everything the gateway keeps: each kind of record, its key, its owner and its lifetime. Read this first.
 *
 *   kind               key                        owner    lives
 *   client             client_id                  -        until revoked; one that registered itself: registration.unusedClient
 *                                                          until its first token, registration.idleClient from its last
 *                                                          `document`: as long as grants of it may live
 *   recentRegistration SHA-256 of source + metadata client   10 minutes
 *   metadataDocument   client_id, an https URL    client   7 days from its last fetch, a day while it has no grant
 *   grant              grant id (`gid`)           client   tokens.grant
 *   consent            SHA-256 of who, whom, what client   tokens.grant from the last time the person was asked
 *   authorizationCode  SHA-256 of the code        grant    a day: a late second use must be recognised
 *   accessToken        `jti`                      grant    until the token's `exp`
 *   refreshToken       SHA-256 of the token       grant    tokens.refreshToken; rotated ones stay as long, as evidence
 *   interaction        SHA-256 of handle + cookie client   10 minutes
 *   pushedRequest      SHA-256 of the reference   client   60 seconds, one use
 *   deviceCode         SHA-256 of the device code client   20 minutes, of which 10 are good; one redemption
 *   userCode           HMAC of the user code      -        10 minutes, until the decision
 *   loginSession       SHA-256 of its cookie      -        12 hours
 *   usedAssertion      SHA-256 of issuer + `jti`  -        until the assertion's `exp`
 *   mcpSession         SHA-256 of Mcp-Session-Id  grant    limits.sessionLifetime, or until it ends
 *   gatewayProcess     random                     -        7 seconds from its last sign of life
 *   signingKey         `kid`                      -        until the last token it signed has died
 *   credential         SHA-256 of person, service -        until the person or the operator removes it; survives every grant
 *   keyRing            `signing`                  -        for ever
 *   account            its name                   -        until the operator removes it
 *   invitation         SHA-256 of its link's code -        `invitation` of the provider; one use
 *   passkey            SHA-256 of credential id   -        until the person removes it, or the operator its account's access
 *   passkeyChallenge   as its loginSession        -        5 minutes, one use
 *
 * No record holds a secret in clear: people's credentials are encrypted (seal.ts), passwords are under scrypt; codes, tokens,
 * cookies and client secrets are SHA-256 digests (256 random bits need neither salt nor a slow hash). Times are seconds since
 * the epoch. A record is plain JSON without `undefined`.
 *
 * Ownership: a record with `grantId` dies with that grant (`deleteGrant`), one with `clientId` can be listed by client.
 */
import type { Identity } from "../../auth-info.ts";
import type { AccountRecord, InvitationRecord } from "./account-records.ts";
import type { ClientRecord, MetadataDocumentRecord } from "./client-records.ts";
import type { ConsentRecord, LoginProgress, VisitRecord } from "./consent-records.ts";
import type { CredentialRecord } from "./credential-records.ts";
import type { KeyRingRecord, SigningKeyRecord } from "./key-records.ts";
import type { PasskeyChallengeRecord, PasskeyRecord } from "./passkey-records.ts";
import type { GatewayProcessRecord, McpSessionRecord } from "./session-records.ts";

export interface Records {
  client: ClientRecord;
  /** See `oauth/registration-reuse.ts`. */
  recentRegistration: Pick<ClientRecord, "clientId">;
  metadataDocument: MetadataDocumentRecord;
  grant: GrantRecord;
  consent: ConsentRecord;
  authorizationCode: AuthorizationCodeRecord;
  accessToken: AccessTokenRecord;
  refreshToken: RefreshTokenRecord;
  interaction: InteractionRecord | VisitRecord;
  pushedRequest: PushedRequestRecord;
  deviceCode: DeviceCodeRecord;
  userCode: UserCodeRecord;
  loginSession: LoginSessionRecord;
  usedAssertion: UsedAssertionRecord;
  mcpSession: McpSessionRecord;
  gatewayProcess: GatewayProcessRecord;
  signingKey: SigningKeyRecord;
  keyRing: KeyRingRecord;
  account: AccountRecord;
  invitation: InvitationRecord;
  passkey: PasskeyRecord;
  passkeyChallenge: PasskeyChallengeRecord;
  credential: CredentialRecord;
}

export type Kind = keyof Records;

/**
 * Whether a write must be on disk before its caller goes on. Losing a lazy record in a crash costs somebody a click, losing
 * a durable one breaks a promise (a consumed code would live again).
 */
export const DURABILITY: Readonly<Record<Kind, "durable" | "lazy">> = {
  client: "durable",
  recentRegistration: "lazy",
  metadataDocument: "durable",
  grant: "durable",
  consent: "durable",
  authorizationCode: "durable",
  accessToken: "durable",
  refreshToken: "durable",
  interaction: "lazy",
  pushedRequest: "lazy",
  deviceCode: "durable",
  userCode: "lazy",
  loginSession: "lazy",
  usedAssertion: "durable",
  mcpSession: "lazy",
  gatewayProcess: "lazy",
  signingKey: "durable",
  keyRing: "durable",
  account: "durable",
  invitation: "durable",
  passkey: "durable",
  passkeyChallenge: "lazy",
  credential: "durable",
};

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
  /** Last time tokens were issued from it, up to an hour late. */
  lastUsedAt?: number;
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
  /** Thumbprint of the only key that may redeem it (RFC 9449 §10). */
  jkt?: string;
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
  /** Thumbprint of the key it is bound to (RFC 9449 §6). */
  jkt?: string;
}

/** See `oauth/refresh-rotation.ts` for the life of a refresh token. */
export interface RefreshTokenRecord {
  grantId: string;
  clientId: string;
  issuedAt: number;
  expiresAt: number;
  /** Thumbprint of the key it is bound to; only of public clients, others are bound by their authentication (RFC 9449 §5). */
  jkt?: string;
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
export interface InteractionRecord extends LoginProgress {
  clientId: string;
  redirectUri: string;
  redirectUriWasSent: boolean;
  state?: string;
  codeChallenge: string;
  /** `dpop_jkt`, RFC 9449 §10. */
  jkt?: string;
  resource: string;
  scopes: string[];
  prompt?: "login" | "consent";
  /** Key of the device code that waits for the answer; then the answer is no redirect. */
  device?: string;
}

/** A validated authorization request that waits for the browser (RFC 9126). */
interface PushedRequestRecord {
  clientId: string;
  interaction: Omit<InteractionRecord, "csrf">;
  /** `prompt=none` */
  isSilent: boolean;
}

/** A device that waits for a person's answer, see `oauth/device-code.ts`. */
export interface DeviceCodeRecord {
  clientId: string;
  resource: string;
  scopes: string[];
  /** Key of its user code's record. */
  userCodeId: string;
  status: "pending" | "approved" | "denied";
  /** Once approved. */
  grantId?: string;
  /** Seconds the device must wait between polls. */
  interval: number;
  expiresAt: number;
}

/** What a person types to find the device code. */
interface UserCodeRecord {
  /** Key of the device code's record. */
  device: string;
  /** SHA-256 of the cookie of the browser that has entered it; no other can any more. */
  browser?: string;
}

/** A browser that has logged in (the cookie's record). */
export interface LoginSessionRecord {
  identity: Identity;
  provider: string;
  createdAt: number;
}

/** A signed assertion that has done its work: presented again it is refused (RFC 7523 §3). */
interface UsedAssertionRecord {
  usedAt: number;
}
