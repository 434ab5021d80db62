/**
 * What a protected resource says when it refuses (RFC 6750 §3, RFC 9728 §5.1).
 */
export interface Challenge {
  /** Where its metadata is. */
  resourceMetadata?: string;
  /** Scopes the request needs. */
  scope?: string;
  error?: string;
  description?: string;
}

const MEMBERS = {
  resource_metadata: "resourceMetadata",
  scope: "scope",
  error: "error",
  error_description: "description",
} as const;

/**
 * @param header `WWW-Authenticate`
 * @returns empty when there is no challenge we understand; of a parameter that is there twice, the first counts
 */
export function readChallenge(header: string | string[] | undefined): Challenge {
  const text = String(header ?? "");
  const start = /(?:^|[\s,])(?:Bearer|DPoP)(?=\s|$)/i.exec(text);
  const challenge: Challenge = {};
  if (!start) return challenge;
  const parameter = /([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g;
  parameter.lastIndex = start.index;
  for (const [, name = "", quoted, plain] of text.matchAll(parameter)) {
    const member = MEMBERS[name.toLowerCase() as keyof typeof MEMBERS];
    if (member === undefined) continue;
    challenge[member] ??= quoted?.replaceAll(/\\(.)/g, "$1") ?? plain ?? "";
  }
  return challenge;
}
