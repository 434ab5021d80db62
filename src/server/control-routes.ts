/**
 * The control API: what an operator may ask of the running gateway. Only the table: who may reach it is the matter of the
 * doors in front (control.ts for the owner of the state directory, resource/admin.ts for admins elsewhere).
 *
 * No door has a row that stops the gateway, reads or writes its configuration, or hands out a stored secret: whoever may do
 * that has the machine.
 */
import { epochSeconds } from "../clock.ts";
import type { AccessTokenSummary, GatewayStatus, SessionSummary } from "../control/answers.ts";
import type { ServiceStatus } from "../control/services.ts";
import { hasRules } from "../policy/decide.ts";
import { describeRules } from "../policy/describe.ts";
import { accountRoutes } from "./control/accounts.ts";
import { attemptRoutes } from "./control/attempts.ts";
import { all } from "./control/all-records.ts";
import type { ControlContext, ControlRoute } from "./control/control-route.ts";
import { describeCaller } from "./control/caller.ts";
import { clientRoutes } from "./control/clients.ts";
import { credentialRoutes } from "./control/credentials.ts";
import { find, onlyOne } from "./control/find-record.ts";
import { grantRoutes } from "./control/grants.ts";
import { keyRoutes } from "./control/keys.ts";
import { memoryOf } from "./control/process-memory.ts";
import { serviceRoutes } from "./control/services.ts";
import type { ClientRecord } from "./store/client-records.ts";
import type { AccessTokenRecord } from "./store/records.ts";

// prettier-ignore
export const controlRoutes: readonly ControlRoute[] = [
  { method: "GET",    path: "/status",      handle: (context) => status(context) },
  { method: "GET",    path: "/self",        handle: async ({ issuer }, { caller }) => describeCaller(issuer, caller) },
  ...clientRoutes,
  { method: "GET",    path: "/tokens",      handle: (context) => listTokens(context) },
  { method: "GET",    path: "/tokens/:id",  handle: (context, { id }) => showToken(context, id) },
  { method: "DELETE", path: "/tokens/:id",  handle: (context, { id }) => revokeToken(context, id) },
  { method: "GET",    path: "/sessions",    handle: (context) => listSessions(context) },
  ...accountRoutes,
  ...attemptRoutes,
  { method: "GET",    path: "/sessions/:id", handle: (context, { id }) => showSession(context, id) },
  { method: "DELETE", path: "/sessions/:id", handle: (context, { id }) => endSession(context, id) },
  ...grantRoutes,
  ...credentialRoutes,
  ...keyRoutes,
  ...serviceRoutes,
];

async function status(context: ControlContext): Promise<GatewayStatus> {
  const { store, clock, bridge, config, resources, startedAt, version } = context;
  const health = bridge.health();
  const services = Object.entries(config.services).map(async ([service, entry]) => {
    const { children, warm = [] } = health[service] ?? { children: [] };
    const memory = await memoryOf([...children, ...warm]);
    return {
      service,
      era: entry.era,
      ...("isolation" in entry && { isolation: entry.isolation }),
      urls: resources.all.filter((resource) => resource.service === service).map(({ uri }) => uri),
      state: "via" in entry ? "forwarded" : "idle",
      children: [],
      ...health[service],
      ...(memory !== undefined && { memory }),
      ...(hasRules(entry) && describeRules(entry)),
    } satisfies ServiceStatus;
  });
  return {
    version,
    url: context.issuer,
    pid: process.pid,
    startedAt,
    uptime: epochSeconds(clock) - startedAt,
    services: await Promise.all(services),
    clients: (await all(store, "client")).length,
    grants: (await all(store, "grant")).length,
    accessTokens: (await all(store, "accessToken")).length,
    sessions: bridge.sessions().length,
  };
}

async function listTokens({ store }: ControlContext): Promise<AccessTokenSummary[]> {
  const clients = new Map((await all(store, "client")).map((client) => [client.clientId, client]));
  const tokens = await all(store, "accessToken");
  return tokens
    .toSorted((a, b) => a.issuedAt - b.issuedAt)
    .map((token) => describeToken(token, clients.get(token.clientId)));
}

async function showToken({ store }: ControlContext, id: string): Promise<AccessTokenSummary> {
  const token = await find(store, "accessToken", id);
  return describeToken(token, await store.get("client", token.clientId));
}

async function revokeToken(context: ControlContext, id: string): Promise<AccessTokenSummary> {
  const { store, clock, events, bridge } = context;
  const token = await find(store, "accessToken", id);
  const { tokenId, clientId, grantId } = token;
  const client = await store.get("client", clientId);
  if (await store.delete("accessToken", tokenId)) {
    events.publish({ type: "token.revoked", at: epochSeconds(clock), clientId, grantId, tokenId });
  }
  // Streams opened with it would outlive it; whoever holds another token of the grant opens a new session.
  await bridge.end({ grantId }, "token revoked");
  return describeToken(token, client);
}

async function listSessions({ bridge }: ControlContext): Promise<SessionSummary[]> {
  return bridge
    .sessions()
    .map(({ pid, ...session }) => (pid === undefined ? session : { ...session, pid }));
}

async function showSession(context: ControlContext, id: string): Promise<SessionSummary> {
  const sessions = await listSessions(context);
  const exact = sessions.filter(({ sessionId }) => sessionId === id);
  const begun = sessions.filter(({ sessionId }) => id !== "" && sessionId.startsWith(id));
  return onlyOne("session", id, exact.length > 0 ? exact : begun);
}

async function endSession(context: ControlContext, id: string): Promise<SessionSummary> {
  const session = await showSession(context, id);
  await context.bridge.end({ sessionId: session.sessionId }, "ended by operator");
  return session;
}

function describeToken(
  token: AccessTokenRecord,
  client: ClientRecord | undefined,
): AccessTokenSummary {
  const { client_name: clientName } = client?.metadata ?? {};
  return { ...token, ...(clientName !== undefined && { clientName }) };
}
