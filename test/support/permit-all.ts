/**
 * The fixtures of most tests need no walls around them: each program that does not say what it may reach may reach all.
 */
import type { ConfigInput } from "../../src/config.ts";

type Services = ConfigInput["services"];

export function permitAll(services: Services): Services {
  return Object.fromEntries(
    Object.entries(services).map(([name, service]) => [
      name,
      "command" in service ? { permissions: "all" as const, ...service } : service,
    ]),
  );
}
