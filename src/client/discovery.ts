/**
 * From a refused request to the authorization server: RFC 9728 by the challenge, then by the well-known paths; RFC 8414 and
 * OpenID Connect Discovery in the order MCP gives; the origin itself for servers of the revision 2025-03-26, which know no
 * resource metadata.
 *
 * A document is believed only about the identifier it was asked for: a resource that names another one would have our token
 * carried elsewhere (RFC 9728 §3.3), an issuer that names another one is a mix-up (RFC 8414 §3.3).
 */
import * as oauth from "oauth4webapi";
import { UserError } from "../errors.ts";
import type { Challenge } from "./challenge.ts";
import type { Web } from "./web.ts";

export interface Discovered {
  server: oauth.AuthorizationServer;
  /** The `resource` parameter of RFC 8707; unknown to servers of 2025-03-26. */
  resource?: string;
  /** What to ask for when no challenge names scopes. */
  scope?: string;
}

interface ResourceMetadata {
  resource: string;
  authorization_servers?: string[];
  scopes_supported?: string[];
}

/** @throws UserError when nothing is found, or what is found cannot be trusted */
export async function discover(endpoint: URL, challenge: Challenge, web: Web): Promise<Discovered> {
  const metadata = await resourceMetadata(endpoint, challenge, web);
  const [issuer = endpoint.origin] = metadata?.authorization_servers ?? [];
  const server = await discoverServer(issuer, web, issuer === endpoint.origin);
  const scope = challenge.scope ?? metadata?.scopes_supported?.join(" ");
  return {
    server,
    ...(metadata !== undefined && { resource: metadata.resource }),
    ...(scope !== undefined && { scope }),
  };
}

/**
 * @param mayGuess the issuer is the MCP server itself, which may have the default endpoints of 2025-03-26
 * @throws UserError
 */
export async function discoverServer(
  issuer: string,
  web: Web,
  mayGuess = false,
): Promise<oauth.AuthorizationServer> {
  const identifier = web.check(issuer, "The issuer");
  let wrong = "has no metadata";
  for (const url of metadataUrls(identifier)) {
    const response = await web.ask(url, { headers: { accept: "application/json" } });
    if (response.status !== 200) {
      await response.body?.cancel();
      continue;
    }
    try {
      return checked(await oauth.processDiscoveryResponse(identifier, response), web);
    } catch (error) {
      if (error instanceof UserError) throw error;
      wrong = "has metadata of another issuer, or none that can be read";
    }
  }
  if (mayGuess && wrong === "has no metadata") return guessed(identifier);
  throw new UserError(`The authorization server ${issuer} ${wrong}`, {
    hint: "Its operator must repair /.well-known/oauth-authorization-server (RFC 8414).",
  });
}

async function resourceMetadata(
  endpoint: URL,
  challenge: Challenge,
  web: Web,
): Promise<ResourceMetadata | undefined> {
  const WELL_KNOWN = "/.well-known/oauth-protected-resource";
  const candidates = [`${endpoint.origin}${WELL_KNOWN}`];
  const path = endpoint.pathname.replace(/\/$/, "");
  if (path !== "") candidates.unshift(`${endpoint.origin}${WELL_KNOWN}${path}${endpoint.search}`);
  if (challenge.resourceMetadata !== undefined) candidates.unshift(challenge.resourceMetadata);
  for (const candidate of new Set(candidates)) {
    const url = web.check(candidate, "The resource metadata");
    const response = await web.ask(url, { headers: { accept: "application/json" } });
    const text = await response.text();
    const found = response.status === 200 ? parse(text) : undefined;
    if (found === undefined) continue;
    if (covers(found.resource, endpoint)) return found;
    throw new UserError(
      `${endpoint.href} says that it is ${found.resource}, which is another server`,
      {
        hint: `Connect to ${found.resource}, or have the operator correct ${url.href}.`,
      },
    );
  }
  return undefined;
}

function parse(text: string): ResourceMetadata | undefined {
  try {
    const found = JSON.parse(text) as ResourceMetadata | null;
    return typeof found?.resource === "string" && URL.canParse(found.resource) ? found : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the resource is the endpoint, or a folder above it on the same origin: many servers name their origin. */
function covers(resource: string, endpoint: URL): boolean {
  const { origin, pathname } = new URL(resource);
  const folder = pathname.endsWith("/") ? pathname : `${pathname}/`;
  return origin === endpoint.origin && `${endpoint.pathname}/`.startsWith(folder);
}

function metadataUrls({ origin, pathname }: URL): string[] {
  const path = pathname.replace(/\/$/, "");
  const [oauthName, oidcName] = ["oauth-authorization-server", "openid-configuration"];
  return [
    `${origin}/.well-known/${oauthName}${path}`,
    `${origin}/.well-known/${oidcName}${path}`,
    ...(path === "" ? [] : [`${origin}${path}/.well-known/${oidcName}`]),
  ];
}

/** @throws UserError when an endpoint must not be used, or PKCE is not offered (MCP demands it) */
function checked(server: oauth.AuthorizationServer, web: Web): oauth.AuthorizationServer {
  for (const name of ENDPOINTS) {
    const endpoint = server[name];
    if (endpoint !== undefined) web.check(endpoint, `The ${name} of ${server.issuer}`);
  }
  const isForPeople = server.authorization_endpoint !== undefined;
  if (isForPeople && server.code_challenge_methods_supported?.includes("S256") !== true) {
    throw new UserError(`The authorization server ${server.issuer} does not offer PKCE with S256`, {
      hint: "Its operator must turn it on, and list it in code_challenge_methods_supported.",
    });
  }
  return server;
}

const ENDPOINTS = [
  "authorization_endpoint",
  "token_endpoint",
  "registration_endpoint",
  "revocation_endpoint",
  "device_authorization_endpoint",
] as const;

/** Default endpoints of the revision 2025-03-26. */
function guessed({ origin }: URL): oauth.AuthorizationServer {
  return {
    issuer: origin,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    registration_endpoint: `${origin}/register`,
  };
}
