/**
 * One process at a time: a lock file that names the process which holds it.
 *
 * A process that was killed leaves its lock behind, and two that start then must not both take it over: the one that
 * removes the dead lock could remove the other's fresh one. So a dead lock is never removed, only replaced:
 *
 *   1. claim the succession by creating `<lock>.<nonce of the dead one>`; the nonce is unique, one process succeeds
 *   2. look again: if the lock is no longer that dead one, the succession is over; give the claim up, begin anew
 *   3. rename the claim over the lock, which ends the claim and takes the lock in one step
 *
 * Whoever creates a claim after step 3 of another sees the new lock in step 2. A claim whose maker died is taken over by the
 * same rules. Files appear complete, by link(2): nobody ever reads half a lock of a living process.
 */
import { constants } from "node:fs";
import { link, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { randomId } from "../random.ts";
import { createFile, openFile } from "./private-file.ts";
import { identifyThisProcess, isAlive, type ProcessIdentity } from "./process-identity.ts";

const UNREADABLE = "unreadable";

/** Lets the lock go. */
export type Release = () => Promise<void>;

interface Holder extends ProcessIdentity {
  /** Unique among all locks ever taken. */
  readonly nonce: string;
}

/** @returns the pid of the living process that holds it, or how to let it go */
export async function tryLock(path: string): Promise<Release | number> {
  const me: Holder = { ...identifyThisProcess(), nonce: randomId() };
  const draft = `${path}.${me.nonce}.tmp`;
  const file = await createFile(draft);
  try {
    await file.writeFile(`${JSON.stringify(me)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    const pid = await take(path, draft);
    if (pid !== undefined) return pid;
  } finally {
    await rm(draft, { force: true });
  }
  await removeLeftovers(path);
  return async () => {
    if ((await readHolder(path))?.nonce === me.nonce) await rm(path, { force: true });
  };
}

/**
 * Make `path` a link to `draft`, the complete lock of this process.
 * @returns the pid of who is in the way
 */
async function take(path: string, draft: string): Promise<number | undefined> {
  for (;;) {
    if (await tryLink(draft, path)) return undefined;
    const holder = await readHolder(path);
    if (!holder) continue; // released in this very moment
    if (isAlive(holder)) return holder.pid;
    const claim = `${path}.${holder.nonce}`;
    const rival = await take(claim, draft);
    if (rival !== undefined) return rival;
    if ((await readHolder(path))?.nonce === holder.nonce) {
      await rename(claim, path);
      return undefined;
    }
    await rm(claim, { force: true });
  }
}

async function tryLink(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  const file = await openFile(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if (!file) return undefined;
  try {
    return parseHolder(await file.readFile("utf8"));
  } finally {
    await file.close();
  }
}

/** What does not parse was left by a power failure: no living process shows an incomplete lock. */
function parseHolder(text: string): Holder {
  try {
    const { pid, nonce } = JSON.parse(text) as Holder;
    if (Number.isInteger(pid) && /^[\w-]{22}$/.test(nonce)) return JSON.parse(text) as Holder;
  } catch {
    // handled below
  }
  return { pid: 0, startTime: "none", nonce: UNREADABLE };
}

/** Drafts and claims of processes that were killed on their way. */
async function removeLeftovers(path: string): Promise<void> {
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(`${basename(path)}.`)) continue;
    const leftover = join(dirname(path), name);
    const maker = await readHolder(leftover);
    // An unreadable draft may belong to a rival that is writing it just now.
    if (maker && maker.nonce !== UNREADABLE && !isAlive(maker)) await rm(leftover, { force: true });
  }
}
