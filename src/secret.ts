/**
 * Values that do not stand in the configuration file or on a command line but are named there: secrets and keys.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { EXIT, UserError } from "./errors.ts";

/**
 * Replace each `${NAME}` in `text` by that environment variable.
 * @param place where the text stands, for the error
 * @throws UserError when a variable is not set
 */
export function expandReferences(
  text: string,
  place: string,
  environment: NodeJS.ProcessEnv = process.env,
): string {
  return text.replaceAll(/\$\{([A-Za-z_]\w*)\}/g, (_, name: string) => {
    const value = environment[name];
    if (value === undefined) {
      throw new UserError(`${place} needs the environment variable ${name}, which is not set`, {
        hint: `Set it before starting: export ${name}=...`,
      });
    }
    return value;
  });
}

/**
 * The secret behind a reference; a final line break of a secret file does not count.
 * @throws UserError when it is missing or empty
 */
export function resolveSecret(
  reference: string | { file: string },
  place: string,
  environment: NodeJS.ProcessEnv = process.env,
): string {
  const value =
    typeof reference === "string"
      ? expandReferences(reference, place, environment)
      : readSecretFile(reference.file, place);
  if (value === "") throw new UserError(`The secret for ${place} is empty`);
  return value;
}

function readSecretFile(file: string, place: string): string {
  try {
    return readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (error) {
    throw new UserError(`Cannot read the secret for ${place} from ${file}`, {
      hint: "Check the path and that this user may read it.",
      cause: error,
    });
  }
}

/**
 * Make a file for a secret that is still to come, readable by its owner only: one that could not be kept would be lost.
 * @param flag what names the file, for the hint
 * @throws UserError when the file exists or cannot be written
 */
export function createSecretFile(file: string, flag: string): void {
  try {
    writeFileSync(file, "", { mode: 0o600, flag: "wx" });
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === "EEXIST";
    throw new UserError(isThere ? `${file} exists already` : `Cannot write ${file}`, {
      hint: `Name another file with ${flag}.`,
      exitCode: EXIT.usage,
      cause: error,
    });
  }
}

/** @returns what a file of public keys holds, unchecked. @throws UserError when it is not JSON */
export function readKeySetFile(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new UserError(`Cannot read a JSON Web Key Set from ${file}`, {
      exitCode: EXIT.usage,
      cause,
    });
  }
}
