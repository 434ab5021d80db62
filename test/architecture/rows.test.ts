/** Every row is named by a test, or it says why not. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { MCP_ROWS } from "./mcp-rows.ts";
import { NOT_HERE, ROWS } from "./rows.ts";

const TESTS = fileURLToPath(new URL("..", import.meta.url));

/** The text of all tests and of the suites they share, without comments. */
const text = readdirSync(TESTS, { recursive: true, encoding: "utf8" })
  .filter((path) => !/node_modules|^architecture/.test(path))
  .filter((path) => /\.test\.ts$|contract[^/]*\.ts$/.test(path))
  .map((path) => readFileSync(join(TESTS, path), "utf8"))
  .flatMap((source) => source.split("\n"))
  .filter((line) => !/^\s*(?:\*|\/\/|\/\*)/.test(line))
  .join("\n");

const named = new Set(text.match(/(?<![\w-])(?:[A-Z]{2}-\d{2}|SB\d{1,2}|[ATMB]\d{2})(?![\w-])/g));

describe("the table of rows", () => {
  it.each(Object.entries({ ...ROWS, ...MCP_ROWS }).filter(([id]) => !(id in NOT_HERE)))(
    "%s is named by a test: %s",
    (id) => expect(named.has(id)).toBe(true),
  );

  it.each(Object.keys(NOT_HERE))("%s is a row, and no test names it after all", (id) => {
    expect({ ...ROWS, ...MCP_ROWS }).toHaveProperty([id]);
    expect(named.has(id)).toBe(false);
  });
});
