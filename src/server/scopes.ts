/**
 * Every scope there is. A scope opens something at a resource, or asks for something of the authorization server alone;
 * only the former is ever named in protected resource metadata or in a challenge.
 */

/** What a token needs to call a service at all. */
export const REQUIRED_SCOPE = "mcp";

export interface Scope {
  readonly name: string;
  /** What the person reads on the consent page, after "wants to". */
  readonly explanation: string;
  /** Whether it opens something at a resource (RFC 9728 `scopes_supported`). */
  readonly opensResource: boolean;
}

export const SCOPES: readonly Scope[] = [
  {
    name: REQUIRED_SCOPE,
    explanation: "use the tools, prompts and resources of this service",
    opensResource: true,
  },
  {
    // Clients ask for it only when the authorization server lists it; a resource must not (OpenID Connect Core §11).
    name: "offline_access",
    explanation: "stay connected while you are away",
    opensResource: false,
  },
];

/** What is granted to a client that names no scope (RFC 6749 §3.3). */
export const DEFAULT_SCOPES: readonly string[] = [REQUIRED_SCOPE];
