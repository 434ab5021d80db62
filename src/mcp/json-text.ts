/** JSON as text, where reading it whole would say too little or take too long. */
const QUOTE = '"';
const BACKSLASH = 0x5c;

/** Where the string that begins at `start` ends: at the first quote with an even number of backslashes before it. */
export function endOfString(json: string, start: number): number {
  for (let at = json.indexOf(QUOTE, start + 1); at !== -1; at = json.indexOf(QUOTE, at + 1)) {
    let backslashes = 0;
    while (json.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return at;
  }
  return json.length;
}
