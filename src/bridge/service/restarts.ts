/**
 * How a service that does not come up is spared: after each failure the next start has to wait longer, with jitter, so
 * that neither the machine nor whatever the server depends on is worn down. A server that answers, or lives for a while,
 * clears it.
 */
import type { Clock } from "../../clock.ts";
import { jittered } from "../../random.ts";
import type { ServiceHealth } from "./service.ts";
import { ServiceUnavailable } from "./unavailable.ts";

const FIRST = 0.5; // seconds after the first failure
const LONGEST = 60; // seconds
const TRIAL_ADVICE = 2; // seconds
/** Seconds of life that show that a server works, even if nobody asked it anything. */
const STEADY = 10;

export class Restarts {
  readonly #clock: Clock;
  #failures = 0;
  #failedAt = Number.NEGATIVE_INFINITY;
  #retryAt = 0;
  /** Until then one start decides for all. */
  #trialUntil = 0;
  #reason = "";
  #count = 0;
  #lastExit: { at: number; reason: string } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws ServiceUnavailable when it is too early for another start */
  check(): void {
    if (this.#failures === 0) return;
    const now = this.#clock.now();
    if (this.#retryAt > now) throw new ServiceUnavailable(this.#reason, this.#retryAt - now);
    // Its end is near, one way or the other.
    if (this.#trialUntil > now) throw new ServiceUnavailable(this.#reason, TRIAL_ADVICE);
  }

  /** One more is started. After a failure it goes alone: nobody else does until it is known what becomes of it. @throws as `check` */
  admit(): void {
    this.check();
    if (this.#failures > 0) this.#trialUntil = this.#clock.now() + STEADY;
  }

  /**
   * It ended, or was not started, though nobody wanted that.
   * @param from when it was started for somebody, in seconds since the epoch; undefined when it never worked for anybody
   * @param hasAnswered whether it ever said anything that makes sense
   */
  ended(reason: string, from: number | undefined, hasAnswered: boolean): void {
    const now = this.#clock.now();
    this.#count += 1;
    this.#lastExit = { at: now, reason };
    if (from === undefined || hasAnswered || now - from >= STEADY) return;
    this.#trialUntil = 0;
    this.#reason = reason;
    // Those that were started together fail together: that is one failure.
    if (from < this.#failedAt) return;
    this.#failures += 1;
    this.#failedAt = now;
    this.#retryAt = now + jittered(Math.min(LONGEST, FIRST * 2 ** (this.#failures - 1)));
  }

  /** One of its processes works. */
  proved(): void {
    this.#failures = 0;
    this.#trialUntil = 0;
  }

  health(): Partial<ServiceHealth> {
    return {
      restarts: this.#count,
      ...(this.#lastExit && { lastExit: this.#lastExit }),
      ...(this.#failures > 0 && {
        state: "failing" as const,
        reason: this.#reason,
        retryAt: this.#retryAt,
      }),
    };
  }
}
