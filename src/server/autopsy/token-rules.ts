/**
 * Where it stops after consent: the code, the tokens, and the calls with them.
 */
import { nameOf, PATIENCE, resourceOf, type Rule, type View } from "./view.ts";

const detail = ({ last }: View): string => last?.detail ?? last?.error ?? "no reason given";
const returnsTo = (view: View): string => view.done("code.issued")?.detail ?? "its redirect URI";

export const tokenRules: readonly Rule[] = [
  {
    id: "refresh-reused",
    state: "failed",
    applies: (view) => view.ends("token.refused", /refresh token reused/),
    why: () =>
      "A refresh token that was used before came back, so the whole grant ended: it was copied, or the client lost the newer one.",
    fix: () =>
      "The person must log in again. If it happens to one client often, several copies of it share one token store; raising tokens.refreshGrace helps with slow ones.",
  },
  {
    id: "refresh-refused",
    state: "failed",
    applies: (view) => view.ends("token.refused", /refresh token/),
    why: (view) => `The client tried to refresh and was refused: ${detail(view)}.`,
    fix: () =>
      "The person must log in again; tokens.refreshToken and tokens.grant say how long they last.",
  },
  {
    id: "code-verifier",
    state: "failed",
    applies: (view) => view.ends("token.refused", /wrong code_verifier/),
    why: () => "The client redeemed the code with a PKCE verifier that does not fit its challenge.",
    fix: () =>
      "Two windows or two copies of the client may have mixed up their logins: close all but one and connect again.",
  },
  {
    id: "code-redirect-uri",
    state: "failed",
    applies: (view) => view.ends("token.refused", /other redirect_uri/),
    why: (view) =>
      `The client redeemed the code with another redirect_uri than it was sent to, ${returnsTo(view)}.`,
    fix: () =>
      "Update the client: both requests must carry the same redirect_uri, letter by letter.",
  },
  {
    id: "code-reused",
    state: "failed",
    applies: (view) => view.ends("token.refused", /code used before/),
    why: () => "The code was redeemed twice, so the grant has ended.",
    fix: () =>
      "Connect again. If it stays so, something repeats POST /token: a proxy that retries, or two copies of the client.",
  },
  {
    id: "code-refused",
    state: "failed",
    applies: (view) => view.ends("token.refused", /\bcode /),
    why: (view) => `The client's code was refused: ${detail(view)}.`,
    fix: () =>
      "Connect again. A code lives as long as tokens.authorizationCode says, and for one client.",
  },
  {
    id: "client-authentication",
    state: "failed",
    applies: (view) => view.ends("token.refused", /^invalid_client/),
    why: (view) => `The client could not prove itself at the token endpoint: ${detail(view)}.`,
    fix: () =>
      "Compare client id, secret and method with mcp-gateway client show; a client that registered itself is best removed there and connected anew.",
  },
  {
    id: "token-refused",
    state: "failed",
    applies: (view) => view.ends("token.refused"),
    why: (view) => `The token request was refused: ${detail(view)}.`,
    fix: () =>
      "The client breaks a rule of OAuth 2.1 here; update it, or tell its makers this reason.",
  },
  {
    id: "call-other-resource",
    state: "failed",
    applies: (view) => view.ends("call.refused", /invalid_token aud /),
    why: (view) =>
      `The client called ${resourceOf(view)} with a token for another resource: ${detail(view).replace(/^aud /, "")}.`,
    fix: () =>
      "A token opens one resource: connect to each service by itself, with the URL that mcp-gateway status shows.",
  },
  {
    id: "refresh-never-tried",
    state: "stopped",
    applies: (view) => view.ends("call.refused", /invalid_token expired/) && view.quiet >= PATIENCE,
    why: () => "The access token expired, and the client did not use its refresh token.",
    fix: () =>
      "Some clients never refresh: the person must connect again. A longer tokens.accessToken makes it rarer.",
  },
  {
    id: "call-scope",
    state: "stopped",
    applies: (view) => view.ends("call.refused", /insufficient_scope/) && view.quiet >= PATIENCE,
    why: (view) => `A call was refused (${detail(view)}), and the client did not ask for more.`,
    fix: () =>
      "The client cannot step up: let its user disconnect, and connect again with the scopes in its settings.",
  },
  {
    id: "call-refused",
    state: "failed",
    applies: (view) =>
      view.ends("call.refused") &&
      !view.ends("call.refused", /insufficient_scope|invalid_token expired/),
    why: (view) => `The call was refused: ${detail(view)}.`,
    fix: () =>
      "The client must log in again. Tokens end when a grant, a client or a key is revoked.",
  },
  {
    id: "succeeded",
    state: "succeeded",
    applies: (view) => view.sinceToken("call.first") !== undefined,
    why: (view) => `${nameOf(view).replace(/^t/, "T")} logged in and called ${resourceOf(view)}.`,
  },
  {
    id: "call-without-token",
    state: "stopped",
    applies: (view) =>
      view.quiet >= PATIENCE &&
      view.ends("token.issued") &&
      view.sinceToken("mcp.unauthorized") !== undefined,
    why: () =>
      "A token was issued, and the call that followed came without Authorization, probably from the same client.",
    fix: () =>
      "Check that no proxy removes the Authorization header. Otherwise the client forgot its token: connect again, and update it.",
  },
  {
    id: "call-wrong-path",
    state: "stopped",
    applies: (view) =>
      view.quiet >= PATIENCE &&
      view.ends("token.issued") &&
      view.sinceToken("path.unknown") !== undefined,
    why: (view) =>
      `A token was issued, and the client then asked for ${view.sinceToken("path.unknown")?.request}, where there is nothing.`,
    fix: (view) => `Give the client exactly this URL: ${resourceOf(view)}`,
  },
  {
    id: "token-unused",
    state: "stopped",
    applies: (view) => view.quiet >= PATIENCE && view.ends("token.issued"),
    why: (view) =>
      `A token was issued and no call followed for ${PATIENCE} s: the client never reached ${resourceOf(view)}.`,
    fix: () =>
      "Check that a WAF or bot protection in front lets the client's POST through, and that the URL in the client has no other path or trailing slash.",
  },
  {
    id: "code-never-redeemed",
    state: "stopped",
    applies: (view) => view.quiet >= PATIENCE && view.ends("code.issued"),
    why: (view) =>
      `The person allowed it and was sent to ${returnsTo(view)}, but the client never redeemed the code.`,
    fix: (view) =>
      /^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])/.test(returnsTo(view))
        ? "The browser could not reach the client on that port: it runs on another machine (SSH, container), was closed, or a firewall blocks loopback."
        : "The client was not reached at its redirect URI, or cannot reach the token endpoint: check its log, and the WAF for POST /token.",
  },
  {
    id: "device-never-came",
    state: "stopped",
    applies: (view) => view.quiet >= PATIENCE && view.ends("consent.given"),
    why: () => "The person allowed it, and the device never came for its token.",
    fix: () =>
      "The program that showed the code has ended, or waits too long between its questions: start it again.",
  },
];
