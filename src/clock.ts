/**
 * Every time in the program comes from here. Seconds, because every RFC counts in seconds.
 */
export interface Clock {
  /** Seconds since 1970-01-01T00:00:00Z, fractions allowed (NumericDate, RFC 7519 §2). */
  now(): number;
  /** Run `task` once after `seconds`. @returns cancels it. Timers never keep the process alive. */
  after(seconds: number, task: () => void): () => void;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now() / 1000,
  after(seconds, task) {
    const timer = setTimeout(task, seconds * 1000).unref();
    return () => clearTimeout(timer);
  },
};

/** `now` in whole seconds, as `iat`, `exp` and registration times are written. */
export function epochSeconds(clock: Clock): number {
  return Math.floor(clock.now());
}
