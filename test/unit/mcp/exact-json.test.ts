/** B03: what is relayed comes out as it went in. */
import { describe, expect, it } from "vitest";
import { digitsOf, parseJson, stringifyJson } from "../../../src/mcp/exact-json.ts";

const through = (text: string): string => stringifyJson(parseJson(text));

describe("JSON that is relayed", () => {
  it.each([
    "9007199254740993",
    "-9007199254740993",
    '{"id":9007199254740993}',
    '{"a":[12345678901234567890,1,-12345678901234567890],"b":{"c":18446744073709551615}}',
    '{"12345678901234567890":12345678901234567890}',
    '["12345678901234567890",12345678901234567890,"\\"12345678901234567890"]',
    '["\\\\",12345678901234567890]',
    `[${"9".repeat(400)}]`,
    '{"id":9007199254740991}',
    "[0,-5,1.5,true,null,{}]",
  ])("keeps %s", (text) => {
    expect(through(text)).toBe(text);
  });

  it("reads all other numbers as numbers", () => {
    const text =
      "[9007199254740991, 1700000000000, 0.12345678901234567, 1234567890123456.5, 12345678901234567e2]";
    expect(parseJson(text)).toEqual(JSON.parse(text));
  });

  it("refuses what is no JSON, marked or not", () => {
    for (const text of [
      "",
      "{",
      "12345678901234567890x",
      "[12345678901234567890",
      '"1234567890123456789',
      "01234567890123456789",
      "{12345678901234567890:1}",
      "{12345678901234567890 \n:1}",
      "1-12345678901234567890",
      "[12345678901234567890 12345678901234567890]",
    ]) {
      expect(() => parseJson(text), text).toThrow(SyntaxError);
    }
  });

  it("knows the digits of such a number, and no text that looks like it", () => {
    expect(digitsOf(parseJson("9007199254740993"))).toBe("9007199254740993");
    expect([7, "9007199254740993", "~x:9007199254740993", null].map(digitsOf)).toEqual(
      Array.from({ length: 4 }, () => undefined),
    );
  });

  it("gives equal numbers equal values, so that an id is found again", () => {
    expect(parseJson("9007199254740993")).toBe(parseJson("9007199254740993"));
    expect(parseJson("9007199254740993")).not.toBe(parseJson("9007199254740992"));
  });

  it("takes no longer for megabytes of digits and quotes", () => {
    const digits = "1234567890".repeat(200_000);
    const texts = [`["${digits}"]`, `["${'\\"'.repeat(1_000_000)}",${digits}]`, `[${digits}]`];
    const before = performance.now();
    for (const text of texts) expect(through(text)).toBe(text);
    expect(performance.now() - before).toBeLessThan(2000);
  });
});
