/**
 * VS Code with Copilot. It follows the challenge's `resource_metadata` and looks nowhere else, registers port 33418, and
 * comes back on any other one when that is taken (RFC 8252 §7.3).
 */
import { asIs, BOTH_NAMES, type Emulation } from "./emulation.ts";

export const vsCode: Emulation = {
  id: "vscode",
  title: "VS Code",
  headers: { "user-agent": "Visual Studio Code/1.107.0", accept: "application/json" },
  protocolVersion: "2025-11-25",
  resourceMetadata: ["challenge"],
  serverMetadata: BOTH_NAMES,
  resource: asIs,
  scopes: "challenge",
  document: {
    url: "https://vscode.dev/oauth/client-metadata.json",
    members: {
      client_name: "Visual Studio Code",
      client_uri: "https://code.visualstudio.com",
      redirect_uris: [
        "http://127.0.0.1:33418/",
        "http://127.0.0.1/",
        "https://vscode.dev/redirect",
        "https://insiders.vscode.dev/redirect",
      ],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
      application_type: "native",
    },
  },
  registration: () => ({
    client_name: "Visual Studio Code",
    client_uri: "https://code.visualstudio.com",
    redirect_uris: [
      "https://insiders.vscode.dev/redirect",
      "https://vscode.dev/redirect",
      "http://127.0.0.1/",
      "http://127.0.0.1:33418/",
    ],
    grant_types: [
      "authorization_code",
      "refresh_token",
      "urn:ietf:params:oauth:grant-type:device_code",
    ],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
    application_type: "native",
  }),
  redirectUri: (port) => `http://127.0.0.1:${port}/`,
};
