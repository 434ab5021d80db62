/**
 * The flags that say what a program on the command line may reach.
 */
import { Flags } from "@oclif/core";
import { EXIT, UserError } from "../errors.ts";
import { resolvePermissions, type Permissions } from "./permissions.ts";

const names = (helpValue: string, summary: string) =>
  Flags.string({
    helpGroup: "PERMISSION",
    helpValue,
    summary,
    multiple: true,
    multipleNonGreedy: true,
    delimiter: ",",
  });

const yes = (summary: string) => Flags.boolean({ helpGroup: "PERMISSION", summary });

/** With any of them the program may reach what they name and nothing else; without them, all. */
export const permissionFlags = {
  "allow-read": names("PATH", "Files and folders the program may read."),
  "allow-write": names("PATH", "Files and folders it may change."),
  "allow-env": names("NAME", "Variables of the environment it gets."),
  "allow-run": names("PROGRAM", "Programs it may start; * allows all."),
  "allow-net": yes("Let it use the network."),
  "allow-all": yes("Confine no program, whatever mcp-gateway.yaml says."),
  sandbox: yes("Let it reach nothing, but for what other flags name."),
};

export interface PermissionFlagValues {
  "allow-read"?: string[] | undefined;
  "allow-write"?: string[] | undefined;
  "allow-env"?: string[] | undefined;
  "allow-run"?: string[] | undefined;
  "allow-net"?: boolean;
  "allow-all"?: boolean;
  sandbox?: boolean;
}

/**
 * @returns undefined when no flag says anything
 * @throws UserError when they contradict each other
 */
export function permissionsOfFlags(flags: PermissionFlagValues): Permissions | "all" | undefined {
  const given = (Object.keys(permissionFlags) as (keyof PermissionFlagValues)[]).filter(
    (name) => flags[name] !== undefined,
  );
  if (given.length === 0) return undefined;
  if (flags["allow-all"]) {
    const other = given.find((name) => name !== "allow-all");
    if (other === undefined) return "all";
    throw new UserError(`--allow-all and --${other} contradict each other`, {
      hint: "Leave one of them out.",
      exitCode: EXIT.usage,
    });
  }
  const named: Permissions = {
    env: flags["allow-env"] ?? [],
    read: flags["allow-read"] ?? [],
    write: flags["allow-write"] ?? [],
    net: flags["allow-net"] ?? false,
    run: flags["allow-run"] ?? [],
  };
  return resolvePermissions(named, process.cwd());
}
