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
  if (!isPlainObject(record)) throw new TypeError("A record is a JSON object.");
  return withExpiry(frozenCopy(record) as Records[Kind], expiresAt);
}

/** An entry around `record` itself, which nobody else may hold: fresh from `JSON.parse`. */
export function freezeEntry(record: Records[Kind], expiresAt: number | undefined): Entry {
  deepFreeze(record);
  return withExpiry(record, expiresAt);
}

function withExpiry(record: Records[Kind], expiresAt: number | undefined): Entry {
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

/** What `JSON.parse` would make of the text that `JSON.stringify` makes, without the text. */
function frozenCopy(value: unknown): unknown {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return value;
  if (typeof value === "number" && Number.isFinite(value)) return value === 0 ? 0 : value;
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy));
  if (!isPlainObject(value)) throw new TypeError("A record holds JSON only.");
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(value)) {
    const member = value[name];
    if (member === undefined) continue;
    // Assigned, this one would not become a member.
    if (name === "__proto__") {
      Object.defineProperty(copy, name, { value: frozenCopy(member), enumerable: true });
    } else copy[name] = frozenCopy(member);
  }
  return Object.freeze(copy);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function deepFreeze(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const member of Object.values(value)) deepFreeze(member);
  Object.freeze(value);
}
