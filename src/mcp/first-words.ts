/**
 * What the gateway says to a server on its own account, before anybody else does.
 */
import type { JsonRpcRequest } from "./json-rpc.ts";
import { LEGACY_VERSIONS, MODERN_VERSION, RESERVED } from "./revisions.ts";

export const CLIENT_INFO = { name: "mcp-gateway", version: "1" };

/** `_meta` of a modern request of ours; we can be asked nothing. */
export const OWN_META = {
  [`${RESERVED}protocolVersion`]: MODERN_VERSION,
  [`${RESERVED}clientInfo`]: CLIENT_INFO,
  [`${RESERVED}clientCapabilities`]: {},
};

/** What a client of modern revisions begins with. */
export const DISCOVER: JsonRpcRequest = {
  jsonrpc: "2.0",
  id: 1,
  method: "server/discover",
  params: { _meta: OWN_META },
};

/** What a client of the older revisions begins with. */
export const INITIALIZE: JsonRpcRequest = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: LEGACY_VERSIONS[0], capabilities: {}, clientInfo: CLIENT_INFO },
};
