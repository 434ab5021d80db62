import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { emptyNamesOf, withVariables } from "../../../src/scaffold/env-file.ts";

const VALUES = [
  "plain",
  "with space",
  'do$llar `x` \\ and "quotes"',
  "it's",
  "#no comment",
  "a=b",
  "",
];

describe(".env", () => {
  it("says to a shell what it was given", () => {
    const folder = mkdtempSync(join(tmpdir(), "env-"));
    const variables = VALUES.map((value, index) => ({ name: `V${index}`, value, about: "One." }));
    const { text, unwritten } = withVariables("", variables, "quoted");
    writeFileSync(join(folder, "env"), text);
    const print = VALUES.map((_, index) => `printf '%s\\0' "$V${index}"`).join(";");
    const { stdout } = spawnSync("sh", ["-c", `. ./env; ${print}`], {
      cwd: folder,
      encoding: "utf8",
    });
    rmSync(folder, { recursive: true });
    expect(unwritten).toEqual([]);
    expect(stdout.split("\0").slice(0, -1)).toEqual(VALUES);
  });

  it("names what cannot be written and leaves it empty", () => {
    const variables = [{ name: "ODD", value: `it's $5`, about: "One." }];
    expect(withVariables("", variables, "quoted").unwritten).toEqual(["ODD"]);
    const lines = [{ name: "KEY", value: "a\nb", about: "One." }];
    expect(withVariables("", lines, "literal").unwritten).toEqual(["KEY"]);
    expect([...emptyNamesOf("A=\nB=1\nC=''\nexport D=\n#E=\n")]).toEqual(["A", "C", "D"]);
  });

  it("adds what is missing and changes nothing", () => {
    const before = "export A=1\n# B=\nC = x";
    const variables = ["A", "B", "C"].map((name) => ({ name, value: "new", about: "One." }));
    expect(withVariables(before, variables, "quoted").text).toBe(
      "export A=1\n# B=\nC = x\n\n# One.\nB=new\n",
    );
  });
});
