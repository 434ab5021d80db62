/**
 * Where things lie: the configuration file and what is inside the state directory (0700, every file 0600).
 */
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { homedir, tmpdir, userInfo } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { UserError } from "./errors.ts";

export const CONFIG_FILE = "mcp-gateway.yaml";
export const STATE_DIRECTORY = ".mcp-gateway";

/** `sun_path` has 108 bytes on Linux and 104 on macOS; longer socket paths are cut or refused by the kernel. */
const LONGEST_SOCKET_PATH = 100; // bytes

const OTHER_OWNER =
  "Run the gateway as the owner of its state directory, or choose another store.path.";

/** The nearest configuration file at or above `directory`, as git finds its repository. */
export function findConfigFile(directory: string): string | undefined {
  for (let at = resolve(directory); ; at = dirname(at)) {
    const candidate = join(at, CONFIG_FILE);
    if (existsSync(candidate)) return candidate;
    if (dirname(at) === at) return undefined;
  }
}

/** Files of one state directory. */
export interface StatePaths {
  readonly directory: string;
  readonly database: string;
  readonly controlSocket: string;
  readonly auditLog: string;
}

export function statePaths(directory: string): StatePaths {
  const at = resolve(directory);
  return {
    directory: at,
    database: join(at, "gateway.json"),
    controlSocket: controlSocketPath(at),
    auditLog: join(at, "audit.jsonl"),
  };
}

/**
 * Make the state directory if it is missing and make it private whatever the umask was.
 * @throws UserError when it belongs to somebody else or cannot be made private
 */
export function prepareStateDirectory(directory: string): StatePaths {
  const paths = statePaths(directory);
  makePrivateDirectory(paths.directory, OTHER_OWNER);
  // State holds keys and must never be committed by accident.
  const ignore = join(paths.directory, ".gitignore");
  if (!existsSync(ignore)) writeFileSync(ignore, "*\n", { mode: 0o600 });
  if (process.platform !== "win32" && dirname(paths.controlSocket) !== paths.directory) {
    makePrivateDirectory(dirname(paths.controlSocket), OTHER_OWNER);
  }
  return paths;
}

/**
 * Where a person's credentials for other people's servers lie, whatever directory they stand in (XDG Base Directory).
 */
export function credentialsDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const { LOCALAPPDATA, XDG_STATE_HOME } = environment;
  const base =
    process.platform === "win32"
      ? personal(LOCALAPPDATA, "AppData", "Local")
      : personal(XDG_STATE_HOME, ".local", "state");
  return join(base, "mcp-gateway", "credentials");
}

/** Which gateways a person has logged in to, and where no keyring answers the logins themselves (XDG Base Directory). */
export function loginsDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const { APPDATA, XDG_CONFIG_HOME } = environment;
  const base =
    process.platform === "win32"
      ? personal(APPDATA, "AppData", "Roaming")
      : personal(XDG_CONFIG_HOME, ".config");
  return join(base, "mcp-gateway");
}

/** @param usual below the home, where nothing is `given`. XDG: a relative path is invalid and must be ignored. */
function personal(given: string | undefined, ...usual: string[]): string {
  return given && isAbsolute(given) ? given : join(homedir(), ...usual);
}

/**
 * @param hint what to do when it belongs to somebody else
 * @throws UserError when it belongs to somebody else or cannot be made private
 */
export function makePrivateDirectory(directory: string, hint: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const owner = statSync(directory).uid;
    if (process.platform !== "win32" && owner !== userInfo().uid) {
      throw new UserError(`${directory} belongs to another user (uid ${owner})`, {
        hint,
      });
    }
    chmodSync(directory, 0o700);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`Cannot prepare the state directory ${directory}`, {
      hint: "Check that the parent directory exists and is writable for this user.",
      cause: error,
    });
  }
}

/** The control socket lies in the state directory, or in a private folder for temporary files when that path is too long. */
function controlSocketPath(directory: string): string {
  const name = createHash("sha256").update(directory).digest("hex").slice(0, 16);
  if (process.platform === "win32") return `\\\\.\\pipe\\mcp-gateway-${name}`;
  const path = join(directory, "control.sock");
  if (Buffer.byteLength(path) <= LONGEST_SOCKET_PATH) return path;
  return join(tmpdir(), `mcp-gateway-${userInfo().uid}`, `${name}.sock`);
}
