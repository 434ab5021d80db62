/**
 * Gemini CLI: a loopback redirect on port 7777 or any other, an empty `scope` in its registration, and no look at the path
 * when the challenge names no metadata.
 */
import { asIs, USUAL_GRANTS, type Emulation } from "./emulation.ts";

const redirectUri = (port: number): string => `http://localhost:${port}/oauth/callback`;

export const geminiCli: Emulation = {
  id: "gemini",
  title: "Gemini CLI",
  headers: { "user-agent": "node", accept: "application/json, application/x-www-form-urlencoded" },
  protocolVersion: "2025-06-18",
  resourceMetadata: ["challenge", "root"],
  serverMetadata: ["oauth-authorization-server", "openid-configuration"],
  resource: asIs,
  scopes: "challenge",
  registration: (port) => ({
    client_name: "Gemini CLI MCP Client",
    redirect_uris: [redirectUri(port)],
    grant_types: USUAL_GRANTS,
    response_types: ["code"],
    token_endpoint_auth_method: "none",
    scope: "",
  }),
  redirectUri,
};
