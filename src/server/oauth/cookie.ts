/**
 * Cookies of the authorization server: opaque, unguessable values, nothing else.
 *
 * `__Host-` makes the browser refuse such a cookie from any other host, subdomains included (RFC 6265bis §4.1.3.2), so
 * nobody can plant one. It needs https; on http loopback the plain name is used, because Safari refuses `Secure` there.
 * Cookies do not know ports (RFC 6265 §8.5), so a port that is not the default becomes part of the name: two gateways on one
 * machine must not log each other out.
 */
import type { IncomingMessage, ServerResponse } from "node:http";

export function cookieName(issuer: string, name: string): string {
  const { protocol, port } = new URL(issuer);
  return `${protocol === "https:" ? "__Host-" : ""}mcp-gateway${port && `-${port}`}-${name}`;
}

/**
 * The value of a cookie of ours. One that came twice is nobody's: another host on the domain may have put it there.
 * @returns undefined when it is absent, came twice or cannot be one of ours
 */
export function readCookie(request: IncomingMessage, name: string): string | undefined {
  const values = cookiePairs(request).filter((pair) => pair.name === name);
  const value = values.length === 1 ? values[0]!.value : undefined;
  return value !== undefined && /^[\w-]{43}$/.test(value) ? value : undefined;
}

/** Names of all cookies that begin so, in the browser's order: oldest first (RFC 6265 §5.4). */
export function cookieNames(request: IncomingMessage, prefix: string): string[] {
  const names = cookiePairs(request).map((pair) => pair.name);
  return [...new Set(names.filter((name) => name.startsWith(prefix)))];
}

/** @param maxAge seconds; 0 removes it */
export function setCookie(
  response: ServerResponse,
  name: string,
  value: string,
  maxAge: number,
): void {
  const secure = name.startsWith("__Host-") ? "; Secure" : "";
  response.appendHeader(
    "Set-Cookie",
    `${name}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Lax${secure}`,
  );
}

export function clearCookie(response: ServerResponse, name: string): void {
  setCookie(response, name, "", 0);
}

function cookiePairs(request: IncomingMessage): { name: string; value: string }[] {
  return (request.headers.cookie ?? "").split(";").flatMap((pair) => {
    const equals = pair.indexOf("=");
    if (equals < 1) return [];
    return [{ name: pair.slice(0, equals).trim(), value: pair.slice(equals + 1).trim() }];
  });
}
