/**
 * Grants in the control API: who holds which access, and an end to it.
 */
import type { GrantSummary } from "../../control/answers.ts";
import { endGrant } from "../oauth/grant.ts";
import type { GrantRecord } from "../store/records.ts";
import { all } from "./all-records.ts";
import type { ControlContext, ControlRoute } from "./control-route.ts";
import { find } from "./find-record.ts";

// prettier-ignore
export const grantRoutes: readonly ControlRoute[] = [
  { method: "GET",    path: "/grants",     handle: (context) => listGrants(context) },
  { method: "GET",    path: "/grants/:id", handle: (context, { id }) => showGrant(context, id) },
  { method: "DELETE", path: "/grants/:id", handle: (context, { id }) => revokeGrant(context, id) },
];

async function listGrants(context: ControlContext): Promise<GrantSummary[]> {
  const { store, bridge } = context;
  const clients = new Map((await all(store, "client")).map((client) => [client.clientId, client]));
  const tokens = countByGrant(await all(store, "accessToken"));
  const sessions = countByGrant(bridge.sessions());
  return (await all(store, "grant"))
    .toSorted((a, b) => a.createdAt - b.createdAt)
    .map((grant) =>
      describeGrant(grant, {
        clientName: clients.get(grant.clientId)?.metadata.client_name,
        accessTokens: tokens.get(grant.grantId) ?? 0,
        sessions: sessions.get(grant.grantId) ?? 0,
      }),
    );
}

async function showGrant({ store, bridge }: ControlContext, id: string): Promise<GrantSummary> {
  const grant = await find(store, "grant", id);
  const { grantId, clientId } = grant;
  const client = await store.get("client", clientId);
  const tokens = await all(store, "accessToken", { clientId });
  return describeGrant(grant, {
    clientName: client?.metadata.client_name,
    accessTokens: tokens.filter((token) => token.grantId === grantId).length,
    sessions: bridge.sessions().filter((session) => session.grantId === grantId).length,
  });
}

async function revokeGrant(context: ControlContext, id: string): Promise<GrantSummary> {
  const summary = await showGrant(context, id);
  const { grantId } = summary;
  await endGrant(context, grantId, "revoked by operator");
  // After the tokens: a session that ends first could be opened again.
  await context.bridge.end({ grantId }, "revoked by operator");
  return summary;
}

function describeGrant(
  { grantId, clientId, subject, resource, scopes, createdAt, expiresAt, lastUsedAt }: GrantRecord,
  {
    clientName,
    ...counts
  }: { clientName: string | undefined; accessTokens: number; sessions: number },
): GrantSummary {
  const named = clientName === undefined ? {} : { clientName };
  return {
    grantId,
    clientId,
    ...named,
    subject,
    resource,
    scopes,
    createdAt,
    expiresAt,
    ...(lastUsedAt !== undefined && { lastUsedAt }),
    ...counts,
  };
}

function countByGrant(holders: readonly { grantId: string }[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { grantId } of holders) counts.set(grantId, (counts.get(grantId) ?? 0) + 1);
  return counts;
}
