/**
 * What `init` says at its end.
 */
import type { Paint } from "../terminal.ts";
import type { FileState } from "./plan.ts";
import type { InitResult } from "./init.ts";

const WORDS: Readonly<Record<FileState, string>> = {
  new: "written",
  changed: "updated",
  same: "unchanged",
  kept: "left alone",
};

/** @returns what goes to standard output, and the sentences for the person */
export function formatInit(
  { directory, files, remarks, missing, next }: InitResult,
  isDryRun: boolean,
  paint: Paint,
): { data: string; people: string } {
  const kept = files.filter(({ state }) => state === "kept");
  const differences = (isDryRun ? files : kept).flatMap(({ difference }) => difference);
  const width = Math.max(...files.map(({ path }) => path.length));
  const here = directory === process.cwd() ? [] : [`cd ${directory}`];
  const sections = [
    isDryRun
      ? ["Nothing was written."]
      : files.map(
          ({ path, state }) =>
            `  ${path.padEnd(width)}  ${paint(state === "kept" ? "yellow" : "dim", WORDS[state])}`,
        ),
    kept.length > 0 && !isDryRun
      ? [
          `Left alone, because it was edited or was there before: ${kept.map(({ path }) => path).join(", ")}. The difference is what would have been written; delete the file to have it.`,
        ]
      : [],
    remarks,
    missing.length > 0
      ? ["Before it starts:", ...missing.map((one, index) => `  ${index + 1}. ${one}`)]
      : [],
    [paint("bold", "Next:"), ...[...here, ...next].map((line) => `  ${paint("cyan", line)}`)],
  ];
  return {
    data: differences.join("\n"),
    people: sections
      .filter((section) => section.length > 0)
      .map((section) => section.join("\n"))
      .join("\n\n"),
  };
}
