/**
 * Looking from time to time for what is over: one timer for all of it instead of one for each request, and none while there
 * is nothing to look at.
 */
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";

const LONGEST = 15; // seconds between two looks

export class Looks {
  readonly #clock: Clock;
  readonly #limits: Config["limits"];
  readonly #look: () => boolean;
  /** The strictest of the services' timeouts, in seconds. */
  #timeout = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | undefined;
  #isStopped = false;

  /** @param look returns whether there is anything left to look at */
  constructor(clock: Clock, limits: Config["limits"], look: () => boolean) {
    this.#clock = clock;
    this.#limits = limits;
    this.#look = look;
  }

  /** There is something to look at. @param timeout of its service, in seconds */
  begin(timeout: number): void {
    if (this.#isStopped || (this.#cancel && timeout >= this.#timeout)) return;
    this.#timeout = Math.min(timeout, this.#timeout);
    this.#cancel?.();
    this.#cancel = this.#lookLater();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  #lookLater(): () => void {
    const { sessionIdle, sessionLifetime, requestLifetime, pendingInput } = this.#limits;
    const seconds = Math.min(
      LONGEST,
      sessionIdle / 2,
      sessionLifetime / 2,
      requestLifetime / 4,
      pendingInput / 4,
      this.#timeout / 4,
    );
    return this.#clock.after(seconds, () => {
      this.#cancel = this.#look() && !this.#isStopped ? this.#lookLater() : undefined;
    });
  }
}
