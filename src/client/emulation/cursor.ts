/**
 * Cursor: one registration with three redirect URIs of three kinds (the editor's own scheme, its cloud agents, its command
 * line). A server that refuses the whole list for one of them ends it at "Transient error".
 */
import { asIs, BOTH_NAMES, USUAL_GRANTS, type Emulation } from "./emulation.ts";

const REDIRECT_URI = "cursor://anysphere.cursor-mcp/oauth/callback";

export const cursor: Emulation = {
  id: "cursor",
  title: "Cursor",
  headers: { "user-agent": "Cursor/3.14.0 (linux x64)", accept: "*/*" },
  protocolVersion: "2025-06-18",
  resourceMetadata: ["challenge", "path", "root"],
  serverMetadata: BOTH_NAMES,
  resource: asIs,
  scopes: "challenge",
  registration: () => ({
    client_name: "Cursor",
    redirect_uris: [
      REDIRECT_URI,
      "https://www.cursor.com/agents/mcp/oauth/callback",
      "http://localhost:8787/callback",
    ],
    grant_types: USUAL_GRANTS,
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  }),
  redirectUri: () => REDIRECT_URI,
};
