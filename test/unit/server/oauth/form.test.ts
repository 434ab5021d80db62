import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OAuthError } from "../../../../src/errors.ts";
import { parseParameters, singleValues } from "../../../../src/server/oauth/form.ts";

const codeOf = (run: () => unknown): string | undefined => {
  try {
    run();
  } catch (error) {
    if (error instanceof OAuthError) return error.code;
    throw error;
  }
  return undefined;
};
const read = (text: string) => Object.fromEntries(singleValues(parseParameters(text)));

const many = (count: number) =>
  Array.from({ length: count }, (_, index) => `p${index}=1`).join("&");

describe("form parameters, RFC 6749 §3.1, §3.2 and Appendix B", () => {
  it("decodes plus signs and UTF-8 escapes", () => {
    expect(read("a=x+y%20z&b=%E2%9C%93&c=1%2B1%3D2&d=a=b")).toEqual({
      a: "x y z",
      b: "✓",
      c: "1+1=2",
      d: "a=b",
    });
  });

  it("counts a parameter without a value as omitted", () => {
    expect(read("a=&b&c=1&&")).toEqual({ c: "1" });
  });

  it.each(["a=1&a=2", "a=1&a=1", "a=&a=1", "a&a", "%61=1&a=2"])(
    "refuses %s: the same one twice",
    (text) => {
      expect(codeOf(() => read(text))).toBe("invalid_request");
    },
  );

  it("takes equal resources as one, and refuses different ones as invalid_target", () => {
    expect(read("resource=https://a&resource=https%3A%2F%2Fa")).toEqual({ resource: "https://a" });
    expect(codeOf(() => read("resource=https://a&resource=https://b"))).toBe("invalid_target");
  });

  it.each(["a=%", "a=%zz", "a=%ff", "a=%c3%28", "%=1", "a=%ed%a0%80"])(
    "refuses %s: not UTF-8",
    (text) => {
      expect(codeOf(() => read(text))).toBe("invalid_request");
    },
  );

  it("refuses more than fifty parameters", () => {
    expect(Object.keys(read(many(50)))).toHaveLength(50);
    expect(codeOf(() => read(many(51)))).toBe("invalid_request");
  });

  it("changes no prototype", () => {
    const values = singleValues(parseParameters("__proto__=1&constructor=2&a[b]=3"));
    expect([...values]).toEqual([
      ["__proto__", "1"],
      ["constructor", "2"],
      ["a[b]", "3"],
    ]);
    expect(({} as Record<string, unknown>)["1"]).toBeUndefined();
  });

  it("gives back whatever was encoded, and throws nothing but OAuthError", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (value) => {
        expect(read(new URLSearchParams({ value }).toString())).toEqual({ value });
      }),
    );
    fc.assert(fc.property(fc.string(), (text) => void codeOf(() => read(text))));
  });
});
