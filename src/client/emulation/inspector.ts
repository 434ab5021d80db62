/**
 * MCP Inspector: a page on loopback, so every question is a browser's. What an answer does not open by CORS, the 401 and
 * the 404 included, it never sees.
 */
import { asIs, BOTH_NAMES, USUAL_GRANTS, type Emulation } from "./emulation.ts";

const REDIRECT_URI = "http://localhost:6274/oauth/callback";

export const inspector: Emulation = {
  id: "inspector",
  title: "MCP Inspector",
  headers: {
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    accept: "*/*",
    "mcp-protocol-version": "2025-11-25",
  },
  origin: "http://localhost:6274",
  protocolVersion: "2025-11-25",
  // It asks for the bare origin first, and must be able to read the 404.
  resourceMetadata: ["root", "path", "challenge"],
  serverMetadata: BOTH_NAMES,
  resource: asIs,
  scopes: "challenge",
  registration: () => ({
    client_name: "MCP Inspector",
    client_uri: "https://github.com/modelcontextprotocol/inspector",
    redirect_uris: [REDIRECT_URI, `${REDIRECT_URI}/debug`],
    grant_types: USUAL_GRANTS,
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  }),
  redirectUri: () => REDIRECT_URI,
};
