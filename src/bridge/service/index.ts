/**
 * The services of a configuration. A new kind is a file, a line here and a variant in config/service.ts.
 */
import type { Config } from "../../config.ts";
import { resolvePermissions } from "../../config/permissions.ts";
import { withoutRules, type BridgedServiceConfig } from "../../config/service.ts";
import { statePaths } from "../../paths.ts";
import { Reaper } from "../reaper.ts";
import { createHttpService } from "./http.ts";
import type { ServiceDependencies } from "./service-factory.ts";
import type { Service } from "./service.ts";
import { createStdioService } from "./stdio.ts";

/**
 * Those that the reverse proxy forwards to by itself are not among them.
 * @param before services that run: one whose entry is the same is in the result as it is
 * @throws UserError when an entry names a variable that is not set, or permissions that nothing here can enforce; nothing
 *   has been started then
 */
export function createServices(
  config: Config,
  deps: Omit<ServiceDependencies, "reaper" | "environment" | "paths" | "changeable"> & {
    environment?: NodeJS.ProcessEnv;
  },
  before: ReadonlyMap<string, Service> = new Map(),
): Map<string, Service> {
  const reaper = process.platform === "win32" ? undefined : new Reaper();
  const paths = statePaths(config.store.path);
  const bridged = Object.entries(config.services).flatMap(([name, entry]) =>
    "via" in entry ? [] : [[name, entry] as const],
  );
  const changeable = changeableBy(bridged.map(([, entry]) => entry));
  const changedBefore = changeableBy(Array.from(before.values(), (service) => service.config));
  const isSame = String(changeable) === String(changedBefore);
  const all = { ...deps, environment: deps.environment ?? process.env, reaper, paths, changeable };
  const services = new Map<string, Service>();
  try {
    for (const [name, entry] of bridged) {
      const known = before.get(name);
      const stays = known && isSame && isSameServer(known.config, entry);
      services.set(name, stays ? known : createService(name, entry, all));
    }
  } catch (error) {
    for (const [name, service] of services) if (before.get(name) !== service) void service.stop(0);
    throw error;
  }
  return services;
}

function changeableBy(services: readonly BridgedServiceConfig[]): string[] {
  return services.flatMap((service) =>
    "command" in service && typeof service.permissions === "object"
      ? resolvePermissions(service.permissions, service.cwd ?? process.cwd()).write
      : [],
  );
}

function isSameServer(a: BridgedServiceConfig, b: BridgedServiceConfig): boolean {
  return JSON.stringify(withoutRules(a)) === JSON.stringify(withoutRules(b));
}

function createService(
  name: string,
  entry: BridgedServiceConfig,
  deps: ServiceDependencies,
): Service {
  return "url" in entry
    ? createHttpService(name, entry, deps)
    : createStdioService(name, entry, deps);
}
