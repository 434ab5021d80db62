/**
 * How many processes of one service may be starting at once: many that start together slow each other down and the
 * machine with them, so the others wait their turn.
 */
import type { Clock } from "../../clock.ts";
import { ServiceUnavailable } from "./unavailable.ts";

const AT_ONCE = 16;
const MAX_WAITING = 256;
/** Seconds after which a start that has not shown yet whether it works makes room for the next. */
const LONGEST = 5;
const RETRY_AFTER = 2; // seconds

export class StartGate {
  readonly #clock: Clock;
  #starting = 0;
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Nobody has to wait. */
  get isQuiet(): boolean {
    return this.#starting < AT_ONCE && this.#waiting.size === 0;
  }

  /**
   * @param signal gives up waiting
   * @returns told when the start is over; telling it twice does no harm
   * @throws ServiceUnavailable when too many wait
   */
  async enter(signal: AbortSignal): Promise<() => void> {
    if (this.#starting >= AT_ONCE) await this.#turn(signal);
    this.#starting += 1;
    let isIn = true;
    const leave = (): void => {
      if (!isIn) return;
      isIn = false;
      cancel();
      this.#starting -= 1;
      const [next] = this.#waiting;
      next?.();
    };
    const cancel = this.#clock.after(LONGEST, leave);
    return leave;
  }

  #turn(signal: AbortSignal): Promise<void> {
    if (this.#waiting.size >= MAX_WAITING) {
      throw new ServiceUnavailable("Too many servers are being started", RETRY_AFTER);
    }
    return new Promise((resolve, reject) => {
      const settle = (done: () => void) => () => {
        this.#waiting.delete(enter);
        signal.removeEventListener("abort", give);
        done();
      };
      const give = settle(() => reject(new Error("given up")));
      const enter = settle(resolve);
      if (signal.aborted) return give();
      signal.addEventListener("abort", give, { once: true });
      this.#waiting.add(enter);
    });
  }
}
