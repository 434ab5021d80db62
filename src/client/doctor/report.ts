/**
 * What people read: a mark for each check, the next step below what failed, one line at the end. Everything that was seen
 * comes from a stranger and is made harmless first.
 */
import { printable, type Paint } from "../../terminal.ts";
import type { Verdict } from "./finding.ts";
import type { Explanation } from "./explain.ts";
import { tally, type GroupResult, type Result } from "./examine.ts";

const MARKS: Readonly<Record<Verdict, string>> = {
  passed: "✓",
  warning: "!",
  failed: "✗",
  skipped: "-",
};
const NARROW = 60; // columns
const COLOURS = { passed: "green", warning: "yellow", failed: "red", skipped: "dim" } as const;

/** @param width of the terminal; Infinity when nobody looks */
export function formatGroup({ title, results }: GroupResult, width: number, paint: Paint): string {
  const [first] = results;
  const isAsOne =
    results.length > 1 &&
    results.every(({ verdict, seen }) => verdict === "skipped" && seen === first!.seen);
  const lines = isAsOne
    ? hanging(`${MARKS.skipped} `, `not looked at: ${first!.seen}`, width, (text) =>
        paint("dim", text),
      )
    : results.flatMap((result) => formatResult(result, width, paint));
  return [paint("bold", title), ...lines.map((line) => `  ${line}`), ""].join("\n");
}

function formatResult(result: Result, width: number, paint: Paint): string[] {
  const { id, title, verdict, seen, next } = result;
  const colour = COLOURS[verdict];
  const isFine = verdict === "passed" || verdict === "skipped";
  const words = `${printable(title)}${isFine ? "" : ` [${id}]`}`;
  const lines = hanging("", words, width - 4, (text) => (isFine ? text : paint(colour, text)));
  const shown = printable(seen);
  const fits = lines.length === 1 && words.length + shown.length + 6 <= width;
  if (fits) lines[0] += `  ${paint("dim", shown)}`;
  else lines.push(...hanging("", shown, width - 6, (text) => `  ${paint("dim", text)}`));
  if (!isFine)
    lines.push(...hanging("", `Next: ${printable(next)}`, width - 6, (text) => `  ${text}`));
  const [head = "", ...rest] = lines;
  return [`${paint(colour, MARKS[verdict])} ${head}`, ...rest.map((line) => `  ${line}`)];
}

/** The line at the end; below it, where to read more about what is not well. */
export function formatSummary(results: readonly Result[], width: number, paint: Paint): string {
  const { passed, failed, warning, skipped } = tally(results);
  const parts = [
    failed > 0 ? paint("red", `${failed} failed`) : undefined,
    warning > 0
      ? paint("yellow", `${warning} ${warning === 1 ? "warning" : "warnings"}`)
      : undefined,
    paint("green", `${passed} passed`),
    skipped > 0 ? paint("dim", `${skipped} not looked at`) : undefined,
  ];
  const counts = parts.filter((part) => part !== undefined).join(width < NARROW ? "\n" : ", ");
  const first = results.find(({ verdict }) => verdict === "failed" || verdict === "warning");
  return first ? `${counts}\nWhy it matters: mcp-gateway doctor --explain ${first.id}` : counts;
}

/** What `--explain` shows. */
export function formatExplanation(check: Explanation, width: number, paint: Paint): string {
  const lines = (name: string, words: string): string[] => {
    const [head = "", ...rest] = hanging("", words, width - 6, (text) => text);
    return [`${paint("bold", name.padEnd(6))}${head}`, ...rest.map((line) => `      ${line}`)];
  };
  const { id, title, why, next } = check;
  return [lines(id, ""), lines("Well", title), lines("Why", why), lines("Next", next)]
    .flat()
    .map((line) => line.trimEnd())
    .join("\n");
}

/** Lines of at most `width` columns, later ones indented under the first. */
function hanging(
  mark: string,
  text: string,
  width: number,
  each: (line: string) => string,
): string[] {
  const room = Math.max(20, width - mark.length);
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((whole) => pieces(whole, room))) {
    if (line !== "" && line.length + 1 + word.length > room) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map((each_, index) => each((index === 0 ? mark : " ".repeat(mark.length)) + each_));
}

/** A URL longer than a line is broken, not cut: people copy it. */
function pieces(word: string, room: number): string[] {
  if (!Number.isFinite(room) || word.length <= room) return [word];
  return Array.from({ length: Math.ceil(word.length / room) }, (_, index) =>
    word.slice(index * room, (index + 1) * room),
  );
}
