/**
 * Every identity provider there is, by the `type` of its configuration.
 */
import type { Clock } from "../../clock.ts";
import type { Config, IdentityProviderConfig } from "../../config.ts";
import { ruleNeeds, type RuleNeeds } from "../../config/allow.ts";
import { withPreset } from "../../config/oidc.ts";
import { resolveSecret } from "../../secret.ts";
import { createAccountsProvider } from "./accounts.ts";
import { createGitHubProvider } from "./github.ts";
import type { AccountDirectory, IdentityProvider } from "./identity-provider.ts";
import { createLocalProvider } from "./local.ts";
import { createOidcProvider } from "./oidc.ts";
import { createProviderFetch, type ProviderFetch } from "./provider-fetch.ts";

export interface IdentityDependencies {
  clock: Clock;
  /** Whether somebody who is not at this machine can reach the login page. */
  requireCode: boolean;
  /** Shows a one-time code to the person at the terminal. */
  announce: (code: string) => void;
  /** Of the gateway's own. */
  accounts: AccountDirectory;
}

/** What providers elsewhere need. */
interface Asking {
  fetch: ProviderFetch;
  /** Of the rules in force, for the provider of this name. */
  needs: (provider: string) => RuleNeeds;
}

type Factories = {
  [Type in IdentityProviderConfig["type"]]: (
    config: Extract<IdentityProviderConfig, { type: Type }>,
    dependencies: IdentityDependencies & Asking,
  ) => IdentityProvider;
};

const factories: Factories = {
  local: ({ name }, dependencies) => createLocalProvider({ name, ...dependencies }),
  accounts: ({ name }, { accounts }) => createAccountsProvider({ name, accounts }),
  github: ({ name, clientId, clientSecret, baseUrl }, { fetch, needs }) =>
    createGitHubProvider({
      name,
      clientId,
      clientSecret: resolveSecret(clientSecret, `clientSecret of the identity provider ${name}`),
      baseUrl,
      fetch,
      needs: () => needs(name),
    }),
  oidc: (entry, { clock, fetch, needs }) => {
    const { name, issuer, ...rest } = withPreset(entry);
    return createOidcProvider({
      ...rest,
      name,
      issuer: issuer ?? "",
      clientSecret: resolveSecret(
        entry.clientSecret,
        `clientSecret of the identity provider ${name}`,
      ),
      clock,
      fetch,
      needs: () => needs(name),
    });
  },
};

/**
 * @param config asked anew at each login which rules are in force
 * @returns the configured providers by name, in configured order
 * @throws UserError when a secret is missing
 */
export function createIdentityProviders(
  config: Config,
  dependencies: IdentityDependencies,
): Map<string, IdentityProvider> {
  const all = {
    ...dependencies,
    fetch: createProviderFetch(dependencies),
    needs: (provider: string) => ruleNeeds(config, provider),
  };
  return new Map(
    config.identity.providers.map((entry) => [entry.name, createProvider(entry, all)]),
  );
}

function createProvider<Type extends IdentityProviderConfig["type"]>(
  entry: Extract<IdentityProviderConfig, { type: Type }>,
  dependencies: IdentityDependencies & Asking,
): IdentityProvider {
  return factories[entry.type](entry, dependencies);
}
