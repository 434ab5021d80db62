/**
 * Redirect URIs: which may be registered, and which registered one a request means.
 *
 * Registration (RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §2.1):
 *   - `https` on any host;
 *   - `http` on `localhost`, `127.0.0.1` and `[::1]`, in exactly these spellings;
 *   - private-use schemes: reverse domain names (they contain a dot), and those of known MCP clients that have none;
 *   - never a fragment, user information, dot segments, a wildcard host, nor a query that already carries one of our
 *     response parameters.
 * Everything is decided on the text as it came: what a URL parser would repair is refused instead.
 *
 * Matching (RFC 9700 §4.1.3): the same string. On http loopback the port is free, because native clients take whatever
 * port they get (RFC 8252 §7.3), and an empty path is `/` (RFC 3986 §6.2.3), because some add that slash and some do
 * not. Host names stay apart: `localhost` is not `127.0.0.1`.
 */

/** Dotless private-use schemes of MCP clients we know. */
const KNOWN_SCHEMES: ReadonlySet<string> = new Set([
  "cursor", "vscode", "vscode-insiders", "windsurf", "zed",
]); // prettier-ignore

/** What we, or a response mode we may learn, add to a redirect. */
const RESPONSE_PARAMETERS: ReadonlySet<string> = new Set([
  "access_token", "code", "error", "error_description", "error_uri", "expires_in", "id_token", "iss", "response",
  "scope", "session_state", "state", "token_type",
]); // prettier-ignore

const MAX_LENGTH = 2048;
const LOOPBACK = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(?::([0-9]{1,5}))?((?:[/?].*)?)$/;

/**
 * @param moreSchemes dotless private-use schemes the operator allows besides the known ones
 * @returns why this URI cannot be registered, a phrase; undefined when it can.
 */
export function redirectUriProblem(
  uri: string,
  moreSchemes: readonly string[] = [],
): string | undefined {
  if (uri.length > MAX_LENGTH) return `is longer than ${MAX_LENGTH} characters`;
  // unreserved, reserved and percent-encoded of RFC 3986; so no space, control, quote, backslash or non-ASCII.
  if (!/^(?:[\w.~:/?#[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+$/.test(uri)) {
    return "contains characters a URI cannot contain";
  }
  if (uri.includes("#")) return "has a fragment";
  const scheme = /^([a-z][a-z0-9+.-]*):/.exec(uri)?.[1];
  if (scheme === undefined || !URL.canParse(uri)) return "is not an absolute URI";
  return schemeProblem(scheme, uri, moreSchemes) ?? partsProblem(uri);
}

function schemeProblem(
  scheme: string,
  uri: string,
  moreSchemes: readonly string[],
): string | undefined {
  if (scheme === "https") {
    return /^https:\/\/[^/?]/.test(uri) ? undefined : "names no host";
  }
  if (scheme === "http") {
    return isLoopbackUri(uri)
      ? undefined
      : "must be https (http only on localhost, 127.0.0.1, [::1])";
  }
  return isPrivateScheme(scheme) || moreSchemes.includes(scheme)
    ? undefined
    : "has a scheme that is not allowed";
}

function partsProblem(uri: string): string | undefined {
  const [beforeQuery = "", ...query] = uri.split("?");
  const authority = /^[a-z0-9+.-]+:\/\/([^/]*)/.exec(beforeQuery)?.[1] ?? "";
  if (authority.includes("@")) return "carries user information";
  if (/\*|%/.test(authority)) return "has a wildcard or an escape in its host";
  if (beforeQuery.split("/").some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment))) {
    return "has dot segments in its path";
  }
  const names = new URLSearchParams(query.join("?")).keys();
  if ([...names].some((name) => RESPONSE_PARAMETERS.has(name.toLowerCase()))) {
    return "carries a parameter that belongs to the response";
  }
  return undefined;
}

function isPrivateScheme(scheme: string): boolean {
  return KNOWN_SCHEMES.has(scheme) || /^[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)+$/.test(scheme);
}

/** http on this machine, in one of the three spellings. */
function isLoopbackUri(uri: string): boolean {
  return loopbackParts(uri) !== undefined;
}

/** A redirect only a program on the person's own machine can receive: such a client keeps no secret (RFC 8252 §8.4). */
export function isNativeUri(uri: string): boolean {
  return isLoopbackUri(uri) || !uri.startsWith("https:");
}

/** Whether a request for `requested` is served by the registration of `registered`. */
export function matchesRedirectUri(registered: string, requested: string): boolean {
  if (registered === requested) return true;
  const ours = loopbackParts(registered);
  const theirs = loopbackParts(requested);
  // The requested text was never validated: it may differ in the port and nowhere else.
  return ours !== undefined && ours.host === theirs?.host && ours.rest === theirs.rest;
}

function loopbackParts(uri: string): { host: string; rest: string } | undefined {
  const match = LOOPBACK.exec(uri);
  if (!match) return undefined;
  const [, host = "", port, rest = ""] = match;
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) return undefined;
  return { host, rest: rest.startsWith("/") ? rest : `/${rest}` };
}
