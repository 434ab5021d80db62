/**
 * The machine's clock with a lever: real timers run, and a test can jump forward. For whole gateways, where sockets and
 * children live in real time but lifetimes are hours.
 */
import { systemClock, type Clock } from "../../src/clock.ts";

export interface MovableClock extends Clock {
  /** Jump forward; tasks that fall due run at once. */
  advance(seconds: number): void;
}

export function createMovableClock(): MovableClock {
  let offset = 0;
  const waiting = new Set<{ at: number; run: () => void }>();
  return {
    now: () => systemClock.now() + offset,
    after(seconds, task) {
      const entry = {
        at: systemClock.now() + offset + seconds,
        run: () => {
          if (!waiting.delete(entry)) return;
          cancel();
          task();
        },
      };
      waiting.add(entry);
      const cancel = systemClock.after(seconds, entry.run);
      return () => {
        waiting.delete(entry);
        cancel();
      };
    },
    advance(seconds) {
      offset += seconds;
      const now = systemClock.now() + offset;
      const due = [...waiting].filter((entry) => entry.at <= now).sort((a, b) => a.at - b.at);
      for (const entry of due) entry.run();
    },
  };
}
