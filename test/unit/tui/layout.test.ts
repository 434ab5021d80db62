/**
 * Lines of the dashboard: exactly as wide as asked, whatever strangers call themselves.
 */
import fc from "fast-check";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { NOTHING } from "../../../src/tui/gateway-data.ts";
import {
  detailLines,
  ends,
  headLine,
  placeColumns,
  rowLine,
  wrap,
} from "../../../src/tui/layout.ts";
import { overviewLines } from "../../../src/tui/overview-lines.ts";
import { createBrush } from "../../../src/tui/paint.ts";
import { paneNamed, panes } from "../../../src/tui/pane/index.ts";
import type { Column } from "../../../src/tui/pane/pane.ts";
import { quantile, ratesOf, series, sparkline, countRequest } from "../../../src/tui/traffic.ts";
import { widthOf } from "../../../src/terminal.ts";

const plain = createBrush(false);
const wide = (line: string): number => widthOf(stripVTControlCharacters(line));

describe("columns", () => {
  it.each(panes.filter(({ columns }) => columns.length > 0).map(({ name }) => name))(
    "of %s fill any width and give way in their order",
    (name) => {
      const columns: readonly Column<unknown>[] = paneNamed(name).columns;
      for (let width = 38; width < 200; width++) {
        const placed = placeColumns(columns, width);
        const total = placed.reduce((sum, column) => sum + column.width + 2, -2);
        expect(total).toBeLessThanOrEqual(width);
        const kept = placed.map(({ column }) => column.yields);
        const gone = columns.filter((column) => !placed.some((place) => place.column === column));
        for (const { yields } of gone) expect(yields).toBeGreaterThanOrEqual(Math.max(...kept));
        expect(wide(headLine(placed, { title: undefined, isReversed: false }, width, plain))).toBe(
          width,
        );
      }
    },
  );

  it("keep a row as wide as the terminal, with any text in it", () => {
    const columns: Column<string>[] = [
      { title: "A", width: 5, yields: 0, grow: 1, value: (text) => text },
      { title: "B", width: 4, yields: 1, align: "right", value: (text) => text },
    ];
    const text = fc.string({ unit: "binary", maxLength: 60 });
    const check = (row: string, width: number, isSelected: boolean): void => {
      const placed = placeColumns(columns, width);
      const line = rowLine(
        placed,
        row,
        { data: NOTHING, now: 0, width, isSelected },
        createBrush(true),
      );
      expect(wide(line)).toBe(width);
      expect(stripVTControlCharacters(line)).not.toMatch(/\p{Cc}/u);
    };
    fc.assert(fc.property(text, fc.integer({ min: 12, max: 90 }), fc.boolean(), check));
  });
});

describe("details", () => {
  it("wrap long values beside their names and leave empty ones out", () => {
    const details = {
      fields: [
        ["why", "a b c ".repeat(20)],
        ["fix", undefined],
        ["id", "x".repeat(70)],
      ] as const,
    };
    const lines = detailLines(details, { width: 40, height: 20, scrolled: 0 }, plain);
    for (const line of lines) expect(wide(line)).toBe(40);
    expect(lines.filter((line) => line.startsWith("why"))).toHaveLength(1);
    expect(lines.join("\n")).not.toContain("fix");
  });

  it("show the last lines of many, and scroll no further than their end", () => {
    const lines = ["log", ...Array.from({ length: 50 }, (_, index) => `line ${index}`)];
    const details = { fields: [["id", "a"]] as const, lines: lines.map((text) => [text] as const) };
    const seen = detailLines(details, { width: 30, height: 10, scrolled: 0 }, plain);
    expect(seen).toHaveLength(10);
    expect(seen.at(-1)).toContain("line 49");
    expect(detailLines(details, { width: 30, height: 10, scrolled: 999 }, plain)).toHaveLength(10);
  });

  it("break words only that are too long", () => {
    expect(wrap("one two three", 7)).toEqual(["one two", "three"]);
    expect(wrap("abcdefgh", 3)).toEqual(["abc", "def", "gh"]);
    expect(wrap("", 3)).toEqual([""]);
  });
});

it("gives up what stands at the right before what stands at the left", () => {
  expect(ends([["left"]], [["far "], ["near"]], 13, plain)).toBe("left far near");
  expect(ends([["left"]], [["far "], ["near"]], 12, plain)).toBe("left    near");
  expect(ends([["left"]], [["near"]], 6, plain)).toBe("left  ");
  expect(ends([["left"]], [], 3, plain)).toBe("le…");
});

it.each([
  [38, 6],
  [78, 20],
  [178, 50],
])("draws an overview of %i columns and %i lines before it knows anything", (width, height) => {
  const lines = overviewLines(NOTHING, 0, { width, height }, plain);
  expect(lines.length).toBeLessThanOrEqual(height);
  for (const line of lines) expect(wide(line)).toBe(width);
});

describe("traffic", () => {
  const at = (
    second: number,
    status = 200,
    seconds = 0.01,
    method: string | undefined = "ping",
  ) => ({
    at: second,
    status,
    seconds,
    ...(method !== undefined && { method }),
  });

  it("counts by the second, late ones too", () => {
    const seconds = [at(100), at(102), at(101.9, 500), at(100.2)].reduce(countRequest, []);
    expect(
      seconds.map(({ at: second, requests, failures }) => [second, requests, failures]),
    ).toEqual([
      [100, 2, 0],
      [101, 1, 1],
      [102, 1, 0],
    ]);
    expect(series(seconds, 103, 4, ({ requests }) => requests)).toEqual([0, 2, 1, 1]);
  });

  it("measures calls and not streams", () => {
    const stream = { at: 100, status: 200, seconds: 900 };
    const seconds = [at(100), stream].reduce(countRequest, []);
    expect(ratesOf(seconds, 100)).toMatchObject({ requests: 2, p50: 0.01, p95: 0.01 });
    expect(ratesOf([], 100)).toMatchObject({ perSecond: 0, p50: undefined });
  });

  it("forgets what is older than it shows", () => {
    const seconds = Array.from({ length: 500 }, (_, second) => at(second)).reduce(countRequest, []);
    expect(seconds.length).toBeLessThanOrEqual(120);
    expect(ratesOf(seconds, 500)).toMatchObject({ requests: 60 });
  });

  it("finds quantiles of sorted values", () => {
    const values = Array.from({ length: 100 }, (_, index) => index);
    expect([
      quantile(values, 0.5),
      quantile(values, 0.95),
      quantile([], 0.5),
      quantile([3], 0.95),
    ]).toEqual([50, 95, undefined, 3]);
  });

  it("draws quiet seconds as nothing", () => {
    expect(sparkline([0, 1, 4, 8])).toBe(" ▁▄█");
    expect(sparkline([0, 0])).toBe("  ");
  });
});
