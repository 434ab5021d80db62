/**
 * An MCP endpoint: `POST | GET | DELETE <resource>`.
 *
 * Order: preflight -> web origin -> (a person in a browser gets a page) -> authenticate -> authorize -> bridge. Everything
 * before the bridge is decided without reading the body; the bridge, which reads it, asks once more for each message before
 * any server sees it, and for each answer before the client does.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AuthInfo } from "../../auth-info.ts";
import type { Bridge } from "../../bridge/bridge.ts";
import type { ServerContext } from "../context.ts";
import { answerPreflight, setCorsHeaders } from "../cors.ts";
import { connectPage } from "../pages/connect-page.ts";
import { pageHeaders } from "../pages/page-headers.ts";
import type { ServiceResource } from "../resources.ts";
import { DEFAULT_SCOPES } from "../scopes.ts";
import type { Authenticate } from "./authenticate.ts";
import { authorize } from "./authorize.ts";
import { refuse } from "./challenge.ts";
import { callerOf, ServiceGate } from "./gate.ts";
import { hasToolGroups, scopesOfMessage } from "./operation-scopes.ts";
import { isAllowedOrigin, refuseOrigin } from "./web-origin.ts";

export type McpEndpoint = (
  request: IncomingMessage,
  response: ServerResponse,
  resource: ServiceResource,
) => Promise<void>;

const METHODS = "GET, POST, DELETE, OPTIONS";

export function createMcpEndpoint(
  context: ServerContext,
  bridge: Bridge,
  authenticate: Authenticate,
): McpEndpoint {
  return async (request, response, resource) => {
    if (request.method === "OPTIONS") return answerPreflight(request, response, METHODS);
    setCorsHeaders(response);
    if (!isAllowedOrigin(context, request.headers.origin)) return refuseOrigin(response);
    if (isPersonLooking(request)) return sendConnectPage(response, resource);
    let known: AuthInfo | undefined;
    try {
      const auth = (known = await authenticate(request, response, resource));
      authorize(auth, resource, DEFAULT_SCOPES);
      const { service } = resource;
      const caller = await callerOf(context, auth, service);
      await bridge.handle(request, response, {
        auth,
        service,
        gate: new ServiceGate(context, service, auth.subject, caller),
        ...(hasToolGroups(resource) && {
          authorizeMessage: (method: string, name: unknown) =>
            authorize(auth, resource, scopesOfMessage(resource, method, name)),
        }),
      });
    } catch (error) {
      refuse(context, response, error, resource, known);
    }
  };
}

function isPersonLooking(request: IncomingMessage): boolean {
  const { accept = "", authorization } = request.headers;
  return (
    (request.method === "GET" || request.method === "HEAD") &&
    authorization === undefined &&
    accept.includes("text/html") &&
    !accept.includes("text/event-stream")
  );
}

function sendConnectPage(response: ServerResponse, resource: ServiceResource): void {
  pageHeaders(response);
  response.setHeader("Content-Type", "text/html; charset=utf-8");
  response.end(connectPage({ url: resource.uri, service: resource.service }));
}
