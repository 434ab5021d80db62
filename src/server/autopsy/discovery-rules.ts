/**
 * Where a client stops before it is known: it looks around, and something it finds or misses keeps it from going on.
 */
import type { AttemptStep } from "../../control/attempts.ts";
import { PATIENCE, resourceOf, type Rule, type View } from "./view.ts";

const isLost = (view: View): boolean => view.last === undefined && view.quiet >= PATIENCE;
const dialled = ({ steps }: View): string | undefined =>
  steps.findLast((step) => step.dialled !== undefined)?.dialled;
const missed = ({ steps }: View): AttemptStep | undefined =>
  steps.findLast(({ what, status = 200 }) =>
    what === "path.unknown" ? true : what.startsWith("metadata.") && status === 404,
  );

export const discoveryRules: readonly Rule[] = [
  {
    id: "host-unknown",
    state: "stopped",
    applies: (view) =>
      isLost(view) && view.steps.at(-1)?.what === "host.unknown" && !view.done("metadata.resource"),
    why: (view) =>
      `A request came for ${dialled(view) ?? "a host"}, which is no host of this gateway.`,
    fix: () =>
      "Set publicUrl to the address clients use, or let the reverse proxy pass the Host header on unchanged.",
  },
  {
    id: "plain-http",
    state: "stopped",
    applies: (view) =>
      isLost(view) &&
      dialled(view)?.startsWith("http:") === true &&
      resourceOf(view).startsWith("https:"),
    why: (view) =>
      `The client dialled ${dialled(view)}, but the resource is ${resourceOf(view)}: http is not https.`,
    fix: (view) =>
      `Give the client ${resourceOf(view)}, and redirect http to https; behind a proxy that ends TLS, X-Forwarded-Proto must say https.`,
  },
  {
    id: "metadata-wrong-path",
    state: "stopped",
    applies: (view) => {
      const step = missed(view);
      if (!isLost(view) || step === undefined) return false;
      return step.what === "path.unknown" || !view.done(step.what);
    },
    why: (view) => {
      const { request = "something" } = missed(view)!;
      return `The client asked for ${request}, which is not here: ${assumption(request)}.`;
    },
    fix: (view) => remedy(missed(view)?.request ?? "", view),
  },
  {
    id: "resource-mismatch",
    state: "stopped",
    applies: (view) =>
      isLost(view) &&
      view.done("metadata.resource") !== undefined &&
      !view.done("metadata.server") &&
      dialled(view) !== undefined,
    why: (view) =>
      `The client dialled ${dialled(view)}, and the metadata says the resource is ${resourceOf(view)}; strict clients stop at the difference.`,
    fix: (view) => `Give the client exactly this URL: ${resourceOf(view)}`,
  },
  {
    id: "server-metadata-never-fetched",
    state: "stopped",
    applies: (view) =>
      isLost(view) && view.done("metadata.resource") !== undefined && !view.done("metadata.server"),
    why: () =>
      "The client read the resource's metadata and never asked for that of the authorization server.",
    fix: () =>
      "Check that /.well-known/oauth-authorization-server of publicUrl can be reached from where the client runs: DNS, port 443, a WAF that blocks programs.",
  },
  {
    id: "registration-never-tried",
    state: "stopped",
    applies: (view) => isLost(view) && view.done("metadata.server") !== undefined,
    why: () =>
      "The client knows the authorization server, but neither registered nor opened a browser.",
    fix: () =>
      "The client may wait for its user to press Connect, or may not be able to register itself: then register it with mcp-gateway client register and enter the client id there.",
  },
  {
    id: "metadata-never-fetched",
    state: "stopped",
    applies: (view) => isLost(view) && view.steps.some(({ what }) => what === "mcp.unauthorized"),
    why: () =>
      "The client was answered 401 and never asked for the metadata that the answer names.",
    fix: () =>
      "Either it cannot log in by OAuth (it ignores WWW-Authenticate), or something in front of the gateway removes that header or blocks /.well-known/: check the proxy and the WAF.",
  },
];

function assumption(request: string): string {
  if (/oauth-protected-resource\/?$/.test(request) && !/\w\/\.well-known/.test(request)) {
    return "it takes the bare host for the resource";
  }
  if (request.includes("oauth-protected-resource")) return "no service has that path";
  if (request.includes("/.well-known/")) {
    return "it takes the MCP endpoint for the authorization server, as before the revision 2025-06-18";
  }
  if (/\/(?:sse|messages?)\/?$/.test(request)) {
    return "it speaks the old transport with an event stream, HTTP+SSE of 2024-11-05";
  }
  if (/\/(?:authorize|token|register)\/?$/.test(request)) {
    return "it guesses the address of an endpoint and has not read the metadata";
  }
  return "no service has that path";
}

function remedy(request: string, view: View): string {
  const { resource } = view.steps.findLast((step) => step.resource !== undefined) ?? {};
  const url = resource ?? "the URL that mcp-gateway status shows for the service";
  if (/\/(?:sse|messages?)\/?$/.test(request)) {
    return `Choose Streamable HTTP in the client and give it ${url}.`;
  }
  if (request.includes("/.well-known/") && !request.includes("oauth-protected-resource")) {
    return `Update the client; until then let it connect to ${url} on the host of publicUrl, with that service as defaultService.`;
  }
  return `Give the client the whole URL, ${url}; a proxy in front must not change or cut the path.`;
}
