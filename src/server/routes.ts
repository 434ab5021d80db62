/**
 * Every endpoint of the gateway: method, path, the steps a request walks, where the metadata names it, and the specification
 * behind it. The Express routes, the 405 answers, the metadata document and the README's table come from here.
 */
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from "express";
import { OAuthError } from "../errors.ts";
import { requestId } from "../random.ts";
import type { ServerContext } from "./context.ts";
import { cors } from "./cors.ts";
import { account, accountPage } from "./oauth/account.ts";
import { authorization } from "./oauth/authorization.ts";
import {
  authorizationServerMetadata,
  wellKnownPaths,
} from "./oauth/authorization-server-metadata.ts";
import { callback } from "./oauth/callback.ts";
import { clientAuthentication } from "./oauth/client-authentication.ts";
import { consent, consentPage } from "./oauth/consent.ts";
import { deviceAuthorization } from "./oauth/device-authorization.ts";
import { credentials, credentialsPage } from "./oauth/credentials.ts";
import { device, devicePage } from "./oauth/device.ts";
import { forPeople, oauthErrorHandler } from "./oauth/error-handler.ts";
import { failureLimit } from "./oauth/failure-limit.ts";
import { form } from "./oauth/form.ts";
import { invitation, invitationPage } from "./accounts/invitation.ts";
import { passkey, passkeyPage } from "./accounts/passkey.ts";
import { introspection } from "./oauth/introspection.ts";
import { jwks } from "./oauth/jwks.ts";
import { login, loginPage } from "./oauth/login.ts";
import { pushedAuthorizationRequest } from "./oauth/pushed-authorization-request.ts";
import {
  deleteRegistration,
  readRegistration,
  replaceRegistration,
} from "./oauth/registration-management.ts";
import { registration } from "./oauth/registration.ts";
import { revocation } from "./oauth/revocation.ts";
import { token } from "./oauth/token.ts";

export type Route = readonly [
  method: "GET" | "POST" | "PUT" | "DELETE",
  path: string,
  steps: readonly (RequestHandler | ErrorRequestHandler)[],
  metadataMember: string | null,
  specification: string,
];

const METHODS = { GET: "get", POST: "post", PUT: "put", DELETE: "delete" } as const;

/** Answered before Express, see app.ts. */
export const doorRoutes: readonly (readonly [path: string, specification: string])[] = [
  ["/:service/mcp", "MCP Streamable HTTP, RFC 6750 §3"],
  ["/mcp", "MCP Streamable HTTP, RFC 6750 §3"],
  ["/.well-known/oauth-protected-resource/:service/mcp", "RFC 9728 §3"],
  ["/admin/*", "control API, RFC 6750 §3"],
  ["/.well-known/oauth-protected-resource/admin", "RFC 9728 §3"],
  ["/verify", "Traefik ForwardAuth"],
  ["/healthz", "liveness"],
  ["/readyz", "readiness"],
];

export function routes(context: ServerContext): readonly Route[] {
  const { pathname } = new URL(context.issuer);
  const base = pathname === "/" ? "" : pathname;
  const metadata = [cors, authorizationServerMetadata(context, () => endpoints(context, table))];
  const clientAuth = clientAuthentication(context);
  const failures = failureLimit(context);
  const wellKnown = (name: string, specification: string): Route[] =>
    wellKnownPaths(context.issuer, name).map((path) => [
      "GET",
      path,
      metadata,
      null,
      specification,
    ]);

  // oxfmt-ignore
  const table: readonly Route[] = [
    ...wellKnown("oauth-authorization-server", "RFC 8414 §3"),
    ...wellKnown("openid-configuration", "OpenID Connect Discovery §4"),
    ["GET",  `${base}/.well-known/jwks.json`,  [cors, jwks(context)],                         "jwks_uri",               "RFC 7517 §5"],
    ["POST", `${base}/register`,               [cors, registration(context)],                 "registration_endpoint",  "RFC 7591 §3"],
    ["GET",  `${base}/register/:clientId`,     [cors, readRegistration(context), failures],             null,                     "RFC 7592 §2.1"],
    ["PUT",  `${base}/register/:clientId`,     [cors, replaceRegistration(context), failures],          null,                     "RFC 7592 §2.2"],
    ["DELETE", `${base}/register/:clientId`,   [cors, deleteRegistration(context), failures],           null,                     "RFC 7592 §2.3"],
    ["POST", `${base}/par`,                    [cors, form, clientAuth, pushedAuthorizationRequest(context), failures], "pushed_authorization_request_endpoint", "RFC 9126 §2"],
    ["GET",  `${base}/authorize`,              [forPeople, authorization(context)],           "authorization_endpoint", "RFC 6749 §3.1"],
    ["POST", `${base}/authorize`,              [forPeople, authorization(context)],           null,                     "RFC 6749 §3.1"],
    ["GET",  `${base}/login`,                  [forPeople, loginPage(context)],               null,                     "RFC 6749 §3.1"],
    ["POST", `${base}/login`,                  [forPeople, form, login(context)],             null,                     "RFC 6749 §3.1"],
    ["GET",  `${base}/callback/:provider`,     [forPeople, callback(context)],                null,                     "OpenID Connect Core §3.1.2.5"],
    ["POST", `${base}/callback/:provider`,     [forPeople, form, callback(context)],          null,                     "RFC 6749 §3.1"],
    ["GET",  `${base}/consent`,                [forPeople, consentPage(context)],             null,                     "RFC 6749 §3.1"],
    ["POST", `${base}/consent`,                [forPeople, form, consent(context)],           null,                     "RFC 6749 §4.1.2"],
    ["GET",  `${base}/invitation`,             [forPeople, invitationPage(context)],          null,                     "NIST SP 800-63B §3.1.1"],
    ["POST", `${base}/invitation`,             [forPeople, form, invitation(context)],        null,                     "NIST SP 800-63B §3.1.1"],
    ["GET",  `${base}/account`,                [forPeople, accountPage(context)],             null,                     "what clients hold"],
    ["POST", `${base}/account`,                [forPeople, form, account(context)],           null,                     "ends it, or signs out"],
    ["GET",  `${base}/account/passkey`,        [forPeople, passkeyPage(context)],             null,                     "WebAuthn §7.1"],
    ["POST", `${base}/account/passkey`,        [forPeople, form, passkey(context)],           null,                     "WebAuthn §7.1"],
    ["GET",  `${base}/credentials`,            [forPeople, credentialsPage(context)],         null,                     "what services ask of a person"],
    ["POST", `${base}/credentials`,            [forPeople, form, credentials(context)],       null,                     "sets or removes it"],
    ["POST", `${base}/device_authorization`,   [cors, form, clientAuth, deviceAuthorization(context), failures], "device_authorization_endpoint", "RFC 8628 §3.1"],
    ["GET",  `${base}/device`,                 [forPeople, devicePage(context)],              null,                     "RFC 8628 §3.3"],
    ["POST", `${base}/device`,                 [forPeople, form, device(context)],            null,                     "RFC 8628 §3.3"],
    ["POST", `${base}/token`,                  [cors, form, clientAuth, token(context), failures],      "token_endpoint",         "RFC 6749 §3.2"],
    ["POST", `${base}/revoke`,                 [cors, form, clientAuth, revocation(context), failures], "revocation_endpoint",    "RFC 7009 §2"],
    ["POST", `${base}/introspect`,             [cors, form, clientAuth, introspection(context), failures], "introspection_endpoint", "RFC 7662 §2"],
  ];
  return table;
}

function endpoints(context: ServerContext, table: readonly Route[]): Record<string, string> {
  const { origin } = new URL(context.issuer);
  return Object.fromEntries(
    table.flatMap(([, path, , member]) => (member === null ? [] : [[member, `${origin}${path}`]])),
  );
}

/** Rows that only programs call, at a fixed path: program-door.ts can walk their steps without Express. */
export function isForPrograms([, path, steps]: Route): boolean {
  return steps.includes(cors) && !path.includes(":");
}

/** Put `table` into `app`, with 405 and 404 around it and the error middleware at the end. */
export function registerRoutes(
  app: Express,
  context: ServerContext,
  table: readonly Route[] = routes(context),
): void {
  const router = express.Router({ caseSensitive: true, strict: true });
  router.use((_request, response, next) => {
    response.locals["requestId"] = requestId();
    next();
  });
  for (const path of new Set(table.map(([, path]) => path))) {
    const rows = table.filter((row) => row[1] === path);
    const route = router.route(path.replaceAll(/[{}()[\]*+?!\\]/g, "\\$&"));
    for (const [method, , steps] of rows) {
      route[METHODS[method]](...steps);
    }
    const isOpen = rows.some(([, , steps]) => steps.includes(cors));
    route.all(...(isOpen ? [cors] : []), methodNotAllowed(rows));
  }
  router.use(cors, () => {
    throw new OAuthError("invalid_request", "There is nothing at this path", { status: 404 });
  });
  app.use(router);
  app.use(oauthErrorHandler(context));
}

export function methodNotAllowed(rows: readonly Route[]): RequestHandler {
  const allowed = rows.flatMap(([method]) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  return (request, response) => {
    response.setHeader("Allow", allowed.join(", "));
    throw new OAuthError("invalid_request", `This endpoint does not take ${request.method}`, {
      status: 405,
    });
  };
}
