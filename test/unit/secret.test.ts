import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expandReferences, resolveSecret } from "../../src/secret.ts";

describe("expandReferences", () => {
  it("replaces every reference and nothing else", () => {
    const text = expandReferences("${A}-$B-${A}-{A}-${1}", "env", { A: "x$&", B: "no" });
    expect(text).toBe("x$&-$B-x$&-{A}-${1}");
  });

  it("does not expand what a value contains", () => {
    expect(expandReferences("${A}", "env", { A: "${B}", B: "no" })).toBe("${B}");
  });

  it("names the variable and the place when it is not set", () => {
    expect(() => expandReferences("${MISSING}", "services.files.env.TOKEN", {})).toThrow(
      "services.files.env.TOKEN needs the environment variable MISSING, which is not set",
    );
  });
});

describe("resolveSecret", () => {
  const file = join(mkdtempSync(join(tmpdir(), "secret-")), "secret");

  it("reads a file without its final line break", () => {
    writeFileSync(file, "s3cret \r\n");
    expect(resolveSecret({ file }, "clientSecret")).toBe("s3cret ");
  });

  it("refuses an empty secret", () => {
    writeFileSync(file, "\n");
    expect(() => resolveSecret({ file }, "clientSecret")).toThrow(
      "The secret for clientSecret is empty",
    );
    expect(() => resolveSecret("${EMPTY}", "clientSecret", { EMPTY: "" })).toThrow("is empty");
  });

  it("says which file cannot be read, not what is in it", () => {
    expect(() => resolveSecret({ file: "/nowhere/secret" }, "clientSecret")).toThrow(
      "Cannot read the secret for clientSecret from /nowhere/secret",
    );
  });
});
