/**
 * The strict OAuth client of our tests, oauth4webapi: it starts at a bare 401, finds everything by discovery, and refuses
 * what a specification forbids. Knows nothing of the gateway but the URL of an MCP endpoint.
 */
import * as oauth from "oauth4webapi";
import { approve, type FormBrowser } from "./form-browser.ts";

/** Tests run on loopback, where plain http is allowed. */
const insecure = { [oauth.allowInsecureRequests]: true };

export const REDIRECT_URI = "http://127.0.0.1:49152/callback";

export interface Discovered {
  resource: string;
  server: oauth.AuthorizationServer;
  challenge: oauth.WWWAuthenticateChallenge;
}

export interface LoggedIn extends Discovered {
  client: oauth.Client;
  tokens: oauth.TokenEndpointResponse;
}

/** From a bare 401 to the authorization server's metadata (RFC 9728 §5.1, RFC 8414 §3). */
export async function discover(endpoint: string): Promise<Discovered> {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }),
  });
  await response.body?.cancel();
  if (response.status !== 401) throw new Error(`expected 401, got ${response.status}`);
  const [challenge] = parseChallenges(response);
  const metadataUri = challenge?.parameters.resource_metadata;
  if (challenge === undefined || metadataUri === undefined) throw new Error("no resource_metadata");
  const url = new URL(endpoint);
  const resource = await oauth.processResourceDiscoveryResponse(
    url,
    await oauth.resourceDiscoveryRequest(url, insecure),
  );
  const [issuer = ""] = resource.authorization_servers ?? [];
  const server = await oauth.processDiscoveryResponse(
    new URL(issuer),
    await oauth.discoveryRequest(new URL(issuer), { ...insecure, algorithm: "oauth2" }),
  );
  return { resource: resource.resource, server, challenge };
}

function parseChallenges(response: Response): oauth.WWWAuthenticateChallenge[] {
  const header = response.headers.get("www-authenticate") ?? "";
  const [, scheme = "", rest = ""] = /^(\w+) (.*)$/.exec(header) ?? [];
  const parameters = Object.fromEntries(
    [...rest.matchAll(/(\w+)="([^"]*)"/g)].map(([, k, v]) => [k, v]),
  );
  return [{ scheme: scheme.toLowerCase() as "bearer", parameters }];
}

/**
 * Register, log in, consent, exchange.
 * @param options.metadata RFC 7591 members besides the defaults
 * @param options.client registered before; no new one then
 */
export async function logIn(
  endpoint: string,
  options: {
    metadata?: Partial<oauth.Client>;
    client?: oauth.Client;
    scope?: string;
    browser?: FormBrowser;
  } = {},
): Promise<LoggedIn> {
  const found = await discover(endpoint);
  const client = options.client ?? (await register(found, options.metadata));
  const tokens = await authorizeClient(found, client, options);
  return { ...found, client, tokens };
}

/** Dynamic registration, RFC 7591; a public client unless the metadata says otherwise. */
async function register(
  found: Discovered,
  metadata: Partial<oauth.Client> = {},
): Promise<oauth.Client> {
  return oauth.processDynamicClientRegistrationResponse(
    await oauth.dynamicClientRegistrationRequest(
      found.server,
      {
        client_name: "Strict client",
        redirect_uris: [REDIRECT_URI],
        token_endpoint_auth_method: "none",
        ...metadata,
      },
      insecure,
    ),
  );
}

/** Login, consent and code exchange of a client that is registered already. */
async function authorizeClient(
  found: Discovered,
  client: oauth.Client,
  options: { scope?: string; browser?: FormBrowser } = {},
): Promise<oauth.TokenEndpointResponse> {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const url = new URL(found.server.authorization_endpoint!);
  const redirectUri = (client.redirect_uris as string[])[0]!;
  url.search = new URLSearchParams({
    response_type: "code",
    client_id: client.client_id,
    redirect_uri: redirectUri,
    scope: options.scope ?? found.challenge.parameters.scope ?? "",
    state,
    resource: found.resource,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  }).toString();
  const answer = oauth.validateAuthResponse(
    found.server,
    client,
    await approve(url, options.browser),
    state,
  );
  const response = await oauth.authorizationCodeGrantRequest(
    found.server,
    client,
    clientAuthentication(client),
    answer,
    redirectUri,
    verifier,
    { ...insecure, additionalParameters: { resource: found.resource } },
  );
  return oauth.processAuthorizationCodeResponse(found.server, client, response);
}

export async function refresh(
  login: LoggedIn,
  refreshToken = login.tokens.refresh_token!,
  parameters: Record<string, string> = {},
): Promise<oauth.TokenEndpointResponse> {
  const response = await oauth.refreshTokenGrantRequest(
    login.server,
    login.client,
    clientAuthentication(login.client),
    refreshToken,
    { ...insecure, additionalParameters: parameters },
  );
  return oauth.processRefreshTokenResponse(login.server, login.client, response);
}

function clientAuthentication(client: oauth.Client): oauth.ClientAuth {
  const secret = client.client_secret as string | undefined;
  if (client.token_endpoint_auth_method === "client_secret_post")
    return oauth.ClientSecretPost(secret!);
  if (client.token_endpoint_auth_method === "client_secret_basic")
    return oauth.ClientSecretBasic(secret!);
  return oauth.None();
}

/** One raw MCP request; a fresh `initialize` unless told. */
export function callMcp(
  endpoint: string,
  accessToken: string | undefined,
  message: object = initialize(),
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(endpoint, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...(accessToken !== undefined && { authorization: `Bearer ${accessToken}` }),
      ...headers,
    },
    body: JSON.stringify(message),
  });
}

function initialize(protocolVersion = "2025-11-25"): object {
  return {
    jsonrpc: "2.0",
    id: 0,
    method: "initialize",
    params: { protocolVersion, capabilities: {}, clientInfo: { name: "test", version: "1" } },
  };
}
