/**
 * ChatGPT's applications and connectors. Each connector has a callback of its own; it goes on only where refresh tokens may
 * be asked for by `offline_access`; its pages ask from the browser for the metadata; and its metadata document leaves the
 * choice between a key and nothing.
 */
import { asIs, BOTH_NAMES, USUAL_GRANTS, type Emulation } from "./emulation.ts";

const REDIRECT_URI = "https://chatgpt.com/connector/oauth/OUbdUMlL15Ct";

export const chatGpt: Emulation = {
  id: "chatgpt",
  title: "ChatGPT",
  headers: { "user-agent": "openai-mcp/1.0.0", accept: "application/json" },
  origin: "https://chatgpt.com",
  protocolVersion: "2025-11-25",
  resourceMetadata: ["challenge", "path", "root"],
  serverMetadata: BOTH_NAMES,
  resource: asIs,
  scopes: "challenge",
  wantsOffline: true,
  document: {
    url: "https://chatgpt.com/oauth/client-metadata.json",
    members: {
      client_name: "ChatGPT",
      client_uri: "https://chatgpt.com",
      redirect_uris: [REDIRECT_URI],
      grant_types: USUAL_GRANTS,
      response_types: ["code"],
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_methods_supported: ["private_key_jwt", "none"],
    },
  },
  registration: () => ({
    client_name: "ChatGPT",
    redirect_uris: [REDIRECT_URI, "https://chatgpt.com/connector_platform_oauth_redirect"],
    grant_types: USUAL_GRANTS,
    response_types: ["code"],
    token_endpoint_auth_method: "client_secret_basic",
  }),
  redirectUri: () => REDIRECT_URI,
};
