/**
 * Headers that repeat a part of the message, so that intermediaries can act without reading it (MCP 2026-07-28,
 * "Streamable HTTP"): plain, or base64 of UTF-8 between `=?base64?` and `?=`. A value with only one of the two markers is
 * plain.
 */
import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";

/** Blanks, and what can be seen of ASCII. */
const PLAIN = /^[\t\x20-\x7e]*$/;
const ENCODED = /^=\?base64\?(.*)\?=$/;

/**
 * @param name in lower case
 * @returns null when it cannot be read: sent twice, strange characters, not strictly encoded; undefined when there is none
 */
export function mirroredHeader(
  { headers, rawHeaders }: Pick<IncomingMessage, "headers" | "rawHeaders">,
  name: string,
): string | null | undefined {
  const value = headers[name];
  if (value === undefined) return undefined;
  // Node joins what was sent twice with a comma; another reader might take the first of them.
  if (typeof value !== "string" || (value.includes(",") && isRepeated(rawHeaders, name))) {
    return null;
  }
  return decode(value);
}

function isRepeated(rawHeaders: readonly string[], name: string): boolean {
  return rawHeaders.filter((raw, at) => at % 2 === 0 && raw.toLowerCase() === name).length > 1;
}

function decode(value: string): string | null {
  if (!PLAIN.test(value)) return null;
  const text = value.trim();
  const encoded = ENCODED.exec(text)?.[1];
  if (encoded === undefined) return text;
  const bytes = Buffer.from(encoded, "base64");
  // Node skips what it does not understand; encoding it again shows whether it did.
  return bytes.toString("base64") === encoded && isUtf8(bytes) ? bytes.toString("utf8") : null;
}
