/**
 * What every endpoint of the server may rely on. Made once by gateway.ts; nobody else knows the implementations behind it.
 */
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { EventBus } from "../events.ts";
import type { Log } from "../log.ts";
import type { Attempts } from "./autopsy/attempts.ts";
import type { Credentials } from "./credentials.ts";
import type { GuardedFetch } from "./guarded-fetch.ts";
import type { IdentityProvider } from "./identity/identity-provider.ts";
import type { RemoteKeys } from "./oauth/remote-keys.ts";
import type { Resources } from "./resources.ts";
import type { SigningKeys } from "./signing-keys.ts";
import type { Store } from "./store/store.ts";

export interface ServerContext {
  readonly config: Config;
  /** The issuer identifier: the public URL, no trailing slash. */
  readonly issuer: string;
  readonly clock: Clock;
  readonly events: EventBus;
  /** Where endpoints note the steps of logins. */
  readonly attempts: Attempts;
  readonly log: Log;
  readonly store: Store;
  readonly keys: SigningKeys;
  /** What people have entered for services. */
  readonly credentials: Credentials;
  readonly resources: Resources;
  /** For addresses that strangers name. */
  readonly guardedFetch: GuardedFetch;
  /** Key sets behind addresses that clients have named, and behind those the operator has. */
  readonly remoteKeys: { readonly ofClients: RemoteKeys; readonly ofIssuers: RemoteKeys };
  /** By configured name, in configured order. */
  readonly identityProviders: ReadonlyMap<string, IdentityProvider>;
}
