/**
 * The files a program will see: everything at its own place, nothing that was not added.
 *
 * Paths are followed as the kernel would, and the links on the way are made again inside, so that a path means the same
 * inside and outside. The exception are links that a program could have put there, below something it may change: following
 * those would let it choose what it sees next time.
 */
import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { dirname, join } from "node:path";

export type Access = "read" | "write";

const MOST_LINKS = 40; // as Linux

const systemTraces = new Map<string, Trace | undefined>();

export class FileView {
  /** Real path to access. */
  readonly #entries = new Map<string, Access>();
  /** Path of a link to what it says. */
  readonly #links = new Map<string, string>();

  /** Real paths of folders in which links are not believed: programs may change them. */
  readonly #changeable: readonly string[];

  /**
   * @param writable what the program may change
   * @param others what other programs may change
   */
  constructor(writable: readonly string[] = [], others: readonly string[] = []) {
    const traces = writable.flatMap((path) => trace(path) ?? []);
    const theirs = others.flatMap((path) => trace(path)?.real ?? []);
    for (const { real, links } of traces) {
      const folders = [...traces.map((other) => other.real), ...theirs];
      const isChosen = links.some(([place]) =>
        folders.some((folder) => folder !== real && isBelow(place, folder)),
      );
      if (isChosen) continue;
      this.#entries.set(real, "write");
      for (const [link, target] of links) this.#links.set(link, target);
    }
    this.#changeable = [...theirs, ...this.#entries.keys()];
  }

  /**
   * Let `path` be read.
   * @returns its real path; undefined when there is nothing, or when only links that programs could have made lead there
   */
  add(path: string): string | undefined {
    const traced = trace(path);
    return traced && this.#add(traced);
  }

  /** The same for what does not change while the gateway runs: looked up once for all programs. */
  addSystem(path: string): void {
    const traced = systemTraces.has(path) ? systemTraces.get(path) : trace(path);
    systemTraces.set(path, traced);
    if (traced !== undefined) this.#add(traced);
  }

  #add({ real, links }: Trace): string | undefined {
    const isChosen = links.some(([place]) =>
      this.#changeable.some((folder) => isBelow(place, folder)),
    );
    if (isChosen && !isSystemPath(real) && !this.isWritable(real)) return undefined;
    for (const [link, target] of links) this.#links.set(link, target);
    if (!this.isWritable(real) && !this.#entries.has(real)) this.#entries.set(real, "read");
    return real;
  }

  /** Let `path` lead where it leads outside, whether that can be seen or not. */
  addLinks(path: string): void {
    for (const [link, target] of trace(path)?.links ?? []) this.#links.set(link, target);
  }

  /** @param real a real path */
  isWritable(real: string): boolean {
    return this.#covers(real, "write");
  }

  isVisible(real: string): boolean {
    return this.isWritable(real) || this.#covers(real, "read");
  }

  /** Parents before children; what a parent shows already is left out. */
  entries(): [path: string, access: Access][] {
    return [...this.#entries]
      .filter(([path, access]) => {
        const parents = [...this.#entries].filter(([other]) => isBelow(path, other));
        return !parents.some(([, theirs]) => theirs === access || theirs === "write");
      })
      .toSorted(([a], [b]) => depth(a) - depth(b));
  }

  /** Those that no entry brings along. */
  links(): [path: string, target: string][] {
    return [...this.#links].filter(([path]) => !this.isVisible(path));
  }

  #covers(path: string, access: Access): boolean {
    return [...this.#entries].some(
      ([entry, theirs]) => theirs === access && (entry === path || isBelow(path, entry)),
    );
  }
}

/** Where distributions keep programs: nobody but the administrator changes anything there. */
export function isSystemPath(path: string): boolean {
  return /^\/(?:usr|bin|sbin|lib\w*|nix\/store|gnu\/store)(?:\/|$)/.test(path);
}

/** Strictly below. */
export function isBelow(path: string, folder: string): boolean {
  return path !== folder && path.startsWith(folder === "/" ? "/" : `${folder}/`);
}

interface Trace {
  readonly real: string;
  /** Every link on the way. */
  readonly links: readonly [path: string, target: string][];
}

/** Follow `path` link by link. @returns undefined when it leads nowhere */
export function trace(path: string): Trace | undefined {
  const pending = path.split("/");
  const links: [string, string][] = [];
  let at = "/";
  for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      at = dirname(at);
      continue;
    }
    const next = join(at, name);
    const status = look(next);
    if (status === undefined || links.length > MOST_LINKS) return undefined;
    if (status.isSymbolicLink()) {
      const target = readlinkSync(next);
      links.push([next, target]);
      pending.unshift(...target.split("/"));
      if (target.startsWith("/")) at = "/";
    } else at = next;
  }
  return { real: at, links };
}

function look(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // ours may not look there: then nobody's child may
  }
}

function depth(path: string): number {
  return path === "/" ? 0 : path.split("/").length;
}
