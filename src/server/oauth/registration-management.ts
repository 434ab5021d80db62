/**
 * Client configuration endpoint, RFC 7592 §2: a client that registered itself reads, replaces or deletes its registration.
 *
 * The key is the registration access token, in the Authorization header and nowhere else. It is no access token and opens
 * nothing but this client's own record. An unknown client, a client that has no such token and a wrong token give one and
 * the same answer. Clients an operator registered are the operator's to manage: 403 (§2).
 *
 * PUT replaces everything: what it leaves out is removed (§2.2). It must repeat `client_id`; `client_secret`, when sent,
 * must be the current one, and the members that belong to the server must not be sent at all. The registration access token
 * changes with it, in the same store operation, so of two updates with one token only one succeeds. A method that needs a
 * secret where there was none gets a new one, a method without one ends it. DELETE ends every grant at once.
 */
import type { Request, RequestHandler } from "express";
import { OAuthError } from "../../errors.ts";
import { digest, equalInConstantTime, randomToken } from "../../random.ts";
import type { ServerContext } from "../context.ts";
import { sendJson } from "../http.ts";
import type { ClientRecord } from "../store/client-records.ts";
import { clientInformation } from "./client-information.ts";
import { readClientMetadata } from "./client-metadata.ts";
import { findClient, revokeClient } from "./client.ts";
import { needsSecret, readMetadataBody } from "./registration.ts";

/** RFC 7592 §2.2. */
const SERVER_MEMBERS = [
  "registration_access_token",
  "registration_client_uri",
  "client_secret_expires_at",
  "client_id_issued_at",
];

/** A digest nobody has the token of. */
const NO_TOKEN = digest(randomToken());

export function readRegistration(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const { client, registrationToken } = await authenticate(context, request);
    sendJson(response, 200, clientInformation(context, client, { registrationToken }));
  };
}

export function replaceRegistration(context: ServerContext): RequestHandler {
  return async (request, response) => {
    // Before the body: a stranger's is not worth reading.
    await authenticate(context, request);
    const body = await readMetadataBody(request);
    for (;;) {
      const { client } = await authenticate(context, request);
      const sentSecret = checkIdentity(body, client);
      const { metadata, rejected } = readClientMetadata(body, {
        via: client.via,
        redirectSchemes: context.config.registration.redirectSchemes,
        scopeNames: context.resources.scopeNames,
      });
      const { secretDigest, ...rest } = client;
      const newSecret =
        needsSecret(metadata) && secretDigest === undefined ? randomToken() : undefined;
      const keptDigest = newSecret === undefined ? secretDigest : digest(newSecret);
      const registrationToken = randomToken();
      const next: ClientRecord = {
        ...rest,
        metadata,
        ...(needsSecret(metadata) && keptDigest !== undefined && { secretDigest: keptDigest }),
        registrationDigest: digest(registrationToken),
      };
      // Somebody was first: whether this token still counts is decided anew.
      if (!(await context.store.replace("client", client.clientId, client, next))) continue;
      const clientSecret = next.secretDigest === undefined ? undefined : (newSecret ?? sentSecret);
      const secrets = { clientSecret, registrationToken };
      return sendJson(response, 200, clientInformation(context, next, secrets, rejected));
    }
  };
}

export function deleteRegistration(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const { client } = await authenticate(context, request);
    if (!(await revokeClient(context, client.clientId))) throw invalidToken("deleted meanwhile");
    response.setHeader("Cache-Control", "no-store");
    response.writeHead(204);
    response.end();
  };
}

/** @throws OAuthError invalid_token; 403 for a client an operator registered */
async function authenticate(
  context: ServerContext,
  request: Request,
): Promise<{ client: ClientRecord; registrationToken: string }> {
  const registrationToken = bearerToken(request);
  const client = await findClient(context, String(request.params["clientId"]));
  const expected = client?.registrationDigest ?? NO_TOKEN;
  const isRight = equalInConstantTime(digest(registrationToken), expected);
  if (client?.via === "command") {
    throw new OAuthError("access_denied", "The operator of this gateway manages this client");
  }
  if (!client || !isRight) throw invalidToken(client ? "wrong token" : "unknown client");
  return { client, registrationToken };
}

/** Node keeps the first of several headers; what a proxy in front saw may be another one. */
function bearerToken({ rawHeaders, headers }: Request): string {
  const count = rawHeaders.filter(
    (name, index) => index % 2 === 0 && name.toLowerCase() === "authorization",
  ).length;
  const [, token] = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(headers.authorization ?? "") ?? [];
  if (count !== 1 || token === undefined) throw invalidToken("no bearer token");
  return token;
}

/** @returns the client secret that was sent @throws OAuthError invalid_request */
function checkIdentity(body: unknown, client: ClientRecord): string | undefined {
  const sent = new Map(
    Object.entries((typeof body === "object" ? body : undefined) ?? {}) as [string, unknown][],
  );
  const foreign = SERVER_MEMBERS.find((member) => sent.has(member));
  if (foreign !== undefined)
    throw new OAuthError("invalid_request", `${foreign} is not yours to set`);
  if (sent.get("client_id") !== client.clientId) {
    throw new OAuthError("invalid_request", "client_id must be the one of this registration");
  }
  const secret: unknown = sent.get("client_secret") ?? undefined;
  if (secret === undefined) return undefined;
  const expected = client.secretDigest ?? NO_TOKEN;
  if (typeof secret !== "string" || !equalInConstantTime(digest(secret), expected)) {
    throw new OAuthError("invalid_request", "client_secret is not the one of this registration");
  }
  return secret;
}

/** One description for all causes. */
function invalidToken(detail: string): OAuthError {
  return new OAuthError("invalid_token", "The registration access token is not valid", {
    detail: `registration access token: ${detail}`,
  });
}
