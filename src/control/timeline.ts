/**
 * The steps of a login attempt as a person reads them: when, what, and what was odd about it.
 */
import type { Attempt, AttemptStep } from "./attempts.ts";
import { printable, type Paint } from "../terminal.ts";

export function formatTimeline({ startedAt, steps }: Attempt, paint: Paint): string {
  const times = steps.map(({ at }) => `+${(at - startedAt).toFixed(1)}s`);
  const wide = Math.max(...times.map((time) => time.length));
  const name = Math.max(...steps.map(({ what }) => what.length));
  return steps
    .map((step, index) => {
      const isBad = step.error !== undefined || (step.status ?? 200) >= 400;
      const isExpected = step.what === "mcp.unauthorized";
      const mark = step.possibly ? "?" : " ";
      const label = step.what.padEnd(name);
      const what = isBad && !isExpected ? paint("red", label) : label;
      const time = paint("dim", times[index]!.padStart(wide));
      return `${time} ${mark} ${what}  ${printable(remarks(step))}`.trimEnd();
    })
    .join("\n");
}

function remarks(step: AttemptStep): string {
  const { what, status, error, detail, request, dialled, subject, times } = step;
  return [
    /^(?:mcp|metadata|path|host|call)\./.test(what) ? (dialled ?? request) : undefined,
    status?.toString(),
    error,
    detail,
    what === "login.finished" ? subject : undefined,
    times === undefined ? undefined : `${times} times`,
  ]
    .filter((remark) => remark !== undefined)
    .join("  ");
}
