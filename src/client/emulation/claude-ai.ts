/**
 * claude.ai, Claude Desktop's connectors and the mobile applications: all of them log in from Anthropic's servers. It
 * registers twice for one login, and two of its machines refresh the same token at the same time.
 */
import { USUAL_GRANTS, type Emulation } from "./emulation.ts";

const REDIRECT_URI = "https://claude.ai/api/mcp/auth_callback";

export const claudeAi: Emulation = {
  id: "claude",
  title: "claude.ai",
  headers: {
    "user-agent": "python-httpx/0.28.1",
    accept: "*/*",
    "mcp-protocol-version": "2025-11-25",
  },
  protocolVersion: "2025-11-25",
  resourceMetadata: ["challenge", "path", "root"],
  serverMetadata: ["oauth-authorization-server"],
  // Its URL type writes a bare origin with a slash.
  resource: (identifier) => new URL(identifier).href,
  scopes: "challenge",
  document: {
    url: "https://claude.ai/oauth/mcp-oauth-client-metadata",
    members: {
      client_name: "Claude",
      client_uri: "https://claude.ai",
      redirect_uris: [REDIRECT_URI, "https://claude.com/api/mcp/auth_callback"],
      grant_types: USUAL_GRANTS,
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    },
  },
  registrations: 2,
  registration: () => ({
    client_name: "Claude",
    redirect_uris: [REDIRECT_URI],
    grant_types: USUAL_GRANTS,
    response_types: ["code"],
    token_endpoint_auth_method: "client_secret_post",
  }),
  redirectUri: () => REDIRECT_URI,
};
