/**
 * Getting tokens from nothing: a person in a browser on this machine (RFC 6749 §4.1 with PKCE and a loopback redirect), a
 * person in a browser elsewhere (RFC 8628), or nobody at all (RFC 6749 §4.4).
 */
import * as oauth from "oauth4webapi";
import { setTimeout as pause } from "node:timers/promises";
import { epochSeconds, type Clock } from "../clock.ts";
import { UserError } from "../errors.ts";
import { unite, type Credentials, type Tokens } from "./credential-store.ts";
import type { Discovered } from "./discovery.ts";
import { listenOnLoopback, type Loopback } from "./loopback.ts";
import { askOptions, codeOf } from "./oauth-errors.ts";
import { authenticationOf, register, type OwnClient } from "./registration.ts";
import type { Web } from "./web.ts";

const LOGIN_TIME = 300_000; // ms a person has
const AHEAD = 30; // seconds before its end at which a token is renewed, or at half of a short life
const POLL = 5; // seconds, RFC 8628 §3.2

export interface LoginSettings {
  web: Web;
  clock: Clock;
  grant: "browser" | "device" | "client-credentials";
  /** A client the authorization server knew before. */
  clientId?: string | undefined;
  clientSecret?: string | undefined;
  /** Instead of the scopes the server names. */
  scope?: string | undefined;
  /** What the person reads of us on the consent page. */
  clientName: string;
  /** Port of the redirect; 0 takes a free one. */
  callbackPort: number;
  /** Shows the address to the person, in a browser where there is one. */
  present: (page: { url: string; code?: string; port?: number }) => Promise<void>;
}

/**
 * @param known our client at this server, if it is known to be alive: at the authorization endpoint a dead one would leave the
 *   person alone with an error page
 * @throws whatever the library throws, for `explained`
 */
export async function logIn(
  endpoint: string,
  found: Discovered,
  known: Credentials | undefined,
  settings: LoginSettings,
  signal: AbortSignal,
): Promise<Credentials> {
  const expiry = known?.client.secretExpiresAt ?? Number.POSITIVE_INFINITY;
  const isOurs = known?.issuer === found.server.issuer && expiry > settings.clock.now();
  const before = isOurs ? known : undefined;
  const scope = unite(before?.scope, settings.scope ?? found.scope);
  const way = { found, scope, settings, signal: AbortSignal.any([signal, timeLimit()]) };
  const given = preregistered(settings);
  const { client, answer } =
    settings.grant === "client-credentials"
      ? await withoutPerson(way, given)
      : settings.grant === "device"
        ? await onDevice(way, given ?? before?.client)
        : await inBrowser(way, given, before?.client);
  return {
    endpoint,
    issuer: found.server.issuer,
    ...(found.resource !== undefined && { resource: found.resource }),
    ...(scope !== undefined && { scope }),
    client: given === undefined ? client : { clientId: client.clientId },
    tokens: tokensOf(answer, settings.clock),
  };
}

interface Way {
  found: Discovered;
  scope: string | undefined;
  settings: LoginSettings;
  signal: AbortSignal;
}

interface LoggedIn {
  client: OwnClient;
  answer: oauth.TokenEndpointResponse;
}

/** Our client if the server knew it before. Its secret stays in the file it came from. */
export function preregistered(settings: LoginSettings): OwnClient | undefined {
  const { clientId, clientSecret } = settings;
  if (clientId === undefined) return undefined;
  return { clientId, ...(clientSecret !== undefined && { clientSecret }) };
}

/** @param before used when a refresh answer brings no new refresh token */
export function tokensOf(
  answer: oauth.TokenEndpointResponse,
  clock: Clock,
  before?: Tokens,
): Tokens {
  if (answer.token_type !== "bearer") {
    throw new UserError(
      `The authorization server gives ${answer.token_type} tokens, not bearer tokens`,
    );
  }
  const refreshToken = answer.refresh_token ?? before?.refreshToken;
  const { expires_in: life } = answer;
  const now = epochSeconds(clock);
  return {
    accessToken: answer.access_token,
    ...(refreshToken !== undefined && { refreshToken }),
    ...(life !== undefined && {
      expiresAt: now + life,
      renewAt: now + Math.max(life - AHEAD, life / 2),
    }),
  };
}

async function inBrowser(
  way: Way,
  given: OwnClient | undefined,
  before: OwnClient | undefined,
): Promise<LoggedIn> {
  const { found, settings, signal } = way;
  const { server } = found;
  if (server.authorization_endpoint === undefined) {
    throw new UserError(`${server.issuer} has no page to log in at`, {
      hint: "Try --device, or --grant client-credentials with --client-id and --client-secret-file.",
    });
  }
  const registered =
    before?.redirectUri === undefined ? 0 : Number(new URL(before.redirectUri).port);
  const own =
    given === undefined && registered > 0 ? await listenOnLoopback(registered) : undefined;
  const loopback = own ?? (await listenAnywhere(settings.callbackPort));
  try {
    const { redirectUri } = loopback;
    const client =
      given ?? (own && before ? before : await register(server, redirectUri, settings));
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const url = new URL(server.authorization_endpoint);
    const parameters = {
      response_type: "code",
      client_id: client.clientId,
      redirect_uri: redirectUri,
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      ...consentParameters(way),
    };
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    const arrived = loopback.answer(state, signal);
    // Whoever closes the browser must not be told twice that nobody came.
    arrived.catch(() => undefined);
    await settings.present({ url: url.href, port: Number(new URL(redirectUri).port) });
    const of = { client_id: client.clientId };
    const code = oauth.validateAuthResponse(server, of, await arrived, state);
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      of,
      authenticationOf(server, client),
      code,
      redirectUri,
      verifier,
      { ...askOptions(settings.web), additionalParameters: resourceOf(found) },
    );
    const answer = await oauth.processAuthorizationCodeResponse(server, of, response);
    return { client: { ...client, redirectUri }, answer };
  } finally {
    loopback.close();
  }
}

async function listenAnywhere(port: number): Promise<Loopback> {
  const loopback = await listenOnLoopback(port);
  if (loopback) return loopback;
  throw new UserError(`Port ${port} of this machine is taken`, {
    hint: "Choose another --callback-port.",
  });
}

/** `offline_access` where refresh tokens depend on it (OpenID Connect Core §11 wants consent to be asked for then). */
function consentParameters({ found, scope }: Way): Record<string, string> {
  const isGated = found.server.scopes_supported?.includes("offline_access") === true;
  const all = isGated && scope !== undefined ? unite(scope, "offline_access") : scope;
  return {
    ...resourceOf(found),
    ...(all !== undefined && { scope: all }),
    ...(all?.split(" ").includes("offline_access") && { prompt: "consent" }),
  };
}

async function onDevice(way: Way, before: OwnClient | undefined): Promise<LoggedIn> {
  const { found, settings, signal } = way;
  const { server } = found;
  if (server.device_authorization_endpoint === undefined) {
    throw new UserError(`${server.issuer} does not offer a login by code`, {
      hint: "Leave --device out; without a browser here, open the address that is shown in one elsewhere.",
    });
  }
  const client = before ?? (await register(server, "http://127.0.0.1/callback", settings));
  const of = { client_id: client.clientId };
  const proof = authenticationOf(server, client);
  const options = askOptions(settings.web);
  const { prompt: _, ...parameters } = consentParameters(way);
  const device = await oauth.processDeviceAuthorizationResponse(
    server,
    of,
    await oauth.deviceAuthorizationRequest(server, of, proof, parameters, options),
  );
  const page = settings.web.check(device.verification_uri, "The page for the code");
  await settings.present({ url: page.href, code: device.user_code });
  for (let interval = device.interval ?? POLL; ;) {
    await pause(interval * 1000, undefined, { signal });
    const response = await oauth.deviceCodeGrantRequest(server, of, proof, device.device_code, {
      ...options,
      additionalParameters: resourceOf(found),
    });
    try {
      const answer = await oauth.processDeviceCodeResponse(server, of, response);
      return { client, answer };
    } catch (error) {
      const code = await codeOf(error);
      if (code === "slow_down") interval += POLL;
      else if (code !== "authorization_pending") throw error;
    }
  }
}

async function withoutPerson(way: Way, given: OwnClient | undefined): Promise<LoggedIn> {
  const { found, scope, settings } = way;
  if (given?.clientSecret === undefined) {
    throw new UserError("--grant client-credentials needs --client-id and --client-secret-file");
  }
  const of = { client_id: given.clientId };
  const parameters = { ...resourceOf(found), ...(scope !== undefined && { scope }) };
  const response = await oauth.clientCredentialsGrantRequest(
    found.server,
    of,
    authenticationOf(found.server, given),
    parameters,
    askOptions(settings.web),
  );
  const answer = await oauth.processClientCredentialsResponse(found.server, of, response);
  return { client: given, answer };
}

function resourceOf(found: { resource?: string }): Record<string, string> {
  return found.resource === undefined ? {} : { resource: found.resource };
}

function timeLimit(): AbortSignal {
  return AbortSignal.timeout(LOGIN_TIME);
}
