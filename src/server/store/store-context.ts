import type { Clock } from "../../clock.ts";
import type { EventBus } from "../../events.ts";
import type { Log } from "../../log.ts";

/** What a store may use of the program around it. */
export interface StoreContext {
  readonly clock: Clock;
  readonly log: Log;
  /** A store that several processes share carries their events to each other. */
  readonly events?: EventBus;
}
