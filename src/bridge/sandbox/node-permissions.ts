/**
 * Node's own permission model, for services that are Node programs where there is no bubblewrap. It keeps honest programs
 * within their grants; it is no wall against hostile ones (Node's documentation says so too), and it holds less: before
 * Node 25 it knows no network, and a program it may start is not held at all.
 */
import { spawnSync } from "node:child_process";
import { basename } from "node:path";
import type { Permissions } from "../../config/permissions.ts";
import { isBelow, FileView, trace } from "./file-view.ts";
import { addOwnFiles } from "./own-files.ts";
import type { Confinement, FreeProgram, Launch, Sandbox } from "./sandbox.ts";

const FLAGS = ["--permission", "--experimental-permission", "--allow-net"];
const TIMEOUT = 5000; // ms

const known = new Map<string, readonly string[]>();

/** @returns why it cannot hold these permissions; undefined when it can */
export function whyNotNode(
  path: string | undefined,
  { service, permissions, hidden }: Confinement,
): string | undefined {
  if (path === undefined || !/^node(?:js)?(?:\.exe)?$/.test(basename(path))) {
    return "Node's permission model holds programs only whose command is node";
  }
  if (process.platform === "win32") return "Node's permission model is not used on Windows";
  const flags = flagsOf(path);
  if (switchOf(flags) === undefined) return "this Node has no permission model";
  if (!permissions.net && !flags.includes("--allow-net")) {
    return "Node's permission model cannot hold net: false before Node 25";
  }
  if (permissions.run.length > 0) {
    return "Node's permission model does not hold what the programs of run do";
  }
  for (const granted of [...permissions.read, ...permissions.write]) {
    if (hidden.some((folder) => granted === folder || isBelow(folder, granted))) {
      return `Node's permission model cannot hide the gateway's own folder below ${granted}, which services.${service} may reach`;
    }
  }
  return undefined;
}

export function createNodeSandbox({ permissions }: Confinement): Sandbox {
  return { tier: "node", launch: (program) => launch(permissions, program) };
}

function launch({ read, write, net }: Permissions, program: FreeProgram): Launch {
  const view = new FileView();
  addOwnFiles(view, program);
  const own = [...view.entries(), ...view.links()].map(([path]) => path);
  const both = (path: string): string[] => [path, ...[trace(path)?.real ?? []].flat()];
  const readable = new Set([...own, ...[...read, ...write].flatMap(both)]);
  const writable = new Set(write.flatMap(both));
  const flags = flagsOf(program.path);
  const args = [
    switchOf(flags)!,
    ...[...readable].map((path) => `--allow-fs-read=${path}`),
    ...[...writable].map((path) => `--allow-fs-write=${path}`),
    ...(net && flags.includes("--allow-net") ? ["--allow-net"] : []),
    ...program.args,
  ];
  return { command: program.path, args, inputs: [] };
}

function switchOf(flags: readonly string[]): string | undefined {
  return flags.find((flag) => flag === "--permission" || flag === "--experimental-permission");
}

/** Which of the flags that matter this Node has; asked once for each. */
function flagsOf(path: string): readonly string[] {
  const before = known.get(path);
  if (before !== undefined) return before;
  const ask = `process.stdout.write(${JSON.stringify(FLAGS)}.filter((flag) => process.allowedNodeEnvironmentFlags.has(flag)).join())`;
  const { stdout } = spawnSync(path, ["-e", ask], { timeout: TIMEOUT, env: {}, encoding: "utf8" });
  const flags = (stdout ?? "").split(",").filter((flag) => FLAGS.includes(flag));
  known.set(path, flags);
  return flags;
}
