import { describe, expect, it } from "vitest";
import type { Result } from "../../../../src/client/doctor/examine.ts";
import { explain } from "../../../../src/client/doctor/explain.ts";
import {
  formatExplanation,
  formatGroup,
  formatSummary,
} from "../../../../src/client/doctor/report.ts";

const plain = (_: string, text: string): string => text;

const result = (more: Partial<Result> = {}): Result => ({
  id: "port",
  title: "It is on port 443",
  verdict: "failed",
  seen: "port 8443",
  why: "claude.ai dials no other port.",
  next: "Let the reverse proxy listen on 443.",
  ...more,
});

describe("a group of findings", () => {
  it("shows what failed with its name and the next step", () => {
    expect(formatGroup({ title: "Address", results: [result()] }, Infinity, plain)).toBe(
      [
        "Address",
        "  ✗ It is on port 443 [port]  port 8443",
        "      Next: Let the reverse proxy listen on 443.",
        "",
      ].join("\n"),
    );
  });

  it("fits into 40 columns, whatever was seen", () => {
    const seen = `${"https://a-very-long-name.example.com/".repeat(4)} and words beside it`;
    const results = [result({ seen }), result({ verdict: "passed", seen }), result()];
    const text = formatGroup({ title: "Address", results }, 40, plain);
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(40);
    expect(text.replaceAll(/\s/g, "")).toContain(seen.replaceAll(/\s/g, ""));
  });

  it("says once why a whole group was not looked at", () => {
    const results = [1, 2].map((n) =>
      result({ id: `${n}`, verdict: "skipped", seen: "needs a token" }),
    );
    expect(formatGroup({ title: "With a token", results }, 80, plain)).toBe(
      "With a token\n  - not looked at: needs a token\n",
    );
  });

  it("makes harmless what a stranger answered", () => {
    const text = formatGroup({ title: "", results: [result({ seen: "\u001B[2J" })] }, 80, plain);
    expect(text).toContain(String.raw`\u{1b}[2J`);
  });
});

describe("the last line", () => {
  it("counts, and says where to read on", () => {
    const results = [result(), result({ verdict: "passed" }), result({ verdict: "warning" })];
    expect(formatSummary(results, 80, plain)).toBe(
      "1 failed, 1 warning, 1 passed\nWhy it matters: mcp-gateway doctor --explain port",
    );
    expect(formatSummary([result({ verdict: "passed" })], 80, plain)).toBe("1 passed");
  });
});

describe("an explanation", () => {
  it("is there for every check, and for every step of a client", () => {
    expect(formatExplanation(explain("port"), 60, plain)).toMatch(/^port\nWell {2}It is on port/);
    expect(explain("as-token").why).not.toBe("");
    expect(() => explain("nonsense")).toThrow(/no check nonsense/);
  });
});
