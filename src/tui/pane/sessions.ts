import type { SessionSummary } from "../../control/answers.ts";
import { nameOf } from "../gateway-data.ts";
import { age, since } from "../words.ts";
import type { Pane } from "./pane.ts";

export const sessions: Pane<SessionSummary> = {
  name: "sessions",
  title: "Sessions",
  needs: ["sessions"],
  whenEmpty: "No MCP session is open.",
  deed: "end",
  // prettier-ignore
  columns: [
    { title: "SESSION",  width: 12, yields: 3, value: (row) => row.sessionId },
    { title: "SERVICE",  width: 10, yields: 0, grow: 1, value: (row) => row.service },
    { title: "CLIENT",   width: 14, yields: 0, grow: 2, value: (row, data) => nameOf(data, row.clientId) },
    { title: "SUBJECT",  width: 14, yields: 2, grow: 2, value: (row) => row.subject },
    { title: "ERA",      width: 6,  yields: 5, value: (row) => row.era },
    { title: "REQUESTS", width: 8,  yields: 4, align: "right", value: (row) => `${row.requests}`, order: (row) => row.requests },
    { title: "IDLE",     width: 5,  yields: 1, align: "right", value: (row, _, now) => age(now, row.lastActiveAt), order: (row) => -row.lastActiveAt },
    { title: "AGE",      width: 5,  yields: 6, align: "right", value: (row, _, now) => age(now, row.openedAt), order: (row) => -row.openedAt },
  ],
  rows: (data) => data.sessions,
  idOf: (row) => row.sessionId,
  details: (row, data, now) => ({
    fields: [
      ["session", row.sessionId, "accent"],
      ["service", row.service],
      ["client", nameOf(data, row.clientId)],
      ["client id", row.clientId],
      ["introduced", row.clientInfo],
      ["subject", row.subject],
      ["grant", row.grantId],
      ["protocol", `${row.protocolVersion} (${row.era})`],
      ["process", row.pid?.toString()],
      ["requests", `${row.requests}`],
      ["opened", since(now, row.openedAt)],
      ["last active", since(now, row.lastActiveAt)],
    ],
  }),
  deedTo: (row, data) => ({
    does: "end session",
    id: row.sessionId,
    question: `End the session ${row.sessionId} of ${nameOf(data, row.clientId)} at ${row.service}?`,
  }),
};
