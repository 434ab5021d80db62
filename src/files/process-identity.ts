/**
 * Which process it is, so that a later one with the same pid is not mistaken for it.
 */
import { readFileSync } from "node:fs";

export interface ProcessIdentity {
  readonly pid: number;
  /** Linux: changes with every boot. */
  readonly bootId?: string;
  /** Linux: clock ticks from boot to the start of the process. */
  readonly startTime?: string;
}

export function identifyThisProcess(): ProcessIdentity {
  const bootId = readBootId();
  const startTime = readStartTime(process.pid);
  // Elsewhere than on Linux the pid has to do.
  return bootId && startTime ? { pid: process.pid, bootId, startTime } : { pid: process.pid };
}

export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.bootId !== undefined && identity.bootId !== readBootId()) return false;
  if (identity.startTime !== undefined) return identity.startTime === readStartTime(identity.pid);
  try {
    process.kill(identity.pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function readBootId(): string | undefined {
  return readProc("/proc/sys/kernel/random/boot_id")?.trim();
}

/** @returns undefined when there is no such process, or only its corpse (a zombie holds no files). */
function readStartTime(pid: number): string | undefined {
  // proc(5): the name of the program stands in parentheses and may hold any character, so count from the last one.
  const status = readProc(`/proc/${pid}/stat`);
  const fields = status?.slice(status.lastIndexOf(")") + 2).split(" ");
  return fields?.[0] === "Z" || fields?.[0] === "X" ? undefined : fields?.[19];
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
