/**
 * Records of OAuth clients.
 */
import type { JsonWebKey } from "node:crypto";

/** An OAuth client, RFC 7591 §2. `metadata` keeps wire spelling because it is echoed as it came. */
export interface ClientRecord {
  clientId: string;
  metadata: ClientMetadata;
  /** SHA-256 of the client secret; absent for public clients. */
  secretDigest?: string;
  /** SHA-256 of the registration access token (RFC 7592); absent where nobody may manage the client over HTTP. */
  registrationDigest?: string;
  registeredAt: number;
  /** Last time it was given tokens, up to an hour late; absent while it never was. */
  lastUsedAt?: number;
  via: "registration" | "command" | "document";
  /** Services it may get tokens for without a person; only ever set by an operator. */
  services?: string[];
  /** Services whose tokens it may introspect: it is one of their own programs (RFC 7662 §2.1). */
  introspects?: string[];
}

export interface ClientMetadata {
  redirect_uris: string[];
  token_endpoint_auth_method:
    | "none"
    | "client_secret_basic"
    | "client_secret_post"
    | "private_key_jwt";
  /** Only of a metadata document that offers both: each of them is right. */
  token_endpoint_auth_methods_supported?: ("none" | "private_key_jwt")[];
  /** For `private_key_jwt`: the JWS algorithm its assertions have; any we support when absent. */
  token_endpoint_auth_signing_alg?: string;
  /** Public keys; this or `jwks_uri`. */
  jwks?: { keys: JsonWebKey[] };
  jwks_uri?: string;
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
  /** The client wants no tokens that are not bound to a key (RFC 9449 §5.2). */
  dpop_bound_access_tokens?: true;
}

/** That the description a client has put at its id may be believed; see oauth/client-metadata-document.ts. */
export interface MetadataDocumentRecord {
  clientId: string;
  /** Last time a usable document came. */
  fetchedAt: number;
  /** Not fetched again before. */
  freshUntil: number;
  /** Set when the last fetch failed: not tried again before. */
  retryAt?: number;
  /** Whether there has been a grant. */
  isInUse: boolean;
}
