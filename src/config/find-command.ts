/**
 * Where a program is.
 */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join, resolve } from "node:path";

/**
 * Where `command` is, as a shell would find it.
 * @returns undefined when it is nowhere or not executable
 */
export function findCommand(
  command: string,
  environment: Readonly<Record<string, string | undefined>>,
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
