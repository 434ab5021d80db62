/**
 * mcp-remote: a host that only starts programs runs one for each window, so several log in at once, each with a port and a
 * registration of its own, and a stored client id is used long after the server has forgotten it.
 */
import { asIs, BOTH_NAMES, USUAL_GRANTS, type Emulation } from "./emulation.ts";

const redirectUri = (port: number): string => `http://localhost:${port}/oauth/callback`;

export const mcpRemote: Emulation = {
  id: "mcp-remote",
  title: "mcp-remote",
  headers: { "user-agent": "node", accept: "*/*" },
  protocolVersion: "2025-06-18",
  resourceMetadata: ["challenge", "path", "root"],
  serverMetadata: BOTH_NAMES,
  resource: asIs,
  scopes: "challenge",
  registration: (port) => ({
    client_name: "MCP CLI Client",
    client_uri: "https://github.com/modelcontextprotocol/mcp-cli",
    redirect_uris: [redirectUri(port)],
    grant_types: USUAL_GRANTS,
    response_types: ["code"],
    token_endpoint_auth_method: "none",
    software_id: "2e6dc280-f3c3-4e01-99a7-8181dbd1d23d",
    software_version: "0.1.38",
  }),
  redirectUri,
};
