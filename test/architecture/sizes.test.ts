/**
 * A file that a reader can hold in mind: limits by room, and the few exceptions, each with its reason on its first line.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root, sourceFiles, type SourceFile } from "./source-files.ts";

const source = sourceFiles("src");
const tests = sourceFiles("test");

/** Lines a file may have although its room allows fewer. */
const EXCEPTIONS: Record<string, number> = { "src/config.ts": 400 };

const tooLong = (files: SourceFile[], limit: number): string[] =>
  files
    .filter((file) => file.lines > (EXCEPTIONS[file.path] ?? limit))
    .map((file) => `${file.path}: ${file.lines}`);

describe("file sizes", () => {
  it("were read", () => {
    expect(source.length).toBeGreaterThan(70);
    expect(tests.length).toBeGreaterThan(40);
  });

  it("stay within 300 lines in src, 100 in commands, 400 in tests", () => {
    const isCommand = (file: SourceFile): boolean => file.path.startsWith("src/commands/");
    expect(
      tooLong(
        source.filter((file) => !isCommand(file)),
        300,
      ),
    ).toEqual([]);
    expect(tooLong(source.filter(isCommand), 100)).toEqual([]);
    expect(tooLong(tests, 400)).toEqual([]);
  });

  it("give every exception its reason on the first line", () => {
    for (const [path, limit] of Object.entries(EXCEPTIONS)) {
      expect(source.find((file) => file.path === path)?.text.split("\n")[0]).toContain(
        `At most ${limit} lines`,
      );
    }
  });

  it("keep the common ground small: at most 14 files", () => {
    const common = readdirSync(join(root, "src"), { withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    expect(common.length).toBeLessThanOrEqual(14);
  });

  it("keep names in kebab case", () => {
    const odd = [...source, ...tests].filter((file) => !/^[a-z0-9/.-]+$/.test(file.path));
    expect(odd.map((file) => file.path)).toEqual([]);
  });
});
