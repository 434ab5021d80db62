import type { AccessTokenSummary } from "../../control/answers.ts";
import { nameOf } from "../gateway-data.ts";
import { age, pathOf, short, since, until } from "../words.ts";
import type { Pane } from "./pane.ts";

const SOON = 60; // seconds

export const tokens: Pane<AccessTokenSummary> = {
  name: "tokens",
  title: "Tokens",
  needs: ["tokens"],
  whenEmpty: "No access token is alive.",
  deed: "revoke",
  // prettier-ignore
  columns: [
    { title: "TOKEN",    width: 8,  yields: 3, value: (row) => short(row.tokenId) },
    { title: "CLIENT",   width: 14, yields: 0, grow: 2, value: (row, data) => nameOf(data, row.clientId) },
    { title: "SUBJECT",  width: 14, yields: 0, grow: 2, value: (row) => row.subject },
    { title: "RESOURCE", width: 12, yields: 2, grow: 1, value: (row) => pathOf(row.resource) },
    { title: "SCOPES",   width: 10, yields: 5, grow: 1, value: (row) => row.scopes.join(" ") },
    { title: "GRANT",    width: 8,  yields: 6, value: (row) => short(row.grantId) },
    { title: "AGE",      width: 5,  yields: 4, align: "right", value: (row, _, now) => age(now, row.issuedAt), order: (row) => -row.issuedAt },
    { title: "ENDS IN",  width: 7,  yields: 1, align: "right", value: (row, _, now) => age(row.expiresAt, now), order: (row) => row.expiresAt },
  ],
  rows: (data) => data.tokens,
  idOf: (row) => row.tokenId,
  details: (row, data, now) => ({
    fields: [
      ["token", row.tokenId, "accent"],
      ["client", nameOf(data, row.clientId)],
      ["client id", row.clientId],
      ["subject", row.subject],
      ["resource", row.resource],
      ["scopes", row.scopes.join(" ")],
      ["grant", row.grantId],
      ["bound to", row.jkt === undefined ? "nothing (bearer)" : `key ${row.jkt}`],
      ["issued", since(now, row.issuedAt)],
      ["ends", until(now, row.expiresAt), row.expiresAt - now < SOON ? "warn" : undefined],
    ],
  }),
  deedTo: (row, data) => ({
    does: "revoke token",
    id: row.tokenId,
    question: `Revoke the access token ${short(row.tokenId)} of ${nameOf(data, row.clientId)}?`,
  }),
};
