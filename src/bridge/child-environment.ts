/**
 * What a child may see of our environment: what programs need to find their files and to speak the right language, and
 * nothing that could be a secret. Everything else is given by name in the configuration.
 */
import { delimiter, isAbsolute, join, resolve } from "node:path";
import { accessSync, constants, statSync } from "node:fs";

const INHERITED = new Set([
  "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TERM", "TMPDIR", "TZ",
  // Windows programs do not start without these.
  "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES", "USERPROFILE", "USERNAME", "HOMEDRIVE", "HOMEPATH",
  "SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "PATHEXT", "TEMP", "TMP", "PROCESSOR_ARCHITECTURE",
]); // prettier-ignore

/** @param configured comes last and wins */
export function childEnvironment(
  own: NodeJS.ProcessEnv,
  configured: Readonly<Record<string, string>>,
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(own)) {
    const known = INHERITED.has(name.toUpperCase()) || name.startsWith("LC_");
    // Bash exports functions as values that begin so; a shell that reads them runs them.
    if (known && value !== undefined && !value.startsWith("()")) environment[name] = value;
  }
  return { ...environment, ...configured };
}

/**
 * Where `command` is, as a shell would find it.
 * @returns undefined when it is nowhere or not executable
 */
export function findCommand(
  command: string,
  environment: Readonly<Record<string, string>>,
  directory: string,
): string | undefined {
  if (isAbsolute(command) || command.includes("/") || command.includes("\\")) {
    const path = resolve(directory, command);
    return isExecutable(path) ? path : undefined;
  }
  const folders = (environment["PATH"] ?? environment["Path"] ?? "").split(delimiter);
  const endings =
    process.platform === "win32" ? (environment["PATHEXT"] ?? ".EXE;.CMD").split(";") : [];
  for (const folder of folders) {
    for (const ending of ["", ...endings]) {
      const path = resolve(directory, join(folder, command + ending));
      if (isExecutable(path)) return path;
    }
  }
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
