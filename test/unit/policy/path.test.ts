import { posix, win32 } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPlainPath, isWithin } from "../../../src/policy/path.ts";

const FOLDERS = ["/srv/files", "/data/"];

describe("a path", () => {
  it.each([
    "/srv/files",
    "/srv/files/",
    "/srv/files/a.txt",
    "/srv/files///a",
    "/srv/files/.hidden",
    "/srv/files/..hidden",
    "/srv/files/a b/é/日本.txt",
    "/srv/files/100%",
    "/srv/files/a%20b",
    "/data/x",
  ])("%s is within", (path) => expect(isWithin(FOLDERS, path)).toBe(true));

  it.each([
    "/srv/filesX",
    "/srv/files.txt",
    "/srv",
    "/",
    "",
    "srv/files/a",
    "./srv/files/a",
    "~/a",
    "/srv/files/../secret",
    "/srv/files/..",
    "/srv/files/./a",
    "/srv/files/a/../../../etc/passwd",
    "/srv/files/%2e%2e/secret",
    "/srv/files/%252E%252e/secret",
    "/srv/files/..%2fsecret",
    "/srv/files/.%2e/secret",
    "/srv/files/%c0%ae%c0%ae/secret",
    "/srv/files/\u2025/secret",
    "/srv/files/．．/secret",
    "/srv/files/％2e％2e/secret",
    "/srv/files\\..\\secret",
    "/srv/files/..%5csecret",
    "/srv/files/a\u0000.txt",
    "/srv/files/.\n./secret",
    "/srv/files/.. /secret",
    "/srv/files/...",
    "//srv/files/a",
    "/srv//files/a",
    "\\\\srv\\files",
    "/SRV/FILES/a",
    "file:///srv/files/a",
    "/srv/files/\ud800",
    `/srv/files/${"a".repeat(9000)}`,
    `/srv/files/%${"25".repeat(100)}2e`,
  ])("%j is not", (path) => expect(isWithin(FOLDERS, path)).toBe(false));

  it.each([[null], [7], [{}], [["/srv/files/a"]], [undefined]])("%j is none", (value) =>
    expect(isWithin(FOLDERS, value)).toBe(false),
  );

  it("that passes is inside for whoever reads it, however that one reads it", () => {
    const piece = fc.constantFrom(
      ..."/|//|\\|.|..|...|%2e|%2E|%252e|%2f|%5c|%|％|．|‥|srv|files|filesX|a|b c|é|\u0000|\n|~| |%c0%ae|%00|?|#".split(
        "|",
      ),
    );
    const path = fc
      .tuple(
        fc.constantFrom("/srv/files", "/srv/files/", "/", ""),
        fc.array(piece, { maxLength: 12 }),
      )
      .map(([start, rest]) => start + rest.join(""));
    const decoded = (text: string): string => {
      try {
        return decodeURIComponent(text);
      } catch {
        return text;
      }
    };
    const readers: ((text: string) => string)[] = [
      (text) => posix.normalize(text),
      (text) => win32.normalize(text).replaceAll("\\", "/"),
      (text) => posix.normalize(decoded(text)),
      (text) => posix.normalize(decoded(decoded(text))),
      (text) => posix.normalize(text.normalize("NFKC")),
      (text) => posix.normalize(decoded(text.normalize("NFKC"))),
      (text) => posix.normalize(decoded(text).normalize("NFKC")),
      (text) =>
        decodeURIComponent(
          new URL(
            text.replaceAll("?", "%3F").replaceAll("#", "%23").replaceAll("%", "%25"),
            "file:///",
          ).pathname,
        ),
    ];
    let passed = 0;
    fc.assert(
      fc.property(path, (text) => {
        if (!isWithin(["/srv/files"], text)) return;
        passed += 1;
        for (const read of readers) expect(`${read(text)}/`).toMatch(/^\/srv\/files\//);
      }),
      { numRuns: 5000, examples: [["/srv//files"]] },
    );
    expect(passed).toBeGreaterThan(100);
  });

  it("of a rule can only be read in one way", () => {
    expect(["/srv/files", "/", "/a b", "/srv/é"].filter((path) => !isPlainPath(path))).toEqual([]);
    const bad = [
      "srv",
      "/srv/../x",
      "/srv/%66",
      "/srv/．",
      "C:\\data",
      "//host/share",
      "/a//b",
      "",
    ];
    expect(bad.filter(isPlainPath)).toEqual([]);
  });
});
