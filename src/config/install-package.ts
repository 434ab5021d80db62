/**
 * How a server of the catalogue is started: from its package at exactly the version of its entry.
 *
 * Usually the package is installed once, beside the configuration. Launchers that fetch it at every start (`npx`, `uvx`) would
 * need the network for good, and so would the server they start; an installed one starts faster, too.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, isAbsolute, join, relative } from "node:path";
import { UserError } from "../errors.ts";
import type { CatalogEntry, CatalogPackage } from "./catalog.ts";
import { findCommand } from "./find-command.ts";

const SERVERS = "mcp-servers";
const RECEIPT = ".mcp-gateway-package.json";
const PYTHON = process.platform === "win32" ? "Scripts/python.exe" : "bin/python";
const TAIL = 1500; // characters of what an installer said when it failed

export interface Launcher {
  readonly command: string;
  /** What comes before the server's own arguments. */
  readonly args: readonly string[];
  /** Fetches the package when it is started. */
  readonly needsNetwork: boolean;
  /** What is left to do before it can be started; told to people. */
  readonly task?: string;
  readonly install?: () => Promise<void>;
}

export interface LauncherOptions {
  /** Folder of the configuration file. */
  readonly base: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Path of this program, for servers that are part of it. */
  readonly program: string;
  /** Where a program is; looked for on this machine unless given. */
  readonly find?: (program: string) => string | undefined;
  /** Whether the package may be put beside the configuration. */
  readonly isInstalling: boolean;
}

export function launcherFor(entry: CatalogEntry, options: LauncherOptions): Launcher {
  const { base, environment, program, isInstalling } = options;
  const { find = (name: string) => findCommand(name, environment, base) } = options;
  const wanted = entry.package;
  const folder = join(base, SERVERS, entry.name);
  const isThere = receiptOf(folder) === JSON.stringify(wanted);
  if ("own" in wanted) {
    return find("mcp-gateway") === undefined
      ? { command: process.execPath, args: [program, wanted.own], needsNetwork: false }
      : { command: "mcp-gateway", args: [wanted.own], needsNetwork: false };
  }
  const task = `${nameOf(wanted)} ${wanted.version} into ${join(SERVERS, entry.name)}`;
  const install = isThere ? {} : { task, install: () => installInto(folder, wanted) };
  if ("npm" in wanted) {
    const near = isThere ? undefined : nearModule(base, wanted);
    if (!isInstalling && !isThere && near === undefined) {
      const args = ["-y", `${wanted.npm}@${wanted.version}`];
      return { command: "npx", args, needsNetwork: true };
    }
    const module = near ?? join(folder, "node_modules", wanted.npm);
    const args = [shortest(base, join(module, wanted.main))];
    return { command: "node", args, needsNetwork: false, ...(near === undefined && install) };
  }
  if (isInstalling || isThere) {
    const command = shortest(base, join(folder, PYTHON));
    return { command, args: ["-m", wanted.module], needsNetwork: false, ...install };
  }
  if (find("uvx") === undefined) {
    return { command: "python3", args: ["-m", wanted.module], needsNetwork: false };
  }
  const requirements = wanted.with.flatMap((requirement) => ["--with", requirement]);
  const args = [...requirements, `${wanted.pypi}@${wanted.version}`];
  return { command: "uvx", args, needsNetwork: true };
}

function nameOf(wanted: Exclude<CatalogPackage, { own: string }>): string {
  return "npm" in wanted ? wanted.npm : wanted.pypi;
}

/** A project that depends on the package has it already: the nearest `node_modules` that holds this version. */
function nearModule(
  base: string,
  { npm, version }: { npm: string; version: string },
): string | undefined {
  for (let at = base; ; at = dirname(at)) {
    const module = join(at, "node_modules", npm);
    const description = textOf(join(module, "package.json"));
    if (description !== undefined) {
      const { version: found } = JSON.parse(description) as { version?: unknown };
      if (found === version) return module;
    }
    if (dirname(at) === at) return undefined;
  }
}

/** Relative where it lies below the configuration, so that the folder may be moved as a whole. */
function shortest(base: string, path: string): string {
  const way = relative(base, path);
  return way.startsWith("..") || isAbsolute(way) ? path : way;
}

function receiptOf(folder: string): string | undefined {
  return textOf(join(folder, RECEIPT));
}

function textOf(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

/** The receipt comes last: what was interrupted begins anew. */
async function installInto(
  folder: string,
  wanted: Exclude<CatalogPackage, { own: string }>,
): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const ignore = join(dirname(folder), ".gitignore");
  if (!existsSync(ignore)) writeFileSync(ignore, "*\n");
  if ("npm" in wanted) {
    const what = `${wanted.npm}@${wanted.version}`;
    // Its own folder even below another project, and no code runs before the walls stand.
    const quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts"];
    writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
    await run("npm", ["install", "--prefix", folder, ...quiet, "--save-exact", what], folder);
  } else {
    await run("python3", ["-m", "venv", folder], folder);
    const requirements = [`${wanted.pypi}==${wanted.version}`, ...wanted.with];
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    await run(join(folder, PYTHON), [...pip, ...requirements], folder);
  }
  writeFileSync(join(folder, RECEIPT), JSON.stringify(wanted));
}

/** @throws UserError with the end of what the program said */
async function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  const child = spawn(command, args, {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    // npm is a script there, and what stands on its command line comes from the catalogue alone.
    shell: process.platform === "win32",
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-TAIL)));
  }
  let reason: string | undefined;
  child.on("error", (error) => (reason = error.message));
  const [code] = (await once(child, "close").catch(() => [null])) as [number | null];
  if (code === 0 && reason === undefined) return;
  const line = [command, ...args].join(" ");
  throw new UserError(`${line} failed: ${reason ?? said.trim()}`, {
    hint: "Repair that and run the command again, or use --no-install to have it fetched at every start.",
  });
}
