import type { ClientSummary } from "../../control/answers.ts";
import { age, short, since } from "../words.ts";
import type { Pane } from "./pane.ts";

export const clients: Pane<ClientSummary> = {
  name: "clients",
  title: "Clients",
  needs: ["clients"],
  whenEmpty: "No client has registered.",
  deed: "revoke",
  // prettier-ignore
  columns: [
    { title: "CLIENT",       width: 8,  yields: 2, value: (row) => short(row.clientId) },
    { title: "NAME",         width: 16, yields: 0, grow: 2, value: (row) => row.name ?? row.clientId },
    { title: "KIND",         width: 12, yields: 3, value: (row) => row.kind },
    { title: "VIA",          width: 12, yields: 4, value: (row) => row.via },
    { title: "REDIRECTS TO", width: 14, yields: 5, grow: 2, value: (row) => hosts(row) },
    { title: "GRANTS",       width: 6,  yields: 0, align: "right", value: (row) => `${row.grants}`, order: (row) => row.grants },
    { title: "TOKENS",       width: 6,  yields: 1, align: "right", value: (row) => `${row.accessTokens}`, order: (row) => row.accessTokens },
    { title: "AGE",          width: 5,  yields: 1, align: "right", value: (row, _, now) => age(now, row.registeredAt), order: (row) => -row.registeredAt },
  ],
  rows: (data) => data.clients,
  idOf: (row) => row.clientId,
  details: (row, _, now) => ({
    fields: [
      ["client", row.clientId, "accent"],
      ["name", row.name],
      ["kind", row.kind],
      ["registered", since(now, row.registeredAt)],
      ["by", row.via],
      ["scope", row.scope],
      ["grants", `${row.grants}`],
      ["access tokens", `${row.accessTokens}`],
      ["sessions", `${row.sessions}`],
      ...row.redirectUris.map((uri, index) => [index === 0 ? "redirects" : "", uri] as const),
    ],
  }),
  deedTo: (row) => ({
    does: "revoke client",
    id: row.clientId,
    question: `Revoke ${row.name ?? short(row.clientId)}, its ${row.grants} grants, ${row.accessTokens} tokens and all its sessions?`,
  }),
};

function hosts({ redirectUris }: ClientSummary): string {
  const found = redirectUris.map((uri) => {
    if (!URL.canParse(uri)) return uri;
    const { host, protocol } = new URL(uri);
    return /^https?:$/.test(protocol) ? host : protocol;
  });
  return [...new Set(found)].join(" ");
}
