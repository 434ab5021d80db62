import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatDuration, parseDuration } from "../../src/duration.ts";

describe("parseDuration", () => {
  it.each([
    ["30s", 30],
    ["15m", 900],
    ["1h", 3600],
    ["30d", 2_592_000],
    ["1.5h", 5400],
    [" 2m ", 120],
  ])("reads %s as %d seconds", (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each(["", "0s", "-1s", "1", "s", "1w", "1h30m", "1e3s", "Infinitys", "١s", "1S"])(
    "refuses %j and says what would be right",
    (text) => {
      expect(() => parseDuration(text)).toThrow(
        `"${text}" is not a duration; write a positive number and a unit, such as 30s, 15m, 1h or 30d`,
      );
    },
  );

  it("reads every positive number with every unit", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e9 }),
        fc.constantFrom("s", "m", "h", "d"),
        (n, unit) => {
          expect(parseDuration(`${n}${unit}`)).toBe(n * { s: 1, m: 60, h: 3600, d: 86_400 }[unit]);
        },
      ),
    );
  });
});

describe("formatDuration", () => {
  it.each([
    [0, "0s"],
    [59.4, "59s"],
    [60, "1m"],
    [3599, "59m"],
    [3600, "1h"],
    [172_799, "47h"],
    [172_800, "2d"],
    [-90, "-1m"],
  ])("writes %d seconds as %s", (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });
});
