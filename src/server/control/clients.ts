/**
 * Clients in the control API: who they are, what is alive of them, and an end to them.
 */
import { epochSeconds } from "../../clock.ts";
import type {
  ClientSummary,
  PrunedClients,
  RegisteredClient,
  RevokedClient,
} from "../../control/answers.ts";
import { forgetClient, revokeClient } from "../oauth/client.ts";
import type { ClientRecord } from "../store/client-records.ts";
import { all } from "./all-records.ts";
import { ControlFailure, type ControlContext, type ControlRoute } from "./control-route.ts";
import { find } from "./find-record.ts";
import { registerByCommand } from "./register-client.ts";

// prettier-ignore
export const clientRoutes: readonly ControlRoute[] = [
  { method: "GET",    path: "/clients",     handle: (context) => listClients(context) },
  { method: "POST",   path: "/clients",     handle: (context, { body }) => register(context, body) },
  { method: "DELETE", path: "/clients",     handle: (context, { query }) => prune(context, query.get("idle")) },
  { method: "GET",    path: "/clients/:id", handle: (context, { id }) => showClient(context, id) },
  { method: "DELETE", path: "/clients/:id", handle: (context, { id }) => revoke(context, id) },
];

/** A client that is on its way to its first login, or between two, is not stale. */
const FRESH = 3600; // seconds

/** What is alive of a client. */
type Counts = Pick<ClientSummary, "grants" | "accessTokens" | "sessions">;

const NOTHING: Counts = { grants: 0, accessTokens: 0, sessions: 0 };

async function listClients(context: ControlContext): Promise<ClientSummary[]> {
  const described = await describeAll(context);
  return described.map(({ summary }) => summary);
}

/** Oldest first. */
async function describeAll({
  store,
  bridge,
  clock,
}: ControlContext): Promise<{ client: ClientRecord; summary: ClientSummary }[]> {
  const now = epochSeconds(clock);
  const grants = countByClient(await all(store, "grant"));
  const tokens = countByClient(await all(store, "accessToken"));
  const sessions = countByClient(bridge.sessions());
  const clients = await all(store, "client");
  return clients
    .toSorted((a, b) => a.registeredAt - b.registeredAt)
    .map((client) => {
      const { clientId } = client;
      const counts = {
        grants: grants.get(clientId) ?? 0,
        accessTokens: tokens.get(clientId) ?? 0,
        sessions: sessions.get(clientId) ?? 0,
      };
      return { client, summary: summarize(client, counts, now) };
    });
}

async function showClient(context: ControlContext, id: string): Promise<ClientSummary> {
  const { store, bridge, clock } = context;
  const client = await find(store, "client", id);
  const { clientId } = client;
  const counts = {
    grants: (await all(store, "grant", { clientId })).length,
    accessTokens: (await all(store, "accessToken", { clientId })).length,
    sessions: bridge.sessions().filter((session) => session.clientId === clientId).length,
  };
  return summarize(client, counts, epochSeconds(clock));
}

async function register(context: ControlContext, body: unknown): Promise<RegisteredClient> {
  const { client, clientSecret } = await registerByCommand(context, body);
  return {
    ...summarize(client, NOTHING, epochSeconds(context.clock)),
    ...(clientSecret !== undefined && { clientSecret }),
  };
}

async function revoke(context: ControlContext, id: string): Promise<RevokedClient> {
  const { store, bridge } = context;
  const { clientId } = await find(store, "client", id);
  const tokens = await all(store, "accessToken", { clientId });
  const sessions = bridge.sessions().filter((session) => session.clientId === clientId);
  const revoked = await revokeClient(context, clientId);
  // After the tokens: a session that ends first could be opened again.
  await bridge.end({ clientId }, "client revoked");
  return {
    clientId,
    grants: revoked?.grants ?? 0,
    accessTokens: tokens.length,
    sessions: sessions.length,
  };
}

/** @param idle for how long nobody must have used them, in seconds */
async function prune(context: ControlContext, idle: string | null): Promise<PrunedClients> {
  if (idle === null || !/^\d{1,10}$/.test(idle)) {
    throw new ControlFailure(400, "invalid_request", "idle must be a number of seconds");
  }
  const latest = epochSeconds(context.clock) - Number(idle);
  const clientIds: string[] = [];
  for (const { client, summary } of await describeAll(context)) {
    if (!summary.isStale || (summary.lastUsedAt ?? summary.registeredAt) > latest) continue;
    if (await forgetClient(context, client)) clientIds.push(client.clientId);
  }
  return { clientIds };
}

function summarize(client: ClientRecord, counts: Counts, now: number): ClientSummary {
  const { metadata, via, lastUsedAt, registeredAt } = client;
  const isFresh = now - (lastUsedAt ?? registeredAt) < FRESH;
  const isAlive = Object.values(counts).some((count) => count > 0);
  return {
    clientId: client.clientId,
    ...(metadata.client_name !== undefined && { name: metadata.client_name }),
    kind: metadata.token_endpoint_auth_method === "none" ? "public" : "confidential",
    redirectUris: metadata.redirect_uris,
    ...(metadata.scope !== undefined && { scope: metadata.scope }),
    registeredAt,
    ...(lastUsedAt !== undefined && { lastUsedAt }),
    via,
    ...counts,
    isStale: via !== "command" && !isAlive && !isFresh,
  };
}

function countByClient(records: readonly { clientId: string }[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { clientId } of records) counts.set(clientId, (counts.get(clientId) ?? 0) + 1);
  return counts;
}
