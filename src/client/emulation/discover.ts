/**
 * From the URL alone to the authorization server, in the client's own order (RFC 9728 §5, RFC 8414 §3).
 */
import * as oauth from "oauth4webapi";
import { UserError } from "../../errors.ts";
import { readChallenge, type Challenge } from "../challenge.ts";
import type { Answer } from "./exchange.ts";
import { initialize, serverDiscover } from "./mcp-messages.ts";
import type { Visit } from "./visit.ts";
import { toResponse } from "./wire.ts";

const WELL_KNOWN = "/.well-known/oauth-protected-resource";

export interface Found {
  server: oauth.AuthorizationServer;
  /** The identifier in the metadata of the resource; clients of 2025-03-26 see none. */
  identifier?: string;
  /** Space-delimited, for the authorization request. */
  scope?: string;
}

/**
 * The first request, which must be refused in a way the client understands.
 * @throws UserError
 */
export async function knock(visit: Visit): Promise<Challenge> {
  const { emulation, endpoint, wire } = visit;
  if (emulation.probe === "bare get") {
    const { status, headers } = await wire.ask("GET", endpoint);
    if (status >= 300 && status < 400) {
      throw new UserError(
        `${emulation.title} asks with a plain GET first, and is redirected to ${String(headers["location"])}`,
        { hint: "Answer GET on the MCP path without a redirect; check the routes of the proxy." },
      );
    }
  }
  const request = emulation.probe === "server/discover" ? serverDiscover() : initialize(emulation);
  const { status, headers } = await wire.ask("POST", endpoint, request);
  if (status !== 401) {
    throw new UserError(
      `${emulation.title} expects 401 from ${endpoint.href} when it has no token, and got ${status}`,
      {
        hint:
          status === 403
            ? "Something in front of the server refuses this client: look for bot rules or a firewall."
            : "Check the URL, and that the proxy passes POST on this path through.",
      },
    );
  }
  const challenge = readChallenge(headers["www-authenticate"]);
  const named = challenge.resourceMetadata ?? "no resource_metadata";
  visit.tell("knock", `401, ${named}`);
  return challenge;
}

/** @throws UserError */
export async function discover(visit: Visit, challenge: Challenge): Promise<Found> {
  const { emulation, endpoint } = visit;
  const metadata = await resourceMetadata(visit, challenge);
  const issuer = metadata?.authorization_servers?.[0] ?? endpoint.origin;
  const server = await serverMetadata(visit, issuer);
  const named = challenge.scope ?? metadata?.scopes_supported?.join(" ");
  const listed = server.scopes_supported ?? [];
  const wanted = new Set(emulation.scopes === "server" ? listed : (named?.split(" ") ?? []));
  if (emulation.wantsOffline && listed.includes("offline_access")) wanted.add("offline_access");
  visit.tell("discover", `${metadata ? `${metadata.resource}, ` : ""}issuer ${server.issuer}`);
  return {
    server,
    ...(metadata && { identifier: metadata.resource }),
    ...(wanted.size > 0 && { scope: [...wanted].join(" ") }),
  };
}

async function resourceMetadata(
  { emulation, endpoint, wire }: Visit,
  challenge: Challenge,
): Promise<oauth.ResourceServer | undefined> {
  if (emulation.resourceMetadata.length === 0) return undefined;
  const path = endpoint.pathname.replace(/\/$/, "");
  const urls = emulation.resourceMetadata.map((place) =>
    place === "challenge"
      ? challenge.resourceMetadata
      : `${endpoint.origin}${WELL_KNOWN}${place === "path" ? path : ""}`,
  );
  for (const url of new Set(urls)) {
    if (url === undefined) continue;
    const answer = await wire.ask("GET", url);
    if (answer.status !== 200) continue;
    const found = parseJson(emulation.title, answer) as unknown as oauth.ResourceServer;
    if (isAbout(found.resource, endpoint)) return found;
    throw new UserError(
      `${emulation.title} is connected to ${endpoint.href}, and ${url} speaks of ${found.resource}`,
      { hint: "The resource in the metadata must be the URL that people enter." },
    );
  }
  throw new UserError(
    `${emulation.title} finds no metadata of the resource at ${urls.filter(Boolean).join(", ") || "the challenge, which names none"}`,
    { hint: "Name resource_metadata in WWW-Authenticate of the 401, and serve it (RFC 9728)." },
  );
}

/** As the clients compare: one slash at the end does not count, and a folder of the same origin stands for what is in it. */
function isAbout(resource: string, endpoint: URL): boolean {
  if (!URL.canParse(resource)) return false;
  const { origin, pathname } = new URL(resource);
  const folder = pathname.endsWith("/") ? pathname : `${pathname}/`;
  return origin === endpoint.origin && `${endpoint.pathname}/`.startsWith(folder);
}

async function serverMetadata(
  { emulation, wire }: Visit,
  issuer: string,
): Promise<oauth.AuthorizationServer> {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  const inserted = emulation.serverMetadata.map((name) => `${origin}/.well-known/${name}${path}`);
  const appended = emulation.serverMetadata.map((name) => `${origin}${path}/.well-known/${name}`);
  for (const url of new Set([...inserted, ...appended])) {
    const answer = await wire.ask("GET", url);
    if (answer.status !== 200) continue;
    parseJson(emulation.title, answer);
    try {
      return await oauth.processDiscoveryResponse(new URL(issuer), toResponse(answer));
    } catch (cause) {
      throw new UserError(`${url} is not the metadata of ${issuer}`, {
        hint: "Its issuer must be this URL, letter by letter (RFC 8414 §3.3).",
        cause,
      });
    }
  }
  if (emulation.guessesEndpoints) {
    return {
      issuer: origin,
      authorization_endpoint: `${origin}/authorize`,
      token_endpoint: `${origin}/token`,
      registration_endpoint: `${origin}/register`,
    };
  }
  throw new UserError(
    `${emulation.title} finds no metadata of the authorization server ${issuer}`,
    {
      hint: `Serve ${inserted[0]} (RFC 8414).`,
    },
  );
}

function parseJson(title: string, { text, url }: Answer): Record<string, unknown> {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // as below
  }
  throw new UserError(`${title} expects JSON at ${url.href}, and got something else`, {
    hint: "A page for people at this address, from a proxy or a firewall, ends the login.",
  });
}
