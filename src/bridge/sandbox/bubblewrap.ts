/**
 * The strongest walls: a view of the file system that holds what was granted and nothing else, own processes, own network
 * or the machine's, no privileges (bwrap(1)).
 *
 * Inside, `/tmp` and the home are empty, writable and gone afterwards. Launchers such as `npx` keep their home, one for
 * each service: otherwise every session would fetch the program again. The folders of the gateway itself are hidden even
 * below a folder that was granted. Which programs exist is a matter of what is visible; code that a program brings along
 * has no more rights than the program itself.
 *
 * Nothing secret stands on the command line: the environment is inherited, texts come over descriptors.
 */
import { mkdirSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { findCommand } from "../child-environment.ts";
import { FileView, isBelow, trace } from "./file-view.ts";
import type { Bubblewrap } from "./find-bubblewrap.ts";
import { addAllPrograms, addExecutable, addOwnFiles, addSystem, isLauncher } from "./own-files.ts";
import {
  FIRST_INPUT,
  type Confinement,
  type FreeProgram,
  type Launch,
  type Sandbox,
} from "./sandbox.ts";

/** What programs read in /etc that tells nothing about this machine's people. */
const ETC = [
  "alternatives", "ca-certificates", "crypto-policies", "fonts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d",
  "locale.conf", "localtime", "mime.types", "nsswitch.conf", "os-release", "pki/ca-trust", "pki/tls/certs", "protocols",
  "services", "ssl/cert.pem", "ssl/certs", "ssl/openssl.cnf", "timezone",
]; // prettier-ignore
const OFFLINE = [
  ...["--setenv", "npm_config_offline", "true"],
  ...["--setenv", "npm_config_update_notifier", "false"],
  ...["--setenv", "UV_OFFLINE", "1"],
];
const ETC_NETWORK = ["gai.conf", "host.conf", "hosts", "resolv.conf"];

export function createBubblewrapSandbox(bwrap: Bubblewrap, confinement: Confinement): Sandbox {
  return {
    tier: "bubblewrap",
    launch: (program) => launch(bwrap, confinement, program),
  };
}

function launch(bwrap: Bubblewrap, confinement: Confinement, program: FreeProgram): Launch {
  const view = grantedFiles(confinement, program);
  view.addLinks(program.directory);
  const directory = trace(program.directory)?.real ?? program.directory;
  const accounts = accountFiles(program).filter(([path]) => !view.isVisible(path));
  const isRootGranted = view.isVisible("/");
  const mounts = view.entries().map(([path, access]) => ({
    path,
    words: [access === "write" ? "--bind" : "--ro-bind", path, path],
  }));
  const args = [
    ...bwrap.walls,
    // Browsers and the like build walls of their own around parts of themselves.
    ...(confinement.permissions.run.length === 0 ? bwrap.innermost : []),
    ...(confinement.permissions.net ? ["--share-net"] : []),
    ...mounts.flatMap(({ path, words }) => (path === "/" ? words : [])),
    ...["--proc", "/proc", "--dev", "/dev"],
    ...scratchFolders(confinement, program).flatMap(([folder, kept]) => {
      if (view.isVisible(folder)) return [];
      return kept === undefined ? ["--tmpfs", folder] : ["--bind", kept, folder];
    }),
    ...view.links().flatMap(([path, target]) => ["--symlink", target, path]),
    ...mounts.flatMap(({ path, words }) => (path === "/" ? [] : words)),
    ...accounts.flatMap(([path], index) => ["--ro-bind-data", `${FIRST_INPUT + index}`, path]),
    ...hide(confinement.hidden, view),
    ...(isRootGranted ? [] : ["--dir", directory, "--remount-ro", "/"]),
    // A launcher would try for minutes to reach what it cannot.
    ...(isLauncher(program.path) && !confinement.permissions.net ? OFFLINE : []),
    ...["--chdir", program.directory, "--", program.path, ...program.args],
  ];
  return { command: bwrap.path, args, inputs: accounts.map(([, text]) => text) };
}

/**
 * Empty folders in their places. The folders they lie in become mount points of their own, which cannot be renamed: moved
 * away, they would be found under another name at the next start.
 */
function hide(hidden: readonly string[], view: FileView): string[] {
  const reals = hidden
    .map((folder) => trace(folder)?.real)
    .filter((real) => real !== undefined && view.isVisible(real)) as string[];
  const above = new Set<string>();
  for (const real of reals) {
    for (let at = dirname(real); at !== "/" && view.isWritable(dirname(at)); at = dirname(at)) {
      above.add(at);
    }
  }
  const shallowFirst = [...above].toSorted((a, b) => a.length - b.length);
  return [
    ...shallowFirst.flatMap((folder) => ["--bind", folder, folder]),
    ...[...new Set(reals)].flatMap((real) => ["--tmpfs", real, "--remount-ro", real]),
  ];
}

/** Who the program is, and nobody else. */
function accountFiles({ environment }: FreeProgram): [path: string, text: string][] {
  const { uid, gid, username } = userInfo();
  const home = environment["HOME"] ?? "/";
  return [
    ["/etc/passwd", `${username}:x:${uid}:${gid}::${home}:/bin/sh\n`],
    ["/etc/group", `${username}:x:${gid}:\n`],
  ];
}

function grantedFiles(confinement: Confinement, program: FreeProgram): FileView {
  const { service, permissions, hidden } = confinement;
  for (const kind of ["read", "write"] as const) {
    for (const path of permissions[kind]) {
      const place = `services.${service}.permissions.${kind}`;
      const real = trace(path)?.real;
      if (real === undefined) throw new Error(`${place} names ${path}, which does not exist`);
      const isOurs = hidden.some((folder) => {
        const secret = trace(folder)?.real;
        return secret !== undefined && (real === secret || isBelow(real, secret));
      });
      if (isOurs) throw new Error(`${place} names ${path}, which belongs to the gateway`);
      // They belong to processes and to the kernel; the program has its own.
      if (/^\/(?:proc|dev|sys)(?:\/|$)/.test(real)) {
        throw new Error(`${place} names ${path}, which is no file that could be granted`);
      }
    }
  }
  const view = new FileView(permissions.write, confinement.changeable);
  const runsAll = permissions.run.includes("*");
  addSystem(view, runsAll);
  for (const name of ETC) view.addSystem(`/etc/${name}`);
  // Which servers to ask changes with the network.
  if (permissions.net) for (const name of ETC_NETWORK) view.add(`/etc/${name}`);
  for (const path of permissions.read) view.add(path);
  addOwnFiles(view, program);
  if (runsAll) addAllPrograms(view, program);
  for (const name of permissions.run.filter((word) => word !== "*")) {
    const found = findCommand(name, program.environment, program.directory);
    if (found === undefined) {
      throw new Error(`services.${service}.permissions.run names ${name}, which was not found`);
    }
    addExecutable(view, found, program);
  }
  return view;
}

/** Folders that are empty at first and may be written. @returns each with where it is kept, when it is */
function scratchFolders(
  { cache }: Confinement,
  program: FreeProgram,
): [folder: string, kept: string | undefined][] {
  const folders: [string, string | undefined][] = [
    ["/tmp", undefined],
    ["/var/tmp", undefined],
  ];
  const home = program.environment["HOME"] ?? "";
  if (!/^\/[^/]+/.test(home) || home === "/tmp" || home === "/var/tmp") return folders;
  const real = trace(home)?.real ?? home;
  if (!isLauncher(program.path)) return [...folders, [real, undefined]];
  const kept = join(cache, "home");
  mkdirSync(kept, { recursive: true, mode: 0o700 });
  return [...folders, [real, kept]];
}
