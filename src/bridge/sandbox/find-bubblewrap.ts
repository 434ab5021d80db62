/**
 * Whether bubblewrap is here and works: containers and some distributions take away what it needs.
 */
import { spawnSync } from "node:child_process";
import { findCommand } from "../child-environment.ts";

export interface Bubblewrap {
  readonly path: string;
  /** Its flags for namespaces and privileges, as many as work here. */
  readonly walls: readonly string[];
  /** One more: no user namespaces inside, by which programs reach more of the kernel. */
  readonly innermost: readonly string[];
}

const COMMON = ["--unshare-all", "--cap-drop", "ALL", "--die-with-parent", "--new-session"];
/** Strongest first. */
const VARIANTS = [
  { walls: [...COMMON, "--unshare-user"], innermost: ["--disable-userns"] },
  { walls: COMMON, innermost: [] },
];
const FILES = ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"];
const TIMEOUT = 5000; // ms

const found = new Map<string, Bubblewrap | string>();

/** Asked of the machine once per process. @returns why not, when it cannot be used */
export function findBubblewrap(environment: NodeJS.ProcessEnv): Bubblewrap | string {
  if (process.platform !== "linux") return "bubblewrap exists on Linux only";
  const path = findCommand("bwrap", { PATH: environment["PATH"] ?? "" }, "/");
  if (path === undefined) return "bubblewrap is not installed";
  const verdict = found.get(path) ?? tryOut(path);
  found.set(path, verdict);
  return verdict;
}

function tryOut(path: string): Bubblewrap | string {
  let complaint = "";
  for (const { walls, innermost } of VARIANTS) {
    const flags = [...walls, ...innermost, ...FILES];
    const { status, stderr, error } = spawnSync(path, [...flags, "/bin/sh", "-c", ":"], {
      timeout: TIMEOUT,
      env: {},
      encoding: "utf8",
    });
    if (status === 0) return { path, walls, innermost };
    complaint = stderr?.trim().split("\n").at(-1) || (error?.message ?? "it failed");
  }
  return `bubblewrap does not work here (${complaint})`;
}
