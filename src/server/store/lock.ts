/**
 * One gateway for one state directory.
 */
import { UserError } from "../../errors.ts";
import { tryLock, type Release } from "../../files/lock.ts";

/**
 * @returns lets the lock go
 * @throws UserError when a living process holds it
 */
export async function acquireLock(path: string): Promise<Release> {
  const lock = await tryLock(path);
  if (typeof lock !== "number") return lock;
  throw new UserError(`another gateway (pid ${lock}) uses this state directory`, {
    hint: `Stop it, or give this one another store.path. The lock is ${path}.`,
  });
}
