/**
 * ForwardAuth, `/verify`: may this request, which a reverse proxy holds, go on to its MCP server?
 *
 * Only trusted proxies may ask. They say what was asked for in `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`; the resource
 * is looked up from these in our own table, never built from them, and anything missing, doubled or written ambiguously is
 * refused. 200 carries the caller in `X-Auth-*`, never the token; 401 and 403 carry the challenge for the requested
 * resource, which the proxy hands to the client as it is. Pages of other origins get 403: the server behind is not asked to
 * know under which names it is reached.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { IDENTITY_HEADERS, type AuthInfo } from "../../auth-info.ts";
import type { ServerContext } from "../context.ts";
import { setCorsHeaders } from "../cors.ts";
import { ERROR_CODES } from "../../mcp/json-rpc.ts";
import { hasRules } from "../../policy/decide.ts";
import { plainPath, sendJson, sendJsonRpcError } from "../http.ts";
import type { ServiceResource } from "../resources.ts";
import { trustedProxies } from "../trusted-proxies.ts";
import type { Authenticate } from "./authenticate.ts";
import { authorize } from "./authorize.ts";
import { refuse } from "./challenge.ts";
import { callerOf, ServiceGate } from "./gate.ts";
import { forwardedOperation, scopesOfForwarded, type Forwarded } from "./operation-scopes.ts";
import { isAllowedOrigin, refuseOrigin } from "./web-origin.ts";

const REMEMBERED_SPELLINGS = 1000;

/** Also where it might be allowed, but nothing here can tell. */
const NOT_ALLOWED =
  "Not allowed, or not without reading the message: this service has rules that only the gateway's own endpoint can apply";

const LONGEST_DISPLAY = 320; // characters; the longest e-mail address (RFC 3696 erratum 1690)

export type Verify = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export function createVerify(context: ServerContext, authenticate: Authenticate): Verify {
  const isTrusted = trustedProxies(context.config.trustedProxies);
  const findRequested = createRequestedResource(context);

  return async (request, response) => {
    if (!isTrusted(request.socket.remoteAddress)) {
      return sendJson(response, 403, denial("only the reverse proxy may ask"));
    }
    const asked = findRequested(request);
    if (!asked)
      return sendJson(response, 400, denial("X-Forwarded-* name no resource of this gateway"));
    if (isPreflight(request, asked.method)) {
      response.writeHead(200);
      response.end();
      return;
    }
    if (!isAllowedOrigin(context, request.headers.origin)) return refuseOrigin(response);
    let known: AuthInfo | undefined;
    try {
      const auth = (known = await authenticate(request, response, asked.resource, asked));
      const { method, resource } = asked;
      const era = context.config.services[resource.service]?.era;
      // What the server behind speaks must be known for certain: with `auto` it is not, here.
      const comparesHeaders = era === "modern" || era === "dual";
      const forwarded = { method, head: request, comparesHeaders };
      authorize(auth, resource, scopesOfForwarded(resource, forwarded));
      if (!(await mayPass(context, auth, resource, forwarded))) {
        setCorsHeaders(response);
        return sendJsonRpcError(response, 403, ERROR_CODES.invalidParams, NOT_ALLOWED);
      }
      response.writeHead(200, identityHeaders(auth));
      response.end();
    } catch (error) {
      setCorsHeaders(response);
      refuse(context, response, error, asked.resource, known);
    }
  };
}

/** Streams and the end of a session pass: they carry no message. */
async function mayPass(
  context: ServerContext,
  auth: AuthInfo,
  { service }: ServiceResource,
  forwarded: Forwarded,
): Promise<boolean> {
  const rules = context.config.services[service];
  if (forwarded.method !== "POST" || !rules || !hasRules(rules)) return true;
  const caller = await callerOf(context, auth, service);
  const gate = new ServiceGate(context, service, auth.subject, caller);
  return gate.mayForward(forwardedOperation(forwarded));
}

function denial(description: string): { error: string; error_description: string } {
  return { error: "invalid_request", error_description: description };
}

/** What the proxy asks for. The few spellings that name a resource are remembered. */
function createRequestedResource(
  context: ServerContext,
): (request: IncomingMessage) => { resource: ServiceResource; method: string } | undefined {
  const known = new Map<string, ServiceResource>();
  let table = context.resources.all;
  return ({ headers }) => {
    if (table !== context.resources.all) known.clear();
    table = context.resources.all;
    const method = onlyValue(headers["x-forwarded-method"]);
    const proto = onlyValue(headers["x-forwarded-proto"]);
    const host = onlyValue(headers["x-forwarded-host"]);
    const uri = onlyValue(headers["x-forwarded-uri"]);
    if (method === undefined || proto === undefined || host === undefined || uri === undefined) {
      return undefined;
    }
    const spelling = `${proto} ${host} ${uri}`;
    const resource = known.get(spelling) ?? namedResource(context, proto, host, uri);
    if (!resource) return undefined;
    if (!uri.includes("?")) remember(known, spelling, resource); // queries are endless
    return { resource, method };
  };
}

function remember(
  known: Map<string, ServiceResource>,
  spelling: string,
  resource: ServiceResource,
): void {
  if (known.size >= REMEMBERED_SPELLINGS) known.clear();
  known.set(spelling, resource);
}

function namedResource(
  context: ServerContext,
  proto: string,
  host: string,
  uri: string,
): ServiceResource | undefined {
  const path = plainPath(uri);
  const resource =
    path === undefined ? undefined : context.resources.at(withoutPort(host, proto), path);
  return resource?.uri.startsWith(`${proto.toLowerCase()}://`) === true ? resource : undefined;
}

/** Node joins a repeated header with a comma; two answers to one question are none. */
function onlyValue(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" && header !== "" && !header.includes(",") ? header : undefined;
}

function withoutPort(host: string, proto: string): string {
  return host.replace(proto.toLowerCase() === "https" ? /:443$/ : /:80$/, "");
}

/** A CORS preflight never carries a token, and does nothing at the server behind (Fetch standard). */
function isPreflight(request: IncomingMessage, method: string): boolean {
  return (
    method === "OPTIONS" &&
    request.headers.origin !== undefined &&
    request.headers["access-control-request-method"] !== undefined
  );
}

/** Made once for each verified token; its `AuthInfo` is one object for as long as it is remembered. */
const headersOf = new WeakMap<AuthInfo, readonly string[]>();

/** @returns name, value, name, value ... as `writeHead` takes them */
function identityHeaders(auth: AuthInfo): string[] {
  const known = headersOf.get(auth);
  if (known) return [...known];
  const headers = [
    ...[IDENTITY_HEADERS.subject, headerValue(auth.subject)],
    ...[IDENTITY_HEADERS.client, headerValue(auth.clientId)],
    ...[IDENTITY_HEADERS.scope, auth.scopes.join(" ")],
    ...["Cache-Control", "no-store"],
    // Without it Node would send an empty body in chunks, and a second packet.
    ...["Content-Length", "0"],
  ];
  if (isShort(auth.name)) headers.push(IDENTITY_HEADERS.name, headerValue(auth.name));
  if (isShort(auth.email)) headers.push(IDENTITY_HEADERS.email, headerValue(auth.email));
  headersOf.set(auth, headers);
  return [...headers];
}

/** A proxy refuses an answer with endless headers, and with it the request; these two are only for display. */
function isShort(text: string | undefined): text is string {
  return text !== undefined && text.length <= LONGEST_DISPLAY;
}

/** Visible ASCII as it is; anything else percent-encoded as a whole, so that no name can add a header. */
function headerValue(text: string): string {
  return /^[\x20-\x24\x26-\x7e]*$/.test(text) ? text : encodeURIComponent(text.toWellFormed());
}
