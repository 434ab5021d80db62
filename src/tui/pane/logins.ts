import type { AttemptStep, AttemptSummary } from "../../control/attempts.ts";
import type { Tone } from "../paint.ts";
import { age, moment, pathOf, short } from "../words.ts";
import type { Pane } from "./pane.ts";

const TONES: Readonly<Record<AttemptSummary["state"], Tone>> = {
  running: "accent",
  succeeded: "good",
  failed: "bad",
  stopped: "warn",
};

export const logins: Pane<AttemptSummary> = {
  name: "logins",
  title: "Logins",
  needs: ["attempts"],
  whenEmpty: "Nobody has tried to log in.",
  // prettier-ignore
  columns: [
    { title: "LOGIN",    width: 8,  yields: 3, value: (row) => short(row.id) },
    { title: "AGE",      width: 5,  yields: 1, align: "right", value: (row, _, now) => age(now, row.startedAt), order: (row) => -row.startedAt },
    { title: "STATE",    width: 9,  yields: 0, value: (row) => row.state, tone: (row) => TONES[row.state] },
    { title: "CLIENT",   width: 14, yields: 0, grow: 2, value: clientOf },
    { title: "SUBJECT",  width: 12, yields: 4, grow: 1, value: (row) => row.subject ?? "" },
    { title: "RESOURCE", width: 10, yields: 5, grow: 1, value: (row) => pathOf(row.resource) },
    { title: "FROM",     width: 12, yields: 6, value: (row) => row.source ?? "" },
    { title: "VERDICT",  width: 14, yields: 2, grow: 2, value: (row) => row.verdict },
  ],
  rows: (data) => data.attempts,
  idOf: (row) => row.id,
  details: (row, { attempt }) => ({
    fields: [
      ["login", row.id, "accent"],
      ["state", row.state, TONES[row.state]],
      ["verdict", row.verdict],
      ["why", row.why],
      ["what to do", row.fix, "strong"],
      ["client", clientOf(row)],
      ["subject", row.subject],
      ["resource", row.resource],
      ["from", row.source],
      ["began", moment(row.startedAt)],
    ],
    lines:
      attempt?.id === row.id
        ? [["steps", "strong"], ...attempt.steps.map((step) => stepLine(step, attempt.startedAt))]
        : [],
  }),
};

function clientOf({ clientName, clientId, userAgent }: AttemptSummary): string {
  return clientName ?? clientId ?? userAgent ?? "";
}

function stepLine(step: AttemptStep, startedAt: number): readonly [string, Tone?] {
  const time = `+${(step.at - startedAt).toFixed(1)}s`.padStart(7);
  const remark = step.error ?? step.detail ?? step.request ?? "";
  const times = step.times === undefined ? "" : ` ×${step.times}`;
  const isBad = step.error !== undefined && step.what !== "mcp.unauthorized";
  const text = `${time} ${step.what.padEnd(17)} ${step.status ?? ""} ${remark}${times}`;
  return isBad ? [text, "bad"] : [text];
}
