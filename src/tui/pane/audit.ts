import { gravityOf, sentenceOf } from "../../control/sentence.ts";
import { nameOf, type AuditEvent } from "../gateway-data.ts";
import type { Tone } from "../paint.ts";
import { moment, timeOfDay } from "../words.ts";
import type { Pane } from "./pane.ts";

const TONES = { plain: undefined, warning: "warn", failure: "bad" } as const;

export function toneOfEvent(event: AuditEvent): Tone | undefined {
  return TONES[gravityOf(event)];
}

export const audit: Pane<AuditEvent> = {
  name: "audit",
  title: "Audit",
  needs: [],
  whenEmpty: "Nothing has happened yet.",
  // prettier-ignore
  columns: [
    { title: "TIME",  width: 8,  yields: 1, value: (row) => timeOfDay(row.at), order: (row) => row.at },
    { title: "EVENT", width: 17, yields: 0, value: (row) => row.type, tone: (row) => toneOfEvent(row) ?? "accent" },
    { title: "WHAT",  width: 14, yields: 0, grow: 1, value: (row, data) => sentenceOf(row, (id) => nameOf(data, id)) },
  ],
  rows: (data) => data.audit,
  idOf: (row) => row.key,
  details: (row) => {
    const { type, at, key: _, ...rest } = row;
    const members = Object.entries(rest).map(([name, value]) => {
      const text = typeof value === "string" ? value : JSON.stringify(value);
      return text.includes("\n") ? ([name, undefined] as const) : ([name, text] as const);
    });
    const stderr = "stderr" in row ? row.stderr.split("\n") : [];
    return {
      fields: [["event", type, "accent"], ["at", moment(at)], ...members],
      lines: stderr.map((line) => [line, "dim"] as const),
    };
  },
};
