/**
 * The services of a configuration. A new kind is a file, a line here and a variant in config/service.ts.
 */
import type { Config, ServiceConfig } from "../../config.ts";
import { resolvePermissions } from "../../config/permissions.ts";
import { statePaths } from "../../paths.ts";
import { Reaper } from "../reaper.ts";
import { createHttpService } from "./http.ts";
import type { ServiceDependencies } from "./service-factory.ts";
import type { Service } from "./service.ts";
import { createStdioService } from "./stdio.ts";

/** @throws UserError when an entry names a variable that is not set, or permissions that nothing here can enforce */
export function createServices(
  config: Config,
  deps: Omit<ServiceDependencies, "reaper" | "environment" | "paths" | "changeable"> & {
    environment?: NodeJS.ProcessEnv;
  },
): Map<string, Service> {
  const reaper = process.platform === "win32" ? undefined : new Reaper();
  const paths = statePaths(config.store.path);
  const changeable = Object.values(config.services).flatMap((service) =>
    "command" in service && typeof service.permissions === "object"
      ? resolvePermissions(service.permissions, service.cwd ?? process.cwd()).write
      : [],
  );
  const all = { ...deps, environment: deps.environment ?? process.env, reaper, paths, changeable };
  return new Map(
    Object.entries(config.services).map(([name, entry]) => [name, createService(name, entry, all)]),
  );
}

function createService(name: string, entry: ServiceConfig, deps: ServiceDependencies): Service {
  return "url" in entry
    ? createHttpService(name, entry, deps)
    : createStdioService(name, entry, deps);
}
