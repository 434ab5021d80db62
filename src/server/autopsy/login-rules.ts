/**
 * Where a login stops between registration and consent.
 */
import { nameOf, PATIENCE_WITH_PEOPLE, type Rule, type View } from "./view.ts";

const detail = ({ last }: View): string => last?.detail ?? last?.error ?? "no reason given";
/** Seconds until a client that has registered opens a browser; some wait for a click. */
const PATIENCE_BEFORE_BROWSER = 120;

export const loginRules: readonly Rule[] = [
  {
    id: "registration-off",
    state: "failed",
    applies: (view) => view.ends("registration", /^access_denied/),
    why: () => "The client wanted to register itself, which this gateway does not allow.",
    fix: () =>
      "Register it with mcp-gateway client register and enter the client id there, or set registration.dynamic to true.",
  },
  {
    id: "registration-redirect-uri",
    state: "failed",
    applies: (view) => view.ends("registration", /^invalid_redirect_uri/),
    why: (view) => `The registration was refused for its redirect URI: ${detail(view)}.`,
    fix: () =>
      "Redirect URIs are https, http on loopback, or a private scheme: if you trust the client's scheme, add it to registration.redirectSchemes.",
  },
  {
    id: "registration-refused",
    state: "failed",
    applies: (view) => view.ends("registration", /^\w/),
    why: (view) => `The registration was refused: ${detail(view)}.`,
    fix: () =>
      "The client sends metadata this gateway cannot serve: register it by hand with mcp-gateway client register.",
  },
  {
    id: "client-document",
    state: "failed",
    applies: (view) => view.ends("client.document", /^\w/) || isAboutDocument(view),
    why: (view) => `The document at the client's id cannot be used: ${documentProblem(view)}.`,
    fix: () =>
      "Check from the gateway's machine that the client id can be fetched over https and is valid JSON about itself; registration.metadataDocuments says which hosts are taken.",
  },
  {
    id: "client-unknown",
    state: "failed",
    applies: (view) =>
      view.ends("authorize", /unknown client/) || view.ends("token.refused", /unknown client/),
    why: (view) =>
      `The client came with the id ${view.last?.clientId ?? ""}, which is not registered here, or no longer.`,
    fix: () =>
      "Remove the connection in the client and add it again, so that it registers anew. If this happens often, raise registration.unusedClient and idleClient.",
  },
  {
    id: "redirect-uri-mismatch",
    state: "failed",
    applies: (view) => view.ends("authorize", /redirect_uri/),
    why: (view) =>
      `The client wants to return to another address than it registered: ${detail(view)}.`,
    fix: () =>
      "Remove the connection in the client and add it again, or register this redirect URI with mcp-gateway client register.",
  },
  {
    id: "pkce-method",
    state: "failed",
    applies: (view) => view.ends("authorize", /code_challenge_method/),
    why: () => "The client uses PKCE in the unsafe way, plain; only S256 is taken.",
    fix: () => "Update the client: OAuth 2.1 and MCP demand code_challenge_method=S256.",
  },
  {
    id: "pkce-missing",
    state: "failed",
    applies: (view) => view.ends("authorize", /code_challenge/),
    why: (view) => `The client does not use PKCE as it must: ${detail(view)}.`,
    fix: () => "Update the client: OAuth 2.1 and MCP demand PKCE.",
  },
  {
    id: "resource-unknown",
    state: "failed",
    applies: (view) =>
      view.ends("authorize", /^invalid_target/) || view.ends("token.refused", /^invalid_target/),
    why: (view) => `The client asked for a token for a resource it cannot have: ${detail(view)}.`,
    fix: () =>
      "Give the client the URL that mcp-gateway status shows for the service, letter by letter; publicUrl must be the address clients dial.",
  },
  {
    id: "scope-refused",
    state: "failed",
    applies: (view) =>
      view.ends("authorize", /^invalid_scope/) || view.ends("token.refused", /^invalid_scope/),
    why: (view) => `The client asked for scopes it cannot have: ${detail(view)}.`,
    fix: () => "Remove the scope from the client's settings; it learns what it needs from the 401.",
  },
  {
    id: "authorize-refused",
    state: "failed",
    applies: (view) => view.ends("authorize", /^\w/),
    why: (view) => `The authorization request was refused: ${detail(view)}.`,
    fix: () =>
      "The client breaks a rule of OAuth 2.1 here; update it, or tell its makers this reason.",
  },
  {
    id: "login-provider-failed",
    state: "failed",
    applies: (view) => view.last?.what === "login.failed" && (view.last.status ?? 0) >= 500,
    why: (view) => `The identity provider failed: ${detail(view)}.`,
    fix: () =>
      "Check the provider's client id, secret and callback URL under identity.providers, and that the gateway can reach it.",
  },
  {
    id: "login-denied",
    state: "failed",
    applies: (view) => view.ends("login.failed"),
    why: (view) => `The person did not get through the login: ${detail(view)}.`,
    fix: () =>
      "The person cancelled at the provider or entered a wrong code, and may connect again.",
  },
  {
    id: "not-allowed",
    state: "failed",
    applies: (view) => view.ends("login.refused"),
    why: (view) => `${view.last?.subject ?? "The person"} logged in, but ${detail(view)}.`,
    fix: (view) =>
      `If this person may come in, add a rule that fits, such as ${view.last?.subject ?? "provider:id"}, to that list.`,
  },
  {
    id: "consent-denied",
    state: "failed",
    applies: (view) => view.ends("consent.denied"),
    why: (view) => `${view.last?.subject ?? "The person"} pressed Cancel on the consent page.`,
    fix: () => "Nothing is wrong here; the person may connect again.",
  },
  {
    id: "consent-never-answered",
    state: "stopped",
    applies: (view) =>
      view.quiet >= PATIENCE_WITH_PEOPLE &&
      (view.ends("consent.shown") || view.ends("login.finished")),
    why: () => "The person saw the consent page and answered nothing for ten minutes.",
    fix: () => "The person left, or closed the window: connect again from the client.",
  },
  {
    id: "login-never-finished",
    state: "stopped",
    applies: (view) =>
      view.quiet >= PATIENCE_WITH_PEOPLE && (view.ends("authorize") || view.ends("login.begun")),
    why: ({ last }) =>
      `The person never came back from the login${last?.detail === undefined ? "" : ` at ${last.detail}`}.`,
    fix: () =>
      "Most people just left. If nobody comes back, the provider shows an error: its callback URL must be the gateway's /callback/<name>.",
  },
  {
    id: "authorization-never-opened",
    state: "stopped",
    applies: (view) =>
      view.quiet >= PATIENCE_BEFORE_BROWSER &&
      (view.ends("registration") || view.ends("client.document")),
    why: (view) => `${capital(nameOf(view))} registered, but no browser came to log in.`,
    fix: () =>
      "The client may register twice and use one of them: look at the attempts beside this one. Otherwise look at the client: it should open a browser on the authorization endpoint.",
  },
];

function isAboutDocument({ steps, last }: View): boolean {
  if (last?.error === undefined || last.clientId?.startsWith("https://") !== true) return false;
  return steps.some(({ what, error }) => what === "client.document" && error !== undefined);
}

function documentProblem({ steps }: View): string {
  return (
    steps.findLast(({ what, error }) => what === "client.document" && error !== undefined)
      ?.detail ?? "it could not be fetched"
  );
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
