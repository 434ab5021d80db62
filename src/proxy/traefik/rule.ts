/**
 * Routes in Traefik's language of rules.
 */
import type { Route } from "../plan.ts";
import { escapeRegExp } from "../target.ts";

export function ruleOf({ hosts, paths, method }: Route): string {
  const { exact = [], below = [] } = paths;
  const parts = [either(hosts.map((host) => `Host(${quoted(host)})`))];
  const isEverything = below.includes("");
  if (!isEverything) {
    parts.push(either([...exact.map((path) => `Path(${quoted(path)})`), ...segments(below)]));
  }
  if (method !== undefined) parts.push(`Method(${quoted(method)})`);
  return parts.join(" && ");
}

/** A segment and what is below it, but not what only begins with it: no `PathPrefix`. */
function segments(below: readonly string[]): string[] {
  if (below.length === 0) return [];
  const paths = below.map(escapeRegExp);
  return [`PathRegexp(${quoted(`^(${paths.join("|")})(/|$)`)})`];
}

function either(matchers: readonly string[]): string {
  return matchers.length === 1 ? matchers[0]! : `(${matchers.join(" || ")})`;
}

/** Backticks cannot be in a host, nor in a path: a URL has them as %60. */
function quoted(text: string): string {
  return `\`${text}\``;
}
