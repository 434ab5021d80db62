/**
 * How a service is made from its entry in the configuration.
 */
import type { Clock } from "../../clock.ts";
import type { EventBus } from "../../events.ts";
import type { Log } from "../../log.ts";
import type { StatePaths } from "../../paths.ts";
import type { CredentialSource } from "../credentials.ts";
import type { Reaper } from "../reaper.ts";
import type { Service } from "./service.ts";

export interface ServiceDependencies {
  readonly clock: Clock;
  readonly events: EventBus;
  readonly log: Log;
  /** The gateway's own environment; a child gets the allowed part of it. */
  readonly environment: NodeJS.ProcessEnv;
  /** The gateway's own folders: no program sees them unless it may reach everything. */
  readonly paths: StatePaths;
  /** What programs of any service may change: links in there are not followed for another one. */
  readonly changeable: readonly string[];
  /** Guards the children of all services; undefined where there are no process groups (Windows). */
  readonly reaper: Reaper | undefined;
  /** Of people; needed where a service asks for some. */
  readonly credentials?: CredentialSource;
}

/** @throws UserError when the entry names a variable that is not set, or permissions that nothing here can enforce */
export type ServiceFactory<Entry> = (
  name: string,
  entry: Entry,
  deps: ServiceDependencies,
) => Service;
