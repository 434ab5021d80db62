/**
 * A clock that only the test moves.
 */
import type { Clock } from "../../src/clock.ts";

export interface FakeClock extends Clock {
  /** Move time forward; tasks that fall due run in order, each at its own time. */
  advance(seconds: number): void;
}

/** @param start seconds since the epoch; 2026-01-01T00:00:00Z unless told */
export function createFakeClock(start = 1_767_225_600): FakeClock {
  let now = start;
  const tasks = new Set<{ at: number; task: () => void }>();
  return {
    now: () => now,
    after(seconds, task) {
      const entry = { at: now + seconds, task };
      tasks.add(entry);
      return () => tasks.delete(entry);
    },
    advance(seconds) {
      const end = now + seconds;
      for (;;) {
        const due = [...tasks].filter((entry) => entry.at <= end).sort((a, b) => a.at - b.at)[0];
        if (!due) break;
        tasks.delete(due);
        now = Math.max(now, due.at);
        due.task();
      }
      now = end;
    },
  };
}
