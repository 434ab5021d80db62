import type { GrantSummary } from "../../control/answers.ts";
import { nameOf } from "../gateway-data.ts";
import { age, pathOf, short, since, until } from "../words.ts";
import type { Pane } from "./pane.ts";

export const grants: Pane<GrantSummary> = {
  name: "grants",
  title: "Grants",
  needs: ["grants"],
  whenEmpty: "Nobody has allowed anything.",
  deed: "revoke",
  // prettier-ignore
  columns: [
    { title: "GRANT",    width: 8,  yields: 3, value: (row) => short(row.grantId) },
    { title: "CLIENT",   width: 14, yields: 0, grow: 2, value: (row, data) => nameOf(data, row.clientId) },
    { title: "SUBJECT",  width: 14, yields: 0, grow: 2, value: (row) => row.subject },
    { title: "RESOURCE", width: 12, yields: 2, grow: 1, value: (row) => pathOf(row.resource) },
    { title: "TOKENS",   width: 6,  yields: 4, align: "right", value: (row) => `${row.accessTokens}`, order: (row) => row.accessTokens },
    { title: "SESSIONS", width: 8,  yields: 5, align: "right", value: (row) => `${row.sessions}`, order: (row) => row.sessions },
    { title: "AGE",      width: 5,  yields: 6, align: "right", value: (row, _, now) => age(now, row.createdAt), order: (row) => -row.createdAt },
    { title: "ENDS IN",  width: 7,  yields: 1, align: "right", value: (row, _, now) => age(row.expiresAt, now), order: (row) => row.expiresAt },
  ],
  rows: (data) => data.grants,
  idOf: (row) => row.grantId,
  details: (row, data, now) => ({
    fields: [
      ["grant", row.grantId, "accent"],
      ["client", nameOf(data, row.clientId)],
      ["client id", row.clientId],
      ["subject", row.subject],
      ["resource", row.resource],
      ["scopes", row.scopes.join(" ")],
      ["access tokens", `${row.accessTokens}`],
      ["sessions", `${row.sessions}`],
      ["given", since(now, row.createdAt)],
      ["last used", row.lastUsedAt === undefined ? "never" : since(now, row.lastUsedAt)],
      ["ends", until(now, row.expiresAt)],
    ],
  }),
  deedTo: (row, data) => ({
    does: "revoke grant",
    id: row.grantId,
    question: `Revoke what ${row.subject} allowed ${nameOf(data, row.clientId)}, with ${row.accessTokens} tokens and ${row.sessions} sessions?`,
  }),
};
