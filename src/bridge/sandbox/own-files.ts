/**
 * What belongs to a program without being named: its executable and the interpreter that runs it, its package with the
 * packages it needs, the libraries beside it, and for launchers such as `npx` what they cannot work without.
 */
import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { findCommand } from "../child-environment.ts";
import { isBelow, isSystemPath, type FileView } from "./file-view.ts";
import type { FreeProgram } from "./sandbox.ts";

const INTERPRETER =
  /^(?:node|nodejs|bun|deno|tsx|ts-node|python[\d.]*|pypy[\d.]*|ruby|perl|php|java|(?:ba|da|z|k)?sh)$/;

/** Programs that fetch the real server and start it. */
const LAUNCHERS: Readonly<Record<string, readonly string[]>> = {
  npx: ["node", "npm", "sh", "env"],
  npm: ["node", "sh", "env"],
  pnpm: ["node", "npm", "sh", "env"],
  yarn: ["node", "npm", "sh", "env"],
  bunx: ["bun", "node", "sh", "env"],
  uvx: ["uv", "python3", "sh", "env"],
  uv: ["python3", "sh", "env"],
  pipx: ["python3", "sh", "env"],
};

const MOST_NESTED = 4; // interpreters of interpreters, as Linux

/** A folder with one of these is a package: what is in it belongs together. */
const MARKERS = ["package.json", "pyproject.toml", "setup.py", "deno.json", "Gemfile"];

/** Folders that many share. */
const ROOTS: ReadonlySet<string> = new Set([
  "/boot", "/dev", "/etc", "/home", "/media", "/mnt", "/opt", "/proc", "/root", "/run", "/srv", "/sys", "/tmp", "/var",
  "/var/lib", "/var/tmp",
]); // prettier-ignore

/** Whether it keeps what it fetched in its home. */
export function isLauncher(path: string): boolean {
  return basename(path) in LAUNCHERS;
}

export function addOwnFiles(view: FileView, program: FreeProgram): void {
  const { path, args, directory, environment } = program;
  const onPath = (name: string): string | undefined => findCommand(name, environment, directory);
  addExecutable(view, path, program);
  for (const name of LAUNCHERS[basename(path)] ?? []) {
    const found = onPath(name);
    if (found !== undefined) addExecutable(view, found, program);
  }
  if (!INTERPRETER.test(basename(path)) || args.includes("-c") || args.includes("-e")) return;
  const script = args.map((word) => resolve(directory, word)).find(isFile);
  if (script !== undefined) addExecutable(view, script, program);
}

/** A file that is run, and what it needs to run. */
export function addExecutable(
  view: FileView,
  path: string,
  program: FreeProgram,
  nesting = 0,
): void {
  const real = view.add(path);
  if (real === undefined) return;
  const home = program.environment["HOME"] ?? "/";
  for (const place of new Set([path, real])) {
    if (!isSystemPath(place)) addLibraries(view, place);
  }
  if (!isSystemPath(real)) addPackage(view, real, home);
  // What the program may change could name anything as its interpreter.
  if (view.isWritable(real) || nesting > MOST_NESTED) return;
  for (const interpreter of interpretersOf(real)) {
    const found = findCommand(interpreter, program.environment, program.directory);
    if (found !== undefined) addExecutable(view, found, program, nesting + 1);
  }
}

/** `<prefix>/bin/program` has its libraries in `<prefix>/lib`, as virtual environments and own installations do. */
function addLibraries(view: FileView, executable: string): void {
  const folder = dirname(executable);
  if (basename(folder) !== "bin") return;
  for (const name of ["lib", "lib64", "pyvenv.cfg"]) view.add(join(dirname(folder), name));
}

function addPackage(view: FileView, file: string, home: string): void {
  let isFound = false;
  for (let folder = dirname(file); dirname(folder) !== folder; folder = dirname(folder)) {
    // Never so much at once: whose home it is has more in it than programs.
    if (folder === home || isBelow(home, folder) || ROOTS.has(folder)) return;
    view.add(join(folder, "node_modules"));
    if (isFound || basename(folder) === "node_modules") continue;
    isFound = MARKERS.some((marker) => isFile(join(folder, marker)));
    if (isFound) view.add(folder);
  }
}

/** From the first line of a script; `env` stands for a program it finds on PATH. */
function interpretersOf(file: string): string[] {
  const buffer = Buffer.alloc(256);
  let length: number;
  try {
    const descriptor = openSync(file, "r");
    length = readSync(descriptor, buffer);
    closeSync(descriptor);
  } catch {
    return [];
  }
  const [, line] = /^#!\s*([^\n]+)/.exec(buffer.toString("latin1", 0, length)) ?? [];
  if (line === undefined) return [];
  const [interpreter, ...words] = line.trim().split(/\s+/);
  if (basename(interpreter!) !== "env") return [interpreter!];
  const name = words.find((word) => !word.startsWith("-") && !word.includes("="));
  return name === undefined ? [interpreter!] : [interpreter!, name];
}

/** Every program on PATH. */
export function addAllPrograms(view: FileView, program: FreeProgram): void {
  const { PATH: path = "", HOME: home = "/" } = program.environment;
  for (const folder of path.split(":")) {
    if (!folder.startsWith("/") || folder === home || isBelow(home, folder)) continue;
    view.add(folder);
    addLibraries(view, join(folder, "any"));
  }
}

/** Folders of /usr that hold what programs are made of. */
const PARTS = /^(?:lib\w*|libexec|share|include|opt)$/;
const PROGRAMS: ReadonlySet<string> = new Set(["bin", "sbin", "games"]);

/** @param programs whether the folders that hold programs are there too; links to them are in any case */
export function addSystem(view: FileView, programs: boolean): void {
  for (const path of systemFolders()) {
    if (programs || !PROGRAMS.has(basename(path))) view.addSystem(path);
    else view.addLinks(path);
  }
}

let folders: readonly string[] | undefined;

function systemFolders(): readonly string[] {
  folders ??= [
    ...["/nix/store", "/gnu/store"],
    ...["/", "/usr", "/usr/local"].flatMap((folder) =>
      namesIn(folder)
        .filter((name) => PARTS.test(name) || PROGRAMS.has(name))
        .map((name) => join(folder, name))
        .filter(isSystemPath),
    ),
  ];
  return folders;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
