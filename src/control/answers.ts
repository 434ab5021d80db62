/**
 * What the control API answers, and what it is asked with: the contract between commands and the gateway that runs.
 *
 * Times are seconds since the epoch. Nothing here carries a secret, with one exception: `RegisteredClient.clientSecret`,
 * shown once.
 */
import type { ServiceStatus } from "./services.ts";

export interface GatewayStatus {
  version: string;
  /** The issuer: the address people and clients use. */
  url: string;
  pid: number;
  startedAt: number;
  /** Seconds since the start. */
  uptime: number;
  services: ServiceStatus[];
  clients: number;
  grants: number;
  accessTokens: number;
  sessions: number;
}

/** Who is asking, as the gateway sees it. */
export interface CallerSummary {
  /** local: the socket, which only the user has whom the gateway runs as. */
  door: "local" | "remote";
  /** The issuer: the address people and clients use. */
  url: string;
  /** The rest is there at the remote door only. */
  subject?: string;
  name?: string;
  email?: string;
  clientId?: string;
  scopes?: string[];
  /** End of the access token. */
  expiresAt?: number;
}

export interface ClientSummary {
  clientId: string;
  /** What the client calls itself. */
  name?: string;
  kind: "public" | "confidential";
  redirectUris: string[];
  scope?: string;
  registeredAt: number;
  /** When it last got tokens, to the hour; absent when never, or not known. */
  lastUsedAt?: number;
  via: "registration" | "command" | "document";
  /** How many are alive. */
  grants: number;
  accessTokens: number;
  sessions: number;
  /** Nothing of it is alive, nobody has used it for an hour, and no operator has registered it. */
  isStale: boolean;
}

export interface PrunedClients {
  clientIds: string[];
}

export interface RegisterClient {
  name?: string | undefined;
  /** Needed when it asks for authorization codes. */
  redirectUris?: string[] | undefined;
  /** How it proves itself at the token endpoint; `none` unless told. */
  authMethod?:
    | "none"
    | "client_secret_basic"
    | "client_secret_post"
    | "private_key_jwt"
    | undefined;
  /** As on the wire; authorization_code and refresh_token unless told. */
  grantTypes?: string[] | undefined;
  /** Services it may call without a person (client_credentials). */
  services?: string[] | undefined;
  /** Services whose tokens it may introspect. */
  introspects?: string[] | undefined;
  /** Its public keys (RFC 7517 §5), or where they are, for private_key_jwt. */
  jwks?: unknown;
  jwksUri?: string | undefined;
  /** Space-delimited. */
  scope?: string | undefined;
}

export interface RegisteredClient extends ClientSummary {
  /** Only here and never again; absent for public clients. */
  clientSecret?: string;
}

export interface RevokedClient {
  clientId: string;
  /** How many ended with it. */
  grants: number;
  accessTokens: number;
  sessions: number;
}

export interface AccessTokenSummary {
  tokenId: string;
  grantId: string;
  clientId: string;
  clientName?: string;
  subject: string;
  resource: string;
  scopes: string[];
  issuedAt: number;
  expiresAt: number;
  /** Thumbprint of the key without which it opens nothing (RFC 9449 §6). */
  jkt?: string;
}

export interface GrantSummary {
  grantId: string;
  clientId: string;
  clientName?: string;
  subject: string;
  resource: string;
  scopes: string[];
  createdAt: number;
  expiresAt: number;
  /** Last time tokens were issued from it, up to an hour late; absent while none were. */
  lastUsedAt?: number;
  /** How many are alive. */
  accessTokens: number;
  sessions: number;
}

/** What one person has entered for one service: never a value. */
export interface CredentialSummary {
  credentialId: string;
  service: string;
  subject: string;
  /** When each was entered, by name. */
  entered: { [name: string]: number };
}

export interface SessionSummary {
  sessionId: string;
  service: string;
  era: "legacy" | "modern";
  clientId: string;
  subject: string;
  grantId: string;
  protocolVersion: string;
  clientInfo?: string;
  openedAt: number;
  lastActiveAt: number;
  pid?: number;
  requests: number;
}

/** A key that signs access tokens: its life, never its private part. */
export interface SigningKeySummary {
  kid: string;
  /** published: known to others, signs later; retiring: signs no more, but its tokens live. */
  state: "published" | "active" | "retiring" | "removed";
  createdAt: number;
  signsFrom: number;
  /** Absent while no other key is to follow. */
  signsUntil?: number;
  verifiesUntil?: number;
  /** Whether its private part is encrypted in the store. */
  isEncrypted: boolean;
}

export interface RotatedKeys {
  /** The new key. */
  kid: string;
  signsFrom: number;
  /** Keys that ended at once; none unless it was an emergency. */
  removed: string[];
  /** How many died with them. */
  accessTokens: number;
}
