/**
 * Whether a service may reach less than before. Who works with its old process must not go on with rights that were taken
 * away.
 */
import { NO_PERMISSIONS, type Permissions } from "./permissions.ts";
import type { BridgedServiceConfig as ServiceConfig } from "./service.ts";

const WIDTH: Readonly<Record<ServiceConfig["isolation"], number>> = {
  session: 0,
  user: 1,
  shared: 2,
};

/**
 * Rights, variables of the environment, headers, and with whom a server is shared. Not what callers may use of it: that is
 * decided in front of the server, anew for each message.
 */
export function isNarrower(next: ServiceConfig, before: ServiceConfig): boolean {
  if (WIDTH[next.isolation] < WIDTH[before.isolation]) return true;
  const { credentials: asked = {} } = next;
  if (Object.keys(before.credentials ?? {}).some((name) => !(name in asked))) return true;
  if ("url" in before) return "url" in next && lacks(next.headers, before.headers);
  if ("url" in next) return false;
  return lacks(next.env, before.env) || mayLess(next.permissions, before.permissions);
}

/** A value that was changed was taken away, too. */
function lacks(
  next: Readonly<Record<string, string>>,
  before: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(before).some(([name, value]) => next[name] !== value);
}

function mayLess(
  next: Permissions | "all" = NO_PERMISSIONS,
  before: Permissions | "all" = NO_PERMISSIONS,
): boolean {
  if (next === "all") return false;
  if (before === "all" || (before.net && !next.net)) return true;
  const isGone = (list: "env" | "read" | "write" | "run"): boolean =>
    !next[list].includes("*") && before[list].some((one) => !next[list].includes(one));
  return isGone("env") || isGone("read") || isGone("write") || isGone("run");
}
