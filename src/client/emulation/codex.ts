/**
 * Codex: a GET without `Accept` before anything else, no look at the challenge's `resource_metadata`, and every scope the
 * authorization server lists.
 */
import { asIs, USUAL_GRANTS, type Emulation } from "./emulation.ts";

const redirectUri = (port: number): string => `http://127.0.0.1:${port}/callback/2f6d8a`;

export const codex: Emulation = {
  id: "codex",
  title: "Codex",
  headers: { "user-agent": "codex_cli_rs/0.147.0" },
  protocolVersion: "2025-06-18",
  probe: "bare get",
  resourceMetadata: ["path", "root"],
  serverMetadata: ["oauth-authorization-server"],
  resource: asIs,
  scopes: "server",
  registration: (port) => ({
    client_name: "Codex",
    redirect_uris: [redirectUri(port)],
    grant_types: USUAL_GRANTS,
    response_types: ["code"],
    token_endpoint_auth_method: "none",
    application_type: "native",
  }),
  redirectUri,
};
