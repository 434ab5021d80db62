import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createPaint,
  formatGuide,
  formatTable,
  printable,
  printableJson,
} from "../../src/terminal.ts";

const plain = (_: string, text: string): string => text;
const DANGEROUS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

describe("printable", () => {
  it("shows what would move the cursor or turn the text around", () => {
    expect(printable("\u001B[2Jevil\u202Egnp.exe\u0000\r\n\u009B1m")).toBe(
      String.raw`\u{1b}[2Jevil\u{202e}gnp.exe\u{0}\u{d}\u{a}\u{9b}1m`,
    );
  });

  it("leaves names of honest people alone", () => {
    expect(printable("Çelik's Müşteri 客户端 (ü)")).toBe("Çelik's Müşteri 客户端 (ü)");
  });

  it("never lets a control character through, and never grows without bound", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 2000 }), (text) => {
        expect(printable(text)).not.toMatch(DANGEROUS);
        expect(printable(text).length).toBeLessThan(200 * 10 + 2);
      }),
    );
  });
});

describe("printableJson", () => {
  it("is the same value for a program and harmless for a terminal", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: "binary" }), (value, name) => {
        const text = printableJson({ value, name }, 2);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify({ value, name })));
        expect(text.replaceAll("\n", "")).not.toMatch(DANGEROUS);
      }),
    );
  });
});

describe("createPaint", () => {
  const tty = { isTTY: true };
  it.each([
    [tty, {}, [], true],
    [{}, {}, [], false],
    [tty, { NO_COLOR: "1" }, [], false],
    [tty, { NO_COLOR: "" }, [], true],
    [tty, { TERM: "dumb" }, [], false],
    [tty, {}, ["--no-color"], false],
    [tty, {}, ["dev", "--", "x", "--no-color"], true],
  ])("with %j, %j and %j colours: %s", (stream, environment, argv, isColoured) => {
    expect(createPaint(stream, environment, argv)("red", "x") !== "x").toBe(isColoured);
  });
});

describe("formatTable", () => {
  const rows = [
    { id: "s6BhdRkqt3", name: "Claude", "redirects to": "claude.ai claude.com", grants: "1" },
    { id: "7Fjfp0ZBr1", name: "客户端", "redirects to": "-", grants: "12" },
  ];

  it("aligns columns, wide characters included", () => {
    expect(formatTable(rows, 80)).toBe(
      [
        "id          name    redirects to          grants",
        "s6BhdRkqt3  Claude  claude.ai claude.com  1",
        "7Fjfp0ZBr1  客户端  -                     12",
      ].join("\n"),
    );
  });

  it("shortens the widest column first", () => {
    expect(formatTable(rows, 44)).toContain("claude.ai claud…");
  });

  it("becomes a list where columns cannot fit", () => {
    expect(formatTable(rows, 30).split("\n").slice(0, 6)).toEqual([
      "id            s6BhdRkqt3",
      "name          Claude",
      "redirects to  claude.ai claude.com",
      "grants        1",
      "",
      "id            7Fjfp0ZBr1",
    ]);
  });

  it("cuts nothing when a program reads", () => {
    expect(formatTable([{ name: "x".repeat(180) }], Number.POSITIVE_INFINITY)).toContain(
      "x".repeat(180),
    );
  });

  it("never wraps: no line of a table is wider than the terminal", () => {
    const cell = fc.string({ maxLength: 60 });
    fc.assert(
      fc.property(
        fc.array(fc.record({ a: cell, b: cell, c: cell }), { minLength: 1 }),
        fc.integer({ min: 28, max: 120 }),
        (table, width) => {
          for (const line of formatTable(table, width).split("\n")) {
            expect(Array.from(line).length).toBeLessThanOrEqual(width);
          }
        },
      ),
    );
  });
});

describe("formatGuide", () => {
  const endpoints = [
    { service: "files", url: "http://localhost:8080/files/mcp" },
    { service: "git", url: "http://localhost:8080/git/mcp" },
    { service: "files", url: "http://localhost:8080/mcp" },
  ];
  const guide = formatGuide({ version: "1.2.3", endpoints, isLocal: true }, plain);

  it("has a line to paste for each service", () => {
    expect(guide).toContain(
      "claude mcp add --transport http files http://localhost:8080/files/mcp\n",
    );
    expect(guide).toContain("claude mcp add --transport http git http://localhost:8080/git/mcp\n");
  });

  it("has JSON that clients can read", () => {
    const json = guide.split("\n").filter((line) => line.trim().startsWith("{"));
    expect(json.map((line) => JSON.parse(line) as unknown)).toEqual([
      { mcpServers: { files: { url: endpoints[0]!.url }, git: { url: endpoints[1]!.url } } },
      {
        servers: {
          files: { type: "http", url: endpoints[0]!.url },
          git: { type: "http", url: endpoints[1]!.url },
        },
      },
      {
        mcpServers: {
          files: { type: "http", url: endpoints[0]!.url },
          git: { type: "http", url: endpoints[1]!.url },
        },
      },
    ]);
  });

  it("says how the login is protected", () => {
    expect(guide).toContain("the login is one button");
    expect(formatGuide({ version: "1", endpoints, isLocal: false }, plain)).toContain(
      "asks for a code",
    );
  });
});
