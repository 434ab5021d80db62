/**
 * What a child may see of our environment: what programs need to find their files and to speak the right language, and
 * nothing that could be a secret. Everything else is given by name in the configuration.
 */
export { findCommand } from "../config/find-command.ts";

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
