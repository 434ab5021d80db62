/** Patterns of names, in which `*` stands for anything, nothing included. */

/** In time that grows with the name's length only: no backtracking, whoever wrote name and pattern. */
export function fitsPattern(pattern: string, name: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return pattern === name;
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}

/**
 * A name as the most forgiving server could read it: in one case, letters that only look different made the same, and
 * nothing in it that cannot be seen. What is denied is denied in every spelling.
 */
export function folded(name: string): string {
  if (/^[\x21-\x7e]*$/.test(name)) return name.toLowerCase();
  return name
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll(/[\p{C}\p{Z}\p{M}]/gu, "");
}
