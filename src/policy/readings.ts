/** Longer texts are no path and no URI that anybody needs. */
const LONGEST = 4096; // characters
const MOST_READINGS = 8;

/**
 * Everything that somebody behind us could take `text` for, who undoes percent-encoding or compatibility characters, as
 * often as he likes. The text itself is the first.
 * @returns undefined when it is too long, or encoded so often or so badly that it only wants to be misread
 */
export function readingsOf(text: string): readonly string[] | undefined {
  if (text.length > LONGEST) return undefined;
  if (isPlain(text)) return [text];
  const readings = new Set([text]);
  // A set is walked to its end, what is added on the way included.
  for (const reading of readings) {
    readings.add(reading.normalize("NFKC")).add(decoded(reading));
    if (readings.size > MOST_READINGS) return undefined;
  }
  const all = [...readings];
  return all.some(isUnreadable) ? undefined : all;
}

/** Most texts: what is written in them is what is meant. */
function isPlain(text: string): boolean {
  return /^[\x20-\x24\x26-\x7e]*$/.test(text);
}

/** Also where a `%` means nothing; what is no UTF-8 becomes U+FFFD. */
function decoded(text: string): string {
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (bytes) =>
    Buffer.from(bytes.replaceAll("%", ""), "hex").toString("utf8"),
  );
}

/** Control characters, which URL parsers and terminals swallow, and overlong UTF-8, an old way to write a dot. */
function isUnreadable(text: string): boolean {
  // oxlint-disable-next-line no-control-regex
  return /[\u0000-\u001f\u007f-\u009f\ufffd]/.test(text) || !text.isWellFormed();
}

/** Whether a segment means the same folder or the one above, to this operating system or another. */
export function hasDotSegment(text: string): boolean {
  return text.split(/[/\\?#]/).some((segment) => /^ *\.[. ]*$/.test(segment));
}
