/**
 * The services of a configuration: kind -> factory. A new kind is a file, a line here and a variant in config.ts.
 */
import type { Config, ServiceConfig } from "../../config.ts";
import { Reaper } from "../reaper.ts";
import type { ServiceDependencies, ServiceFactory } from "./service-factory.ts";
import type { Service } from "./service.ts";
import { createStdioService } from "./stdio.ts";

const FACTORIES: ReadonlyMap<string, ServiceFactory> = new Map([["stdio", createStdioService]]);

/** @throws UserError when an entry names an environment variable that is not set */
export function createServices(
  config: Config,
  deps: Omit<ServiceDependencies, "reaper" | "environment"> & { environment?: NodeJS.ProcessEnv },
): Map<string, Service> {
  const reaper = process.platform === "win32" ? undefined : new Reaper();
  const all = { ...deps, environment: deps.environment ?? process.env, reaper };
  return new Map(
    Object.entries(config.services).map(([name, entry]) => [
      name,
      FACTORIES.get(kindOf(entry))!(name, entry, all),
    ]),
  );
}

function kindOf(_entry: ServiceConfig): string {
  return "stdio";
}
