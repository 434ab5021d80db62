import { describe, expect, it } from "vitest";
import { parseStrictJson } from "../../../src/server/strict-json.ts";

describe("strict JSON", () => {
  it.each([
    '{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]}',
    "[]",
    '"a:b"',
    '{"a\\"":":{","b":"}"}',
    "{}",
    "1",
  ])("reads %s as JSON.parse does", (text) => {
    expect(parseStrictJson(text)).toEqual(JSON.parse(text));
  });

  it.each([
    ['{"a":1,"a":1}', "a doubled name"],
    ['{"a":1,"\\u0061":1}', "a doubled name in another spelling"],
    ['{"x":[{"a":{},"b":[],"a":1}]}', "a doubled name further down"],
    ['{"a":{"b":1},"a":1}', "a doubled name around an object"],
    ["\ufeff{}", "a byte order mark"],
    ["", "nothing"],
    ["{'a':1}", "single quotes"],
    ['{"a":1}{}', "two values"],
  ])("refuses %j: %s", (text) => {
    expect(() => parseStrictJson(text)).toThrow(SyntaxError);
  });

  it("makes no prototype of a name", () => {
    const value = parseStrictJson('{"__proto__":{"isAdmin":true}}');
    expect((value as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  it("reads deep and wide documents of 64 KB at once", () => {
    const start = performance.now();
    parseStrictJson(`${"[".repeat(5000)}${"]".repeat(5000)}`);
    parseStrictJson(`{"a":"${"\\\\".repeat(32_000)}"}`);
    expect(performance.now() - start).toBeLessThan(500);
  });
});
