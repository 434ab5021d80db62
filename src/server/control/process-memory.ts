/**
 * How much memory processes occupy, with all that they started: a sandbox is a process of its own around the server.
 */
import { readFile } from "node:fs/promises";

const DEEPEST = 8; // generations

/** @returns bytes; undefined where the system does not tell (only Linux does) or none of them is there */
export async function memoryOf(pids: readonly number[]): Promise<number | undefined> {
  const found = await Promise.all(pids.map((pid) => treeOf(pid, DEEPEST)));
  const known = found.filter((bytes) => bytes !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, bytes) => sum + bytes, 0);
}

async function treeOf(pid: number, generations: number): Promise<number | undefined> {
  const [status, children] = await Promise.all([
    read(`/proc/${pid}/status`),
    read(`/proc/${pid}/task/${pid}/children`),
  ]);
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
  if (kilobytes === undefined) return undefined;
  const below = generations === 0 ? [] : children.split(" ").filter(Boolean).map(Number);
  const deeper = await Promise.all(below.map((child) => treeOf(child, generations - 1)));
  return deeper.reduce<number>((sum, bytes = 0) => sum + bytes, Number(kilobytes) * 1024);
}

/** A process may be gone at any moment, and files of /proc are on Linux only. */
function read(file: string): Promise<string> {
  return readFile(file, "utf8").catch(() => "");
}
