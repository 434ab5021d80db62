/**
 * How the Redis store writes names, records and operations (see redis-scripts.ts).
 *
 * A record is kept as the text it came as. Whether two are equal is asked of the SHA-256 of their canonical form, members
 * sorted, so that the order of members does not matter and a check costs 43 characters.
 */
import { digest } from "../../random.ts";
import { expiryAfter, freezeEntry } from "./entry.ts";
import type { Kind, Records } from "./records.ts";
import type { ListOptions, Operation } from "./store.ts";

/** What the transition script knows beyond a `transact`. */
export type Step = Operation | { type: "take"; kind: Kind; id: string };

/** Eight arguments of the transition script. */
type StepArguments = [string, string, string, string, string, string, string, string];

const LONGEST_TTL = 2 ** 52; // ms, 140 000 years: as far as all numbers in between are exact

/** `<kind>:<id>` */
export function nameOf(kind: Kind, id: string): string {
  return `${kind}:${encodeText(id)}`;
}

export function idOf(name: string): string {
  return JSON.parse(`"${name.slice(name.indexOf(":") + 1)}"`) as string;
}

/** Any JavaScript string as Unicode: lone surrogates, which UTF-8 cannot carry, are escaped as JSON escapes them. */
export function encodeText(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** @throws TypeError when a record is not a JSON object, RangeError when a ttl is not a number of seconds */
export function encodeStep(step: Step): StepArguments {
  const none = ["", "", ""] as const;
  switch (step.type) {
    case "check": {
      const seen = step.seen === undefined ? "" : digestOf(encodeRecord(step.seen));
      return ["check", nameOf(step.kind, step.id), "", seen, "", ...none];
    }
    case "put": {
      const text = encodeRecord(step.record);
      const ttl = step.ttl === "keep" ? "keep" : milliseconds(step.ttl);
      const name = nameOf(step.kind, step.id);
      return ["put", name, text, digestOf(text), ttl, ...ownersOf(JSON.parse(text))];
    }
    case "deleteGrant": {
      const { grantId } = step;
      return ["deleteGrant", nameOf("grant", grantId), encodeText(grantId), "", "", ...none];
    }
    default:
      return [step.type, nameOf(step.kind, step.id), "", "", "", ...none];
  }
}

/** The three owners; each is empty, or "=" and its value, because a value may be empty as well. */
export function ownersOf(members: NonNullable<ListOptions["where"]>): [string, string, string] {
  const encode = (value: unknown): string =>
    typeof value === "string" ? `=${encodeText(value)}` : "";
  return [encode(members.grantId), encode(members.clientId), encode(members.subject)];
}

/** Deeply frozen. */
export function decodeRecord(text: string): Records[Kind] {
  return freezeEntry(JSON.parse(text) as Records[Kind], undefined).record;
}

/** @param ttl seconds @returns whole milliseconds, empty for "until deleted" */
export function milliseconds(ttl: number | undefined): string {
  const after = expiryAfter(ttl, 0);
  if (after === undefined) return "";
  // Never rounded to nothing: what lives for a moment does live.
  const rounded = after > 0 ? Math.max(1, Math.round(after * 1000)) : 0;
  return String(Math.min(rounded, LONGEST_TTL));
}

function encodeRecord(record: unknown): string {
  const text: string | undefined = JSON.stringify(record);
  if (text === undefined || text[0] !== "{") throw new TypeError("A record is a JSON object.");
  return text;
}

function digestOf(text: string): string {
  return digest(canonicalText(JSON.parse(text)));
}

function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalText(member)}`);
  return `{${members.join(",")}}`;
}
