/**
 * Every scope there is, by resource.
 *
 * `mcp` opens a service. Groups of tools may have a scope each (`services.<name>.scopes`), which is needed besides. The rule:
 * a tool needs the scopes of *all* groups it falls into, so that a group can only take away and never, by a pattern that is
 * wider than was meant, open what another one guards. A scope that is to be as good as others says so (`includes`).
 *
 * `offline_access` asks for something of the authorization server alone: it is never named in protected resource metadata
 * or in a challenge.
 */
import type { ServiceConfig } from "../config.ts";

/** What a token needs to call a service at all. */
export const REQUIRED_SCOPE = "mcp";

/** What a client asks for that wants to refresh. */
export const OFFLINE_SCOPE = "offline_access";

/** What a token needs to administer the gateway. No client is offered it: it stands in the administration's own metadata only. */
export const ADMIN_SCOPE = "gateway:admin";

/** What is granted to a client that names no scope (RFC 6749 §3.3). */
export const DEFAULT_SCOPES: readonly string[] = [REQUIRED_SCOPE];

export interface Scope {
  readonly name: string;
  /** What the person reads on the consent page, after "It will be able to". */
  readonly explanation: string;
  /** Whether it opens something at a resource. */
  readonly opensResource: boolean;
  /** Which tools need it; absent when it guards no tools of its own. */
  readonly guards?: {
    /** Names, in which `*` stands for anything. */
    readonly tools: readonly string[];
    /** Scopes it is as good as. */
    readonly includes: readonly string[];
  };
}

const BASE: Scope = {
  name: REQUIRED_SCOPE,
  explanation: "use the tools, prompts and resources of this service",
  opensResource: true,
};

/** Clients ask for it only when the authorization server lists it; a resource must not (OpenID Connect Core §11). */
const OFFLINE: Scope = {
  name: OFFLINE_SCOPE,
  explanation: "stay connected while you are away",
  opensResource: false,
};

/** Those of the gateway's own administration. */
export const ADMIN_SCOPES: readonly Scope[] = [
  {
    name: ADMIN_SCOPE,
    explanation:
      "administer this gateway: see who is connected, end their access, register clients, replace keys",
    opensResource: true,
  },
  OFFLINE,
];

/** The scopes of one service, in the order in which people read them. */
export function serviceScopes(service: Pick<ServiceConfig, "scopes"> | undefined): Scope[] {
  const groups = Object.entries(service?.scopes ?? {}).map(
    ([name, { description, tools, includes }]): Scope => ({
      name,
      explanation: description,
      opensResource: true,
      guards: { tools, includes },
    }),
  );
  return [BASE, ...groups, OFFLINE];
}
