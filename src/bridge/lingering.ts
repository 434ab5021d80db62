/**
 * Calls that were cancelled and may run on: what a server that is shared still says about them must not reach somebody
 * else, so their owners count for a while when it is asked who may be meant.
 */
import type { Clock } from "../clock.ts";

const LINGER = 10; // seconds until a call that was cancelled is taken to have stopped
const MAX_LINGERING = 1000; // calls; the oldest is forgotten first

export class Lingering<Owner> {
  readonly #clock: Clock;
  readonly #calls = new Map<unknown, { owner: Owner; until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param number under which the call travelled */
  add(number: number, owner: Owner): void {
    this.#calls.set(number, { owner, until: this.#clock.now() + LINGER });
    if (this.#calls.size <= MAX_LINGERING) return;
    const [oldest] = this.#calls.keys();
    this.#calls.delete(oldest);
  }

  /** It was answered after all. */
  delete(number: unknown): void {
    this.#calls.delete(number);
  }

  owners(): Owner[] {
    const now = this.#clock.now();
    for (const [number, { until }] of this.#calls) {
      if (until >= now) break;
      this.#calls.delete(number);
    }
    return Array.from(this.#calls.values(), ({ owner }) => owner);
  }
}
