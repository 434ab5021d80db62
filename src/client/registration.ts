/**
 * How we become a client of an authorization server: known to it before, or registered on the spot (RFC 7591). A client
 * metadata document would need a public address of ours, which a program on somebody's laptop has not.
 */
import * as oauth from "oauth4webapi";
import { UserError } from "../errors.ts";
import { askOptions } from "./oauth-errors.ts";
import type { Web } from "./web.ts";

const DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code";

/** What we are at one authorization server. */
export interface OwnClient {
  clientId: string;
  clientSecret?: string;
  /** Seconds since 1970; the secret and with it the registration is over then. */
  secretExpiresAt?: number;
  /** How it authenticates at the token endpoint, as registered. */
  method?: string;
  redirectUri?: string;
}

/**
 * @throws UserError when this server lets nobody register
 */
export async function register(
  server: oauth.AuthorizationServer,
  redirectUri: string,
  { web, clientName }: { web: Web; clientName: string },
): Promise<OwnClient> {
  if (server.registration_endpoint === undefined) {
    throw new UserError(`${server.issuer} does not let programs register themselves`, {
      hint: "Register one there by hand, with the redirect URI http://127.0.0.1/callback, and pass --client-id (and --client-secret-file).",
    });
  }
  const methods = server.token_endpoint_auth_methods_supported ?? ["none"];
  const method = ["none", "client_secret_basic", "client_secret_post"].find((name) =>
    methods.includes(name),
  );
  const hasDevices = server.device_authorization_endpoint !== undefined;
  const response = await oauth.dynamicClientRegistrationRequest(
    server,
    {
      client_name: clientName,
      software_id: "mcp-gateway",
      application_type: "native",
      redirect_uris: [redirectUri],
      response_types: ["code"],
      grant_types: ["authorization_code", "refresh_token", ...(hasDevices ? [DEVICE_CODE] : [])],
      token_endpoint_auth_method: method ?? "none",
    },
    askOptions(web),
  );
  // RFC 7591 §3.2.1 wants 201; some say 200 and mean it.
  const created =
    response.status === 200
      ? new Response(response.body, { headers: response.headers, status: 201 })
      : response;
  const client = await oauth.processDynamicClientRegistrationResponse(created);
  const { client_id: clientId, client_secret: secret } = client;
  const { token_endpoint_auth_method: given, client_secret_expires_at: expiry } = client;
  return {
    clientId,
    redirectUri,
    method: typeof given === "string" ? given : (method ?? "none"),
    ...(typeof secret === "string" && { clientSecret: secret }),
    ...(typeof expiry === "number" && expiry > 0 && { secretExpiresAt: expiry }),
  };
}

/** How the client proves itself at the token endpoint. */
export function authenticationOf(
  server: oauth.AuthorizationServer,
  client: OwnClient,
): oauth.ClientAuth {
  if (client.clientSecret === undefined || client.method === "none") return oauth.None();
  const methods = server.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
  const method =
    client.method ?? (methods.includes("client_secret_basic") ? "client_secret_basic" : undefined);
  return method === "client_secret_basic"
    ? oauth.ClientSecretBasic(client.clientSecret)
    : oauth.ClientSecretPost(client.clientSecret);
}
