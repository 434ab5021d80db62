/**
 * How deep a JSON text is nested. `JSON.parse` reads any depth, but `JSON.stringify` calls itself for every level and runs out
 * of stack at some thousands: a message that we could read could not be passed on, and would end the process of
 * everybody instead. So whatever is relayed is bounded here first.
 */
import { endOfString } from "./json-text.ts";

const DEEPEST = 500; // levels; real messages have a dozen

const QUOTE = '"';

/** @param json need not be valid */
export function isNestedTooDeep(json: string): boolean {
  if (json.length <= 2 * DEEPEST) return false;
  let depth = 0;
  for (let at = 0; at < json.length; at += 1) {
    switch (json[at]) {
      case QUOTE:
        at = endOfString(json, at);
        break;
      case "[":
      case "{":
        depth += 1;
        if (depth > DEEPEST) return true;
        break;
      case "]":
      case "}":
        depth -= 1;
        break;
      default:
    }
  }
  return false;
}
