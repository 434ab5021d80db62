/**
 * Signals to everything a child has started.
 */
import { readFileSync } from "node:fs";

/** @returns whether there was anybody left to hear it */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}

/**
 * The group inside a sandbox: bubblewrap ends everything at once when it is asked to end itself, so a polite signal goes
 * past it.
 * @param leader bubblewrap, in whose own group nobody else is
 * @returns undefined while there is nobody inside
 */
export function groupInside(leader: number): number | undefined {
  try {
    const children = readFileSync(`/proc/${leader}/task/${leader}/children`, "utf8");
    const inside = Number.parseInt(children, 10);
    return Number.isNaN(inside) ? undefined : inside;
  } catch {
    return undefined;
  }
}
