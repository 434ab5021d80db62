/**
 * How deep a JSON text is nested. `JSON.parse` reads any depth, but `JSON.stringify` calls itself for every level and runs out
 * of stack at some thousands: a message that we could read could not be passed on, and would end the process of
 * everybody instead. So whatever is relayed is bounded here first.
 */
const DEEPEST = 500; // levels; real messages have a dozen

const QUOTE = '"';
const BACKSLASH = 0x5c;

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

/** Where the string that begins at `start` ends: at the first quote with an even number of backslashes before it. */
function endOfString(json: string, start: number): number {
  for (let at = json.indexOf(QUOTE, start + 1); at !== -1; at = json.indexOf(QUOTE, at + 1)) {
    let backslashes = 0;
    while (json.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return at;
  }
  return json.length;
}
