import { describe, expect, it } from "vitest";
import { freshnessOf } from "../../../src/server/http-freshness.ts";

const DATE = "Thu, 01 Jan 2026 00:00:00 GMT";

describe("freshness of an answer (RFC 9111 §4.2)", () => {
  it.each([
    [{}, undefined],
    [{ "cache-control": "public" }, undefined],
    [{ "cache-control": "max-age=600" }, 600],
    [{ "cache-control": "public, Max-Age=600, s-maxage=5" }, 600],
    [{ "cache-control": 'max-age="600"' }, 600],
    [{ "cache-control": "max-age=600", age: "100" }, 500],
    [{ "cache-control": "max-age=600", age: "1000" }, 0],
    [{ "cache-control": "max-age=600", age: "-5" }, 600],
    [{ "cache-control": "no-store, max-age=600" }, 0],
    [{ "cache-control": "no-cache" }, 0],
    [{ "cache-control": ["private", "max-age=30"] }, 30],
    [{ expires: "Thu, 01 Jan 2026 00:10:00 GMT", date: DATE }, 600],
    [{ expires: "Thu, 01 Jan 2026 00:10:00 GMT", date: DATE, age: "60" }, 540],
    [{ expires: "Wed, 31 Dec 2025 00:00:00 GMT", date: DATE }, 0],
    [{ expires: "0", date: DATE }, 0],
    [{ expires: "Thu, 01 Jan 2026 00:10:00 GMT" }, 0],
    [{ "cache-control": "max-age=30", expires: "Thu, 01 Jan 2026 00:10:00 GMT", date: DATE }, 30],
  ])("of %j is %s seconds", (headers, seconds) => {
    expect(freshnessOf(headers)).toBe(seconds);
  });
});
