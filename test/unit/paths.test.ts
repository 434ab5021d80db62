import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { findConfigFile, prepareStateDirectory, statePaths } from "../../src/paths.ts";

let directory: string;
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "paths-")));
});
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe("findConfigFile", () => {
  it("finds the nearest file at or above the directory", () => {
    const inner = join(directory, "a", "b");
    mkdirSync(inner, { recursive: true });
    writeFileSync(join(directory, "mcp-gateway.yaml"), "");
    expect(findConfigFile(inner)).toBe(join(directory, "mcp-gateway.yaml"));
    writeFileSync(join(directory, "a", "mcp-gateway.yaml"), "");
    expect(findConfigFile(inner)).toBe(join(directory, "a", "mcp-gateway.yaml"));
  });

  it("finds nothing where there is nothing", () => {
    expect(findConfigFile(directory)).toBeUndefined();
  });
});

describe("prepareStateDirectory", () => {
  it("makes it 0700 whatever the umask, and keeps it out of version control", () => {
    const umask = process.umask(0);
    try {
      const paths = prepareStateDirectory(join(directory, "deep", "state"));
      expect(modeOf(paths.directory)).toBe("700");
      expect(readFileSync(join(paths.directory, ".gitignore"), "utf8")).toBe("*\n");
    } finally {
      process.umask(umask);
    }
  });

  it("repairs the mode of one that others could read", () => {
    const state = join(directory, "state");
    mkdirSync(state);
    chmodSync(state, 0o755);
    prepareStateDirectory(state);
    expect(modeOf(state)).toBe("700");
  });

  it("says which directory cannot be made", () => {
    writeFileSync(join(directory, "file"), "");
    expect(() => prepareStateDirectory(join(directory, "file", "state"))).toThrow(
      `Cannot prepare the state directory ${join(directory, "file", "state")}`,
    );
  });

  it("puts the socket of a very deep directory into a private folder for temporary files", () => {
    const deep = join(directory, "x".repeat(120));
    const { controlSocket } = prepareStateDirectory(deep);
    expect(Buffer.byteLength(controlSocket)).toBeLessThanOrEqual(100);
    expect(modeOf(join(controlSocket, ".."))).toBe("700");
    expect(statePaths(`${deep}2`).controlSocket).not.toBe(controlSocket);
  });
});
