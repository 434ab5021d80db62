/**
 * Processes started ahead of need and not spoken to yet, so that the first call of a session does not wait for a launcher.
 * Each is given away once and never comes back: what a process has seen belongs to one caller.
 */
import type { Clock } from "../../clock.ts";
import { jittered } from "../../random.ts";

const MAX_AGE = 600; // seconds; what waits longer may hold on to things that have changed
/** Seconds until a process that was given away is replaced: whoever took it goes first. */
const PAUSE = 0.2;
const LONGEST_PAUSE = 60; // seconds between two attempts while they die on their own

export interface WarmPoolOptions<Process> {
  readonly size: number;
  readonly clock: Clock;
  /** Starts one. Who ends early is told by `lost`. */
  readonly start: () => Process;
  readonly end: (process: Process) => void;
  /** Whether there is a better use of the machine at the moment. */
  readonly isBusy: () => boolean;
}

export class WarmPool<Process> {
  readonly #options: WarmPoolOptions<Process>;
  /** What cancels its end of age. */
  readonly #ready = new Map<Process, () => void>();
  #losses = 0;
  #cancelFill: (() => void) | undefined;
  #isStopped = false;

  constructor(options: WarmPoolOptions<Process>) {
    this.#options = options;
  }

  /** The one that has had most time to start. */
  take(): Process | undefined {
    const [entry] = this.#ready;
    if (!entry) return undefined;
    const [process] = entry;
    this.#forget(process);
    this.#losses = 0;
    this.#fillLater(PAUSE);
    return process;
  }

  /** It ended on its own. */
  lost(process: Process): void {
    if (!this.#forget(process)) return;
    this.#losses += 1;
    this.#fillLater(jittered(Math.min(LONGEST_PAUSE, 2 ** (this.#losses - 1))));
  }

  fill(): void {
    const { size, clock, start, isBusy, end } = this.#options;
    while (!this.#isStopped && this.#ready.size < size) {
      if (isBusy()) return this.#fillLater(PAUSE);
      const process = start();
      const cancel = clock.after(MAX_AGE, () => {
        this.#forget(process);
        this.fill();
        end(process);
      });
      this.#ready.set(process, cancel);
    }
  }

  /** They are ended by whoever ends all processes. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelFill?.();
    for (const cancel of this.#ready.values()) cancel();
    this.#ready.clear();
  }

  #forget(process: Process): boolean {
    this.#ready.get(process)?.();
    return this.#ready.delete(process);
  }

  #fillLater(seconds: number): void {
    if (this.#isStopped || this.#options.size === 0) return;
    this.#cancelFill?.();
    this.#cancelFill = this.#options.clock.after(seconds, () => {
      this.#cancelFill = undefined;
      this.fill();
    });
  }
}
