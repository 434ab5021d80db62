import { nameOf, type FinishedRequest } from "../gateway-data.ts";
import type { Tone } from "../paint.ts";
import { milliseconds, moment, timeOfDay } from "../words.ts";
import type { Pane } from "./pane.ts";

const SLOW = 1; // seconds

export const requests: Pane<FinishedRequest> = {
  name: "requests",
  title: "Requests",
  needs: [],
  whenEmpty: "No request yet. They appear here as they end.",
  // prettier-ignore
  columns: [
    { title: "TIME",    width: 8,  yields: 2, value: (row) => timeOfDay(row.at), order: (row) => row.at },
    { title: "STATUS",  width: 6,  yields: 0, align: "right", value: (row) => `${row.status}`, tone: (row) => statusTone(row.status), order: (row) => row.status },
    { title: "SERVICE", width: 10, yields: 3, grow: 1, value: (row) => row.service },
    { title: "METHOD",  width: 16, yields: 0, grow: 1, value: (row) => row.method ?? "(stream)", tone: (row) => (row.method ? undefined : "dim") },
    { title: "TARGET",  width: 12, yields: 1, grow: 3, value: (row) => row.target ?? "", tone: () => "accent" },
    { title: "CLIENT",  width: 12, yields: 4, grow: 1, value: (row, data) => nameOf(data, row.clientId) },
    { title: "SUBJECT", width: 12, yields: 5, grow: 1, value: (row) => row.subject },
    { title: "TOOK",    width: 7,  yields: 0, align: "right", value: (row) => milliseconds(row.seconds), order: (row) => row.seconds, tone: (row) => (row.method && row.seconds > SLOW ? "warn" : undefined) },
  ],
  rows: (data) => data.requests,
  idOf: (row) => row.id,
  details: (row, data) => ({
    fields: [
      ["request", row.id, "accent"],
      ["ended", moment(row.at)],
      ["took", milliseconds(row.seconds)],
      ["status", `${row.status}`, statusTone(row.status)],
      ["service", row.service],
      ["method", row.method],
      ["target", row.target],
      ["client", nameOf(data, row.clientId)],
      ["client id", row.clientId],
      ["subject", row.subject],
      ["replica", row.replica],
    ],
  }),
};

function statusTone(status: number): Tone {
  if (status >= 500) return "bad";
  return status >= 400 ? "warn" : "good";
}
