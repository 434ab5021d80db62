/**
 * Records of sessions that may outlive the process that serves them.
 */

/** An MCP session that may go on in a fresh server, see session-memory.ts. */
export interface McpSessionRecord {
  /** The gateway process that serves it, or did last. */
  owner: string;
  service: string;
  /** Digest of what the service's configuration says about its server. */
  configuration: string;
  subject: string;
  clientId: string;
  grantId: string;
  resource: string;
  /** `params` of the client's `initialize`. */
  introduction: { readonly [member: string]: unknown };
  /** Digest of what the server answered. */
  answer: string;
  logLevel?: string;
  /** URIs. */
  subscriptions: readonly string[];
  openedAt: number;
}

/** That a gateway which shares the store is alive. */
export interface GatewayProcessRecord {
  /** How often it has said so. */
  beats: number;
}
