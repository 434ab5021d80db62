/**
 * Perplexity and its like (n8n, Mistral, LibreChat, API management products): a server of theirs that expects a secret from
 * the registration and proves itself with it.
 */
import { asIs, BOTH_NAMES, USUAL_GRANTS, type Emulation } from "./emulation.ts";

const REDIRECT_URI = "https://www.perplexity.ai/rest/connections/oauth_callback";

export const perplexity: Emulation = {
  id: "perplexity",
  title: "Perplexity",
  headers: { "user-agent": "python-httpx/0.28.1", accept: "*/*" },
  protocolVersion: "2025-06-18",
  resourceMetadata: ["challenge", "path", "root"],
  serverMetadata: BOTH_NAMES,
  resource: asIs,
  scopes: "challenge",
  registration: () => ({
    client_name: "Perplexity",
    redirect_uris: [REDIRECT_URI],
    grant_types: USUAL_GRANTS,
    response_types: ["code"],
    token_endpoint_auth_method: "client_secret_basic",
  }),
  redirectUri: () => REDIRECT_URI,
};
