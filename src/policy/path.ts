/**
 * Paths in arguments. They are the server's, which may run elsewhere: nothing is looked up here, and links in its file system
 * are its own business.
 */
import { hasDotSegment, readingsOf } from "./readings.ts";

/** @returns whether `value` is an absolute path to one of `folders` or into it, however it is read */
export function isWithin(folders: readonly string[], value: unknown): boolean {
  if (typeof value !== "string") return false;
  const readings = readingsOf(value);
  return readings?.every((reading) => folders.some((folder) => contains(folder, reading))) ?? false;
}

/** Whether it can be a folder of a rule: absolute, and nobody reads it in another way. */
export function isPlainPath(text: string): boolean {
  return tidied(text) !== undefined && !text.includes("//") && readingsOf(text)?.length === 1;
}

function contains(folder: string, path: string): boolean {
  const own = tidied(folder);
  const tidy = tidied(path);
  if (own === undefined || tidy === undefined) return false;
  return tidy === own || tidy.startsWith(`${own}/`);
}

/**
 * Without the slash at the end. Several slashes in a row stay: a file system takes them for one, an object store does not, so
 * they may follow a folder but never stand in its name.
 * @returns undefined for what is not absolute, climbs, begins like a name of a network, or has a backslash, which is a
 *   separator to some
 */
function tidied(path: string): string | undefined {
  if (!/^\/(?!\/)/.test(path) || path.includes("\\") || hasDotSegment(path)) return undefined;
  return path.replace(/\/$/, "");
}
