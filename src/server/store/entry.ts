/**
 * One record as memory holds it: never changed, only exchanged. So readers may share it, and a copy of a table stays what
 * it was while a snapshot is written from it.
 */
import type { Kind, Records } from "./records.ts";

export interface Entry {
  /** Deeply frozen. */
  readonly record: Records[Kind];
  /** Seconds since the epoch; gone from exactly this moment on. Absent: until deleted. */
  readonly expiresAt?: number;
}

/**
 * @param record plain JSON; what the caller does with it afterwards does not reach the store
 * @throws TypeError when it is not JSON
 */
export function createEntry(record: Records[Kind], expiresAt: number | undefined): Entry {
  const text: string | undefined = JSON.stringify(record);
  if (text === undefined || text[0] !== "{") throw new TypeError("A record is a JSON object.");
  return freezeEntry(JSON.parse(text) as Records[Kind], expiresAt);
}

/** An entry around `record` itself, which nobody else may hold: fresh from `JSON.parse`. */
export function freezeEntry(record: Records[Kind], expiresAt: number | undefined): Entry {
  deepFreeze(record);
  return expiresAt === undefined ? { record } : { record, expiresAt };
}

/**
 * @param ttl seconds; nothing or less is gone at once, undefined lives until deleted
 * @throws RangeError when it is not a number of seconds
 */
export function expiryAfter(ttl: number | undefined, now: number): number | undefined {
  if (ttl === undefined) return undefined;
  if (!Number.isFinite(ttl)) throw new RangeError(`${ttl} is not a number of seconds.`);
  return now + ttl;
}

export function isLive(entry: Entry, now: number): boolean {
  return entry.expiresAt === undefined || now < entry.expiresAt;
}

function deepFreeze(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const member of Object.values(value)) deepFreeze(member);
  Object.freeze(value);
}
