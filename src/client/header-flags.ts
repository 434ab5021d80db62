/**
 * Headers of a person's own, as they stand on a command line.
 */
import { EXIT, UserError } from "../errors.ts";
import { expandReferences } from "../secret.ts";

/**
 * @param plain each `NAME: VALUE`
 * @param named each `NAME=VARIABLE` of the environment
 * @throws UserError exit 2 when one is neither; exit 1 when a variable is not set
 */
export function headersOf(
  plain: readonly string[] = [],
  named: readonly string[] = [],
): (readonly [string, string])[] {
  return [
    ...plain.map((text) => pair(text, ":", "--header")),
    ...named.map((text) => {
      const [name, variable] = pair(text, "=", "--header-env");
      return [name, expandReferences(`\${${variable}}`, `The header ${name}`)] as const;
    }),
  ];
}

function pair(text: string, separator: string, flag: string): readonly [string, string] {
  const at = text.indexOf(separator);
  const name = text.slice(0, Math.max(0, at)).trim();
  const value = text.slice(at + 1).trim();
  if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && /^[\x20-\x7e]+$/.test(value)) {
    return [name, value];
  }
  const hint = `Write it as NAME${separator}VALUE.`;
  throw new UserError(`${flag} has no header`, { hint, exitCode: EXIT.usage });
}
