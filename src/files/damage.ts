/**
 * A file that cannot be trusted. The store never repairs by guessing and never starts empty in its place: whoever starts
 * empty has forgotten every revocation.
 */
import { dirname, join } from "node:path";
import { UserError } from "../errors.ts";

/**
 * @param what completes the sentence that begins with the path
 * @param hint when there is something better to do than to restore
 */
export function damagedFile(path: string, what: string, hint?: string): UserError {
  return new UserError(`${path} ${what}`, {
    hint:
      hint ??
      `Nothing was changed. Restore the whole directory ${dirname(path)} from a backup, or move ` +
        `${join(dirname(path), "gateway.json*")} aside to begin with an empty store: ` +
        "every client must then register and every person log in again.",
  });
}
