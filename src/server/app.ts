/**
 * The two doors of the house. What programs call (`/verify`, MCP endpoints, metadata, token ...) is answered by the `node:http`
 * listener itself, because Express alone costs more than most of these answers; pages for people go to Express. Both doors
 * call the same functions.
 *
 * Order for every request: spelling of the path -> `/verify`, health -> host -> MCP endpoint | its metadata -> administration
 * -> programs' endpoints -> Express.
 */
import express from "express";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isLoopbackHost } from "../config.ts";
import { RETRY_AFTER, temporarilyUnavailable, UserError } from "../errors.ts";
import { requestId } from "../random.ts";
import { noteStray } from "./autopsy/stray.ts";
import type { ServerContext } from "./context.ts";
import { plainPath, sendJson } from "./http.ts";
import type { AdminDoor } from "./resource/admin.ts";
import type { McpEndpoint } from "./resource/mcp.ts";
import {
  metadataSubject,
  protectedResourceMetadata,
} from "./resource/protected-resource-metadata.ts";
import type { Verify } from "./resource/verify.ts";
import { canonicalHost, type Resource } from "./resources.ts";
import { createProgramDoor } from "./program-door.ts";
import { isForPrograms, registerRoutes, routes, type Route } from "./routes.ts";

export type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

/** A server whose slow clients are cut off in seconds. The interval works only as an option of `createServer`. */
export function createHttpServer(): Server {
  return createServer({
    headersTimeout: 10_000, // ms
    requestTimeout: 30_000, // ms until the whole request has arrived
    connectionsCheckingInterval: 2_000, // ms
    keepAliveTimeout: 65_000, // ms; longer than the usual 60 s of a proxy in front, which then closes first
    maxHeaderSize: 16_384, // bytes
  });
}

export function createRequestListener(
  context: ServerContext,
  endpoints: { mcp: McpEndpoint; verify: Verify; admin: AdminDoor },
): RequestListener {
  const table = routes(context);
  const programs = createProgramDoor(context, table.filter(isForPrograms));
  const app = createExpressApp(context, table);
  const issuerHost = new URL(context.issuer).host;
  const loopbackAlias = isLoopbackHost(new URL(context.issuer).hostname) ? issuerHost : undefined;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // First and by itself: it is asked before every call to a service, and this spelling needs no further look.
    if (request.url === "/verify") return endpoints.verify(request, response);
    const path = plainPathOrRefuse(request, response);
    if (path === undefined) return;
    if (path === "/verify") return endpoints.verify(request, response);
    if (path === "/healthz") return sendJson(response, 200, { status: "ok" });
    if (path === "/readyz") {
      await context.store.get("client", "ready?"); // throws while the store is out of order
      return sendJson(response, 200, { status: "ok" });
    }

    const host = knownHost(request, context, loopbackAlias);
    if (host === undefined) {
      const description = "this gateway does not answer for that host";
      noteStray(context, "host.unknown", request, path);
      return sendJson(response, 403, { error: "invalid_request", error_description: description });
    }
    const resource = context.resources.at(host, path);
    if (resource) return endpoints.mcp(request, response, resource);
    const subject = metadataSubject(path);
    if (subject !== undefined) {
      const described = resourceAt(context, host, subject);
      return protectedResourceMetadata(context, request, response, described);
    }
    // Logins happen at the issuer's own host only; a service's host has nothing but its endpoint.
    if (host !== issuerHost) {
      noteStray(context, "path.unknown", request, path);
      return sendJson(response, 404, { error: "not_found" });
    }
    if (await endpoints.admin(request, response, path)) return;
    if (!(await programs(request, response, path))) app(request, response);
  }

  const isHttps = context.issuer.startsWith("https:");
  return (request, response) => {
    if (isHttps) response.setHeader("Strict-Transport-Security", "max-age=31536000"); // RFC 6797
    answer(request, response).catch((error: unknown) => {
      const id = requestId();
      context.log.error({ err: error, requestId: id }, "request failed");
      if (response.headersSent) return response.destroy();
      if (!(error instanceof UserError)) {
        return sendJson(response, 500, {
          error: "server_error",
          error_description: `request ${id}`,
        });
      }
      const answer = temporarilyUnavailable(error);
      response.setHeader("Retry-After", RETRY_AFTER);
      return sendJson(response, answer.status, answer);
    });
  };
}

/** Knows the whole table, so that 404 and 405 are right whoever is asked. */
function createExpressApp(context: ServerContext, table: readonly Route[]): express.Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.set("query parser", false); // endpoints parse the raw query themselves, so that doubled parameters are seen
  app.set("case sensitive routing", true);
  registerRoutes(app, context, table);
  return app;
}

function resourceAt(
  { resources, issuer }: ServerContext,
  host: string,
  path: string,
): Resource | undefined {
  const { admin } = resources;
  const isAdmin = admin?.path === path && host === new URL(issuer).host;
  return isAdmin ? admin : resources.at(host, path);
}

function plainPathOrRefuse(request: IncomingMessage, response: ServerResponse): string | undefined {
  const path = plainPath(request.url ?? "");
  if (path === undefined) {
    const description = "the path is written in an ambiguous way";
    sendJson(response, 400, { error: "invalid_request", error_description: description });
  }
  return path;
}

/**
 * The host this request is for, in canonical spelling; undefined when it is none of ours (DNS rebinding). On loopback the
 * names of the machine are one: a client that dials 127.0.0.1 reaches what is published as localhost.
 */
function knownHost(
  request: IncomingMessage,
  context: ServerContext,
  loopbackAlias: string | undefined,
): string | undefined {
  const header = request.headers.host;
  if (header === undefined) return undefined;
  if (context.resources.hosts.has(header)) return header; // the usual case: canonical already
  const host = canonicalHost(header).replace(
    context.issuer.startsWith("https:") ? /:443$/ : /:80$/,
    "",
  );
  if (context.resources.hosts.has(host)) return host;
  if (loopbackAlias === undefined) return undefined;
  const [, name = "", port = ""] = /^(.*?)(:\d+)?$/.exec(host) ?? [];
  return isLoopbackHost(name) && portOf(loopbackAlias) === port ? loopbackAlias : undefined;
}

function portOf(host: string): string {
  return /:\d+$/.exec(host)?.[0] ?? "";
}
