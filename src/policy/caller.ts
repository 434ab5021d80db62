/**
 * Which policies of a service are for a caller. What is not known of somebody fits nothing, and so gives him nothing.
 */
import { matchesRule, parseRule, type Comer } from "../config/allow.ts";
import type { Policy } from "../config/policy.ts";

export interface Caller extends Comer {
  readonly redirectUris: readonly string[];
}

export function isFor({ for: people, clients }: Policy, caller: Caller): boolean {
  return (
    (people === undefined || people.some((rule) => matchesRule(parseRule(rule), caller))) &&
    (clients === undefined || clients.some((client) => isClient(client, caller)))
  );
}

function isClient(named: string, { clientId, redirectUris }: Caller): boolean {
  const [, host] = /^redirect:(.+)$/.exec(named) ?? [];
  if (host === undefined) return named === clientId;
  // One address elsewhere would be enough for a stranger who registers this one, too.
  return redirectUris.length > 0 && redirectUris.every((uri) => isAt(host, uri));
}

function isAt(host: string, uri: string): boolean {
  if (!URL.canParse(uri)) return false;
  const url = new URL(uri);
  return url.protocol === "https:" && url.host === host;
}
