/**
 * The verified caller of one request. The first five members carry the names and meaning of the MCP SDK's `AuthInfo`,
 * so that anybody who knows the SDK can read ours; the raw token is left out on purpose: nothing behind the
 * verification may see it.
 */
import { deriveToken } from "./random.ts";

export interface AuthInfo {
  readonly clientId: string;
  readonly scopes: readonly string[];
  /** Seconds since the epoch. */
  readonly expiresAt: number;
  /** Canonical resource URI: the token's only audience (RFC 8707). */
  readonly resource: string;
  /** Stable identifier of the person, `<provider>:<id>`; for a client that acts for itself, its client id. */
  readonly subject: string;
  /** Grant id, the `gid` claim: the family that dies together. */
  readonly grantId: string;
  /** Token id, the `jti` claim. */
  readonly tokenId: string;
  /** Display only. */
  readonly name?: string;
  readonly email?: string;
  /** What rules are about. Absent for a client that acts for itself. */
  readonly identity?: Identity;
  /** Version of the secrets the person has entered for the service; only within the bridge, where it asks for some. */
  readonly credentials?: string;
}

/** In which headers a reverse proxy hands the caller on to the server behind; there is none for the token. */
export const IDENTITY_HEADERS = {
  subject: "X-Auth-Subject",
  client: "X-Auth-Client",
  scope: "X-Auth-Scope",
  name: "X-Auth-Name",
  email: "X-Auth-Email",
} as const;

/**
 * Who owns an MCP session, a continuation, an event stream: all three must match, and possession of an identifier is
 * never enough (mcp-security, "session hijacking").
 */
export function principalOf(auth: AuthInfo): string {
  return JSON.stringify([auth.subject, auth.clientId, auth.resource]);
}

/** Which person it is, as an identity provider told us. `subject` is `<provider>:<id>` and never changes. */
export interface Identity {
  subject: string;
  name?: string;
  email?: string;
  /** What allow rules are about (config/allow.ts); of groups and organisations only those that rules named at login. */
  emailVerified?: boolean;
  /** May be given to somebody else one day. */
  login?: string;
  groups?: string[];
  /** `acme`, and `acme/platform` for a team. */
  organizations?: string[];
  /** Which account of the gateway's own it is, and which of its accesses the person came by (server/accounts). */
  account?: { name: string; credential: string };
}

/** What an identity provider wants back when the person returns; opaque to everybody else. */
export type PendingLogin = { [key: string]: string | number | boolean };

/** What our own login page asks for when the provider has no page of its own. */
export interface LoginForm {
  title: string;
  explanation: string;
  button: string;
  fields: LoginField[];
  /** What a passkey may sign instead; the answer is a field of this name. */
  passkey?: PasskeyRequest;
}

export interface PasskeyRequest {
  /** The host name passkeys of this gateway belong to. */
  rpId: string;
}

/** What a passkey signs to log in. Made from the state of the login, which is 256 random bits and not stored. */
export function passkeyChallenge(state: string): string {
  return deriveToken(state, "passkey challenge");
}

export interface LoginField {
  name: string;
  label: string;
  type: "text" | "password";
  autocomplete: "one-time-code" | "username" | "current-password";
}
