/**
 * A client of the revision 2025-03-26: it knows no metadata of resources and no `resource` parameter; the authorization
 * server is the origin of the endpoint, and without a document there its endpoints are `/authorize`, `/token`, `/register`.
 */
import { USUAL_GRANTS, type Emulation } from "./emulation.ts";

const redirectUri = (port: number): string => `http://localhost:${port}/callback`;

export const early: Emulation = {
  id: "2025-03-26",
  title: "A client of 2025-03-26",
  headers: { "user-agent": "node", accept: "*/*", "mcp-protocol-version": "2025-03-26" },
  protocolVersion: "2025-03-26",
  resourceMetadata: [],
  serverMetadata: ["oauth-authorization-server"],
  guessesEndpoints: true,
  resource: () => undefined,
  scopes: "challenge",
  registration: (port) => ({
    client_name: "mcp",
    redirect_uris: [redirectUri(port)],
    grant_types: USUAL_GRANTS,
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  }),
  redirectUri,
};
