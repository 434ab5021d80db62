import { describe, expect, it } from "vitest";
import { readChallenge } from "../../../src/client/challenge.ts";

describe("a challenge, RFC 6750 §3", () => {
  it.each([
    [undefined, {}],
    ["", {}],
    ['Basic realm="x", scope="y"', {}],
    ["Bearer", {}],
    ["bearer scope=read", { scope: "read" }],
    ['Bearer scope="a b", error="invalid_token"', { scope: "a b", error: "invalid_token" }],
    [
      'Basic realm="x", Bearer resource_metadata="https://a/m"',
      { resourceMetadata: "https://a/m" },
    ],
    ['Bearer error_description="say \\"please\\""', { description: 'say "please"' }],
    ['Bearer scope="first", scope="second"', { scope: "first" }],
    ['Bearer realm="a, scope=b"', {}],
  ])("%s", (header, expected) => {
    expect(readChallenge(header)).toEqual(expected);
  });

  it("is read in linear time, whatever it is made of", () => {
    const before = performance.now();
    readChallenge(`Bearer ${'a="'.repeat(20_000)}`);
    readChallenge(`Bearer ${"\\".repeat(60_000)}`);
    readChallenge(`Bearer ${"a ".repeat(30_000)}`);
    expect(performance.now() - before).toBeLessThan(1000);
  });
});
