/**
 * How one client behaves on the wire, as data: what differs between clients stands here, what they share is in login.ts and
 * the files of its steps. Written down from what the clients were seen to send.
 */
export interface Emulation {
  /** As it is called on the command line. */
  readonly id: string;
  readonly title: string;
  /** Headers of every request. Nothing else is added but what a request itself needs. */
  readonly headers: Readonly<Record<string, string>>;
  /** It is a page of this origin: a browser asks before most requests, and hides what the answer does not open. */
  readonly origin?: string;
  /** MCP revision of its `initialize`. */
  readonly protocolVersion: string;
  /** What it sends before `initialize`: a GET without any `Accept`, or the first request of 2026-07-28. */
  readonly probe?: "bare get" | "server/discover";
  /** Where it looks for the metadata of the protected resource, in this order; nowhere before 2025-06-18. */
  readonly resourceMetadata: readonly ("challenge" | "path" | "root")[];
  /** Names under which it looks for the metadata of the authorization server, in this order. */
  readonly serverMetadata: readonly ServerMetadataName[];
  /** Without metadata it takes `/authorize`, `/token` and `/register` of the origin (2025-03-26). */
  readonly guessesEndpoints?: true;
  /** The `resource` parameter, from the identifier in the metadata; undefined when it sends none. */
  readonly resource: (identifier: string) => string | undefined;
  /** Where its scopes come from. */
  readonly scopes: "challenge" | "server";
  /** Asks for `offline_access` when the server lists it. */
  readonly wantsOffline?: true;
  /** The client metadata document it names itself by, where the server takes one. */
  readonly document?: { readonly url: string; readonly members: Readonly<Record<string, unknown>> };
  /** How often it registers for one login. */
  readonly registrations?: number;
  /** What it registers, RFC 7591. @param port of its loopback listener, where it has one */
  readonly registration: (port: number) => Registration;
  /** Where it wants the browser to come back. */
  readonly redirectUri: (port: number) => string;
}

export type ServerMetadataName = "oauth-authorization-server" | "openid-configuration";

interface Registration extends Readonly<Record<string, unknown>> {
  readonly redirect_uris: readonly string[];
}

/** The identifier as the metadata spells it. */
export const asIs = (identifier: string): string => identifier;

/** Both names of the document, in the order MCP gives. */
export const BOTH_NAMES: readonly ServerMetadataName[] = [
  "oauth-authorization-server",
  "openid-configuration",
];

/** Grant types most clients register. */
export const USUAL_GRANTS = ["authorization_code", "refresh_token"] as const;
