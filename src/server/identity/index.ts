/**
 * Every identity provider there is, by the `type` of its configuration.
 */
import type { Clock } from "../../clock.ts";
import type { Config, IdentityProviderConfig } from "../../config.ts";
import type { IdentityProvider } from "./identity-provider.ts";
import { createLocalProvider } from "./local.ts";

export interface IdentityDependencies {
  clock: Clock;
  /** Whether somebody who is not at this machine can reach the login page. */
  requireCode: boolean;
  /** Shows a one-time code to the person at the terminal. */
  announce: (code: string) => void;
}

type Factories = {
  [Type in IdentityProviderConfig["type"]]: (
    config: Extract<IdentityProviderConfig, { type: Type }>,
    dependencies: IdentityDependencies,
  ) => IdentityProvider;
};

const factories: Factories = {
  local: ({ name }, dependencies) => createLocalProvider({ name, ...dependencies }),
};

/** @returns the configured providers by name, in configured order */
export function createIdentityProviders(
  config: Config,
  dependencies: IdentityDependencies,
): Map<string, IdentityProvider> {
  return new Map(
    config.identity.providers.map((entry) => [
      entry.name,
      factories[entry.type](entry, dependencies),
    ]),
  );
}
