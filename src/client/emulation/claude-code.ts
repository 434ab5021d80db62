/**
 * Claude Code in a terminal. Its metadata document names loopback redirects without a port, and every login takes another
 * one; before it says `initialize` it asks whether the server speaks the revision 2026-07-28.
 */
import { asIs, BOTH_NAMES, USUAL_GRANTS, type Emulation } from "./emulation.ts";

const redirectUri = (port: number): string => `http://127.0.0.1:${port}/callback`;

export const claudeCode: Emulation = {
  id: "claude-code",
  title: "Claude Code",
  headers: { "user-agent": "claude-code/2.1.229 (cli)", accept: "application/json" },
  protocolVersion: "2025-11-25",
  probe: "server/discover",
  resourceMetadata: ["challenge", "path", "root"],
  serverMetadata: BOTH_NAMES,
  resource: asIs,
  scopes: "challenge",
  document: {
    url: "https://claude.ai/oauth/claude-code-client-metadata",
    members: {
      client_name: "Claude Code",
      client_uri: "https://claude.ai",
      redirect_uris: ["http://localhost/callback", "http://127.0.0.1/callback"],
      grant_types: USUAL_GRANTS,
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    },
  },
  registration: (port) => ({
    client_name: "Claude Code",
    redirect_uris: [redirectUri(port)],
    grant_types: USUAL_GRANTS,
    response_types: ["code"],
    token_endpoint_auth_method: "none",
    application_type: "native",
  }),
  redirectUri,
};
