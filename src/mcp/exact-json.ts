/**
 * JSON that comes out as it went in, whole numbers beyond 2^53 included: `JSON.parse` rounds them, and whoever relays a
 * message would answer 9007199254740993 with 9007199254740992. Such a number is a string with a secret mark while it is
 * in here, and a number again in whatever is written. All others are what they always are.
 */
import { randomId } from "../random.ts";
import { endOfString } from "./json-text.ts";

/** Nobody outside can write it: a marked string of somebody else's would become a number. */
const MARK = `~${randomId()}:`;
/** As it is written; a member's name stays a string. */
const MARKED = new RegExp(`"${MARK}(-?\\d+)"(?!:)`, "g");
/** Digits; a shorter number is exact. */
const SHORTEST = 16;
/** A member's name is no number, nor may it become a string. */
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?!\s*:)/g;

/** Whether there is anything to look for in what is written. */
let hasMarked = false;

/** @throws SyntaxError */
export function parseJson(text: string): unknown {
  return JSON.parse(hasDigits(text) ? mark(text) : text) as unknown;
}

export function stringifyJson(value: unknown): string {
  const text = JSON.stringify(value);
  return hasMarked && text.includes(MARK) ? text.replace(MARKED, "$1") : text;
}

/** The digits of a number that `parseJson` could not make one; undefined for everything else. */
export function digitsOf(value: unknown): string | undefined {
  return typeof value === "string" && value.startsWith(MARK) ? value.slice(MARK.length) : undefined;
}

/** Whether there are so many digits in a row; only every so many characters need to be looked at. */
function hasDigits(text: string): boolean {
  for (let at = SHORTEST - 1; at < text.length; at += SHORTEST) {
    if (!isDigit(text, at)) continue;
    let first = at;
    while (isDigit(text, first - 1)) first -= 1;
    let next = at + 1;
    while (isDigit(text, next)) next += 1;
    if (next - first >= SHORTEST) return true;
  }
  return false;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0x30 && code <= 0x39;
}

function mark(text: string): string {
  const parts: string[] = [];
  for (let at = 0; at < text.length;) {
    const quote = text.indexOf('"', at);
    const end = quote === -1 ? text.length : quote;
    const between = text.slice(at, end);
    parts.push(hasDigits(between) ? between.replace(NUMBER, marked) : between);
    at = quote === -1 ? end : endOfString(text, quote) + 1;
    parts.push(text.slice(end, at));
  }
  return parts.join("");
}

function marked(number: string): string {
  if (!/^-?[1-9]\d*$/.test(number) || Number.isSafeInteger(Number(number))) return number;
  hasMarked = true;
  return `"${MARK}${number}"`;
}
