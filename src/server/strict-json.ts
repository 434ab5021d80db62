/**
 * JSON that has only one reading (RFC 8259 §4, §8.1): no byte order mark, no name twice in one object. Two readers of a
 * document with a doubled name may take different values for it, and one of them may be a reviewer.
 *
 * @throws SyntaxError
 */
export function parseStrictJson(text: string): unknown {
  // oxlint-disable-next-line typescript/no-unsafe-assignment -- JSON.parse returns any
  const value: unknown = JSON.parse(text); // refuses a byte order mark
  refuseDoubledNames(text);
  return value;
}

/** @param text valid JSON: so strings, brackets and colons are all that matters */
function refuseDoubledNames(text: string): void {
  const open: Set<string>[] = [];
  let last = "";
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === "{" || token === "[") open.push(new Set());
    else if (token === "}" || token === "]") open.pop();
    else if (token === ":") {
      // The same name may be written with escapes.
      const name = String(JSON.parse(last));
      const names = open.at(-1)!;
      if (names.has(name)) throw new SyntaxError("a name stands twice in one object");
      names.add(name);
    }
    last = token;
  }
}
