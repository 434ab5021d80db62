/**
 * Which permission a program lacked, as far as its last words tell. It sees a file that was not granted as one that does
 * not exist, so what it says about that would send people the wrong way.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { findCommand } from "../../config/find-command.ts";
import type { Permissions } from "../../config/permissions.ts";
import { isBelow } from "./file-view.ts";

export interface Denied {
  readonly service: string;
  readonly permissions: Permissions;
  readonly directory: string;
  /** The program's whole environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** The gateway's. */
  readonly outside: NodeJS.ProcessEnv;
}

const QUOTED_PATH = String.raw`[^'"\n]{0,200}['"]([^'"\n]{1,1000})['"]`;
const SPAWN = /spawn(?:Sync)? ([^\s'"]{1,300}) (?:ENOENT|EACCES)/;
const SHELL = /(?:^|[\s:])([\w./-]{1,300}): (?:command )?not found/m;
const MISSING = new RegExp(
  `(?:ENOENT|EACCES|ERR_ACCESS_DENIED|No such file or directory|Permission denied)${QUOTED_PATH}`,
  "g",
);
/** As shells say it: the path comes first. */
const MISSING_FIRST =
  /([~/][^\s'":]{1,1000}): (?:No such file or directory|Permission denied|not found)/g;
/** Node writes the path of a refusal of its own on another line. */
const REFUSED = /permission: 'FileSystem(Read|Write)',\s+resource: '([^'\n]+)'/;
const READ_ONLY = new RegExp(`(?:EROFS|Read-only file system)${QUOTED_PATH}`);
const NETWORK =
  /ENOTFOUND|ENOTCACHED|EAI_AGAIN|ENETUNREACH|ENETDOWN|Network is unreachable|name resolution|Could not resolve host|dns error/i;
const VARIABLE = /\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b/g;

/** @param stderr its end @returns a sentence that names the setting; undefined when nothing points to one */
export function explainDenial(stderr: string, denied: Denied): string | undefined {
  const { service, permissions, directory, environment, outside } = denied;
  const lacks = (kind: string, name: string): string =>
    `permissions.${kind} of services.${service} does not name ${name}`;

  const refused = REFUSED.exec(stderr);
  if (refused) return lacks(refused[1] === "Read" ? "read" : "write", refused[2]!);
  if (/permission: 'ChildProcess'/.test(stderr)) {
    return `permissions.run of services.${service} is empty`;
  }
  const readOnly = READ_ONLY.exec(stderr)?.[1];
  if (readOnly !== undefined) return lacks("write", resolve(directory, readOnly));

  const program = (SPAWN.exec(stderr) ?? SHELL.exec(stderr))?.[1];
  if (program !== undefined && findCommand(program, environment, directory) !== undefined) {
    return lacks("run", program);
  }
  for (const [, named] of [...stderr.matchAll(MISSING), ...stderr.matchAll(MISSING_FIRST)]) {
    const path = resolve(directory, named!);
    const isGranted = [...permissions.read, ...permissions.write].some(
      (granted) => granted === path || isBelow(path, granted),
    );
    if (!isGranted && existsSync(path)) return lacks("read", path);
  }
  if (!permissions.net && NETWORK.test(stderr)) {
    return `permissions.net of services.${service} is false`;
  }
  for (const [variable] of stderr.matchAll(VARIABLE)) {
    if (outside[variable] !== undefined && environment[variable] === undefined) {
      return lacks("env", variable);
    }
  }
  return undefined;
}
