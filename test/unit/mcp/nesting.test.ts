import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isNestedTooDeep } from "../../../src/mcp/nesting.ts";

const arrays = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
const objects = (levels: number): string => '{"a":'.repeat(levels) + "1" + "}".repeat(levels);

describe("the depth of a JSON text", () => {
  it("is bounded at 500 levels", () => {
    expect([arrays(500), objects(500)].map(isNestedTooDeep)).toEqual([false, false]);
    expect([arrays(501), objects(501), arrays(1_000_000)].map(isNestedTooDeep)).toEqual([
      true,
      true,
      true,
    ]);
  });

  it("counts what is open at once, not what there is", () => {
    expect(isNestedTooDeep(`[${"[1],".repeat(5000)}1]`)).toBe(false);
  });

  it("does not look into strings, however they end", () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(5), (text, backslashes) => {
        const inside = `${text}${"\\".repeat(backslashes)}"${"[".repeat(2000)}`;
        expect(isNestedTooDeep(JSON.stringify([inside]))).toBe(false);
        expect(isNestedTooDeep(`[${JSON.stringify(inside)},${arrays(500)}]`)).toBe(true);
      }),
    );
  });
});
