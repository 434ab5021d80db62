/**
 * From the client to its tokens: the login of a person (RFC 6749 §4.1 with PKCE), the exchange, and later refreshes.
 */
import * as oauth from "oauth4webapi";
import { messageOf, UserError } from "../../errors.ts";
import { codeOf } from "../oauth-errors.ts";
import type { Found } from "./discover.ts";
import type { Visit } from "./visit.ts";

/** A person with a browser: logs in, allows, and tells where the browser was sent back to. */
export type Person = (page: AuthorizationPage) => Promise<URL>;

interface AuthorizationPage {
  url: URL;
  redirectUri: string;
  state: string;
}

/** What a login has led to. */
export interface Login {
  found: Found;
  client: oauth.Client;
  tokens: oauth.TokenEndpointResponse;
}

interface Asked extends AuthorizationPage {
  verifier: string;
}

/** The authorization request as this client writes it. */
export async function authorizationPage(
  { emulation, port }: Visit,
  found: Found,
  client: oauth.Client,
): Promise<Asked> {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const redirectUri = emulation.redirectUri(port);
  const url = new URL(found.server.authorization_endpoint!);
  const parameters = {
    response_type: "code",
    client_id: client.client_id,
    redirect_uri: redirectUri,
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...(found.scope !== undefined && { scope: found.scope }),
    ...resourceOf(emulation.resource, found),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return { url, redirectUri, state, verifier };
}

/** @throws UserError */
export async function logInAs(
  visit: Visit,
  found: Found,
  client: oauth.Client,
  person: Person,
): Promise<Login> {
  const { title } = visit.emulation;
  const page = await authorizationPage(visit, found, client);
  const back = await person(page);
  if (!back.href.startsWith(page.redirectUri)) {
    throw new UserError(
      `${title} waits at ${page.redirectUri}, and the browser was sent elsewhere`,
    );
  }
  const { server } = found;
  try {
    // Demands `iss` where the server advertises it (RFC 9207 §2.4).
    const code = oauth.validateAuthResponse(server, client, back, page.state);
    visit.tell("authorize", "a code came back");
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      proofOf(visit, client),
      code,
      page.redirectUri,
      page.verifier,
      options(visit, found),
    );
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, response);
    const life = tokens.expires_in === undefined ? "no expires_in" : `${tokens.expires_in} s`;
    const renewal = tokens.refresh_token === undefined ? "no refresh token" : "a refresh token";
    visit.tell("token", `an access token for ${life}, ${renewal}`);
    return { found, client, tokens };
  } catch (error) {
    throw await explained(error, `${title} got no token`);
  }
}

/** @throws UserError */
export async function refresh(
  visit: Visit,
  { found, client, tokens }: Login,
): Promise<oauth.TokenEndpointResponse> {
  const { title } = visit.emulation;
  if (tokens.refresh_token === undefined) {
    throw new UserError(`${title} was given no refresh token, and must ask the person each time`);
  }
  const { server } = found;
  try {
    const response = await oauth.refreshTokenGrantRequest(
      server,
      client,
      proofOf(visit, client),
      tokens.refresh_token,
      options(visit, found),
    );
    const fresh = await oauth.processRefreshTokenResponse(server, client, response);
    visit.tell("refresh", "another access token");
    return fresh;
  } catch (error) {
    throw await explained(error, `${title} could not refresh its token`);
  }
}

/** Gives the tokens back (RFC 7009), where the server takes them; those of a deleted client are dead anyhow. */
export async function giveBack(visit: Visit, { found, client, tokens }: Login): Promise<void> {
  const token = tokens.refresh_token ?? tokens.access_token;
  if (found.server.revocation_endpoint === undefined) return;
  const proof = proofOf(visit, client);
  await oauth.revocationRequest(found.server, client, proof, token, options(visit, found));
}

function options(
  { emulation, wire }: Visit,
  found: Found,
): {
  [oauth.allowInsecureRequests]: true;
  [oauth.customFetch]: typeof wire.fetch;
  additionalParameters: Record<string, string>;
} {
  return {
    // The addresses are checked by the wire, which knows loopback.
    [oauth.allowInsecureRequests]: true,
    [oauth.customFetch]: wire.fetch,
    additionalParameters: resourceOf(emulation.resource, found),
  };
}

function resourceOf(
  spell: (identifier: string) => string | undefined,
  { identifier }: Found,
): Record<string, string> {
  const resource = identifier === undefined ? undefined : spell(identifier);
  return resource === undefined ? {} : { resource };
}

function proofOf({ document }: Visit, client: oauth.Client): oauth.ClientAuth {
  if (document?.key && client.client_id === document.url) return oauth.PrivateKeyJwt(document.key);
  const { client_secret: secret, token_endpoint_auth_method: method } = client;
  if (typeof secret !== "string" || method === "none") return oauth.None();
  return method === "client_secret_post"
    ? oauth.ClientSecretPost(secret)
    : oauth.ClientSecretBasic(secret);
}

async function explained(error: unknown, what: string): Promise<UserError> {
  if (error instanceof UserError) return error;
  const code = await codeOf(error);
  const { cause } = Object(error) as { cause?: unknown };
  if (cause instanceof UserError) return cause;
  return new UserError(`${what}: ${code ?? messageOf(error)}`, { cause: error });
}
