/** What a page may read besides the safelisted headers. Without the first no browser client can start a login. */
export const EXPOSED_HEADERS =
  "WWW-Authenticate, DPoP-Nonce, Mcp-Session-Id, MCP-Protocol-Version, Retry-After";
