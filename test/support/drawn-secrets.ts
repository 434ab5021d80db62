/**
 * Every 256-bit secret that the code under test draws (tokens, codes, verifiers, states, cookies, client secrets), and a
 * look for them where a gateway in this process wrote anything down. Filled by the set-up of the conformance project.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const drawn = new Set<string>();

export function remember(secret: string): string {
  drawn.add(secret);
  return secret;
}

/** @throws Error when a secret, or anything that looks like one of our access tokens, stands in `texts` */
export function refuseSecrets(texts: Readonly<Record<string, string>>): void {
  for (const [where, text] of Object.entries(texts)) {
    for (const [word] of text.matchAll(/[\w-]{43,}/g)) {
      if (drawn.has(word)) throw new Error(`a secret stands in ${where}: ${around(text, word)}`);
    }
    const [token] = /eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{80,}/.exec(text) ?? [];
    if (token !== undefined) throw new Error(`a token stands in ${where}: ${around(text, token)}`);
  }
}

/** The files of a state directory, but for salts, which belong there: the secrets made with them do not. */
export function filesOf(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    // What encrypts people's credentials where the operator has named no secret.
    .filter((file) => file !== join(directory, "credentials.key"));
  return Object.fromEntries(
    files.map((file) => [file, readFileSync(file, "utf8").replaceAll(/"salt":"[^"]*"/g, "")]),
  );
}

function around(text: string, word: string): string {
  const at = text.indexOf(word);
  return text.slice(Math.max(0, at - 150), at + word.length + 50);
}
