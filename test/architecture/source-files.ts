/**
 * The source tree as the architecture tests read it. TypeScript 7 has no compiler API to ask, so imports are found by their
 * text; `imports.test.ts` proves on samples that every form is seen.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

export interface SourceFile {
  /** From the repository's root, with slashes. */
  path: string;
  text: string;
  lines: number;
  /** Relative imports as paths from the root, types and dynamic ones included. */
  imports: string[];
}

/** Every `.ts` and `.tsx` file below `folder`. */
export function sourceFiles(folder: string): SourceFile[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .filter((entry) => !entry.parentPath.includes("node_modules"))
    .map((entry) => {
      const absolute = join(entry.parentPath, entry.name);
      const text = readFileSync(absolute, "utf8");
      const path = relative(root, absolute).replaceAll("\\", "/");
      return {
        path,
        text,
        lines: text.trimEnd().split("\n").length,
        imports: importsOf(path, text),
      };
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

export function importsOf(path: string, text: string): string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
  const pattern =
    /(?:^|[\s;])(?:import|export)\s(?:[^;"']*?\sfrom\s+)?["'](\.[^"']+)["']|import\(\s*["'](\.[^"']+)["']\s*\)/g;
  return [...code.matchAll(pattern)].map((match) =>
    normalize(join(dirname(path), match[1] ?? match[2]!)).replaceAll("\\", "/"),
  );
}

/** Groups of files that import each other, found by Tarjan's strongly connected components. */
export function cycles(files: readonly SourceFile[]): string[][] {
  const graph = new Map(files.map((file) => [file.path, file.imports]));
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (path: string): void => {
    index.set(path, index.size);
    low.set(path, index.get(path)!);
    stack.push(path);
    for (const next of graph.get(path) ?? []) {
      if (!graph.has(next)) continue;
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(path, Math.min(low.get(path)!, low.get(next)!));
    }
    if (low.get(path) !== index.get(path)) return;
    const group = stack.splice(stack.indexOf(path));
    if (group.length > 1 || graph.get(path)!.includes(path)) found.push(group.sort());
  };
  for (const path of graph.keys()) if (!index.has(path)) visit(path);
  return found;
}
