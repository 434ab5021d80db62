/**
 * Clients whose id is the URL of their own description (draft-ietf-oauth-client-id-metadata-document), so that nothing has to
 * be registered beforehand.
 *
 * Such a client has two records. `client` is like that of any other and is what tokens are checked against, so the hot path
 * knows no difference; it lives as long as grants of it may. `metadataDocument` says whether the description may still be
 * believed, and everything that issues something asks here first:
 *
 *     unknown --fetch--> fresh --max-age, 5 min..24 h--> stale --fetch--> fresh
 *                                                        |  fetch fails: believed on, asked again a minute later,
 *                                                        |  until 7 days after the last good answer
 *                                                        +- 410: the owner took it away: unknown at once
 *
 * What is fetched is the new truth: other redirect URIs, keys or methods take effect with it. A description that was never
 * in use is forgotten after a day, so that strangers cannot fill the store. Failures are not remembered, only counted.
 * Nothing but the document itself is fetched here; logo and other links in it never are.
 */
import type { IncomingMessage } from "node:http";
import { isDeepStrictEqual } from "node:util";
import { epochSeconds } from "../../clock.ts";
import { OAuthError } from "../../errors.ts";
import type { Fetched } from "../guarded-fetch.ts";
import { describeError } from "../autopsy/step.ts";
import type { ServerContext } from "../context.ts";
import { freshnessOf } from "../http-freshness.ts";
import { countWithin } from "../rate-limits.ts";
import { sourceAddress } from "../source-address.ts";
import type {
  ClientMetadata,
  ClientRecord,
  MetadataDocumentRecord,
} from "../store/client-records.ts";
import type { Store } from "../store/store.ts";
import { isDocumentUrl, readMetadataDocument } from "./metadata-document.ts";

const MAX_BYTES = 5 * 1024;
const MINUTE = 60; // seconds, as all below
const DAY = 86_400;
const LEAST_FRESH = 5 * MINUTE;
const MOST_FRESH = DAY;
const USUALLY_FRESH = 60 * MINUTE; // when the headers do not say
const STALE_IF_ERROR = 7 * DAY;
/** Each failed attempt means that another process was first. */
const ATTEMPTS = 3;

/** Fetches under way: many requests of one client at once ask its server once. */
const underWay = new WeakMap<Store, Map<string, Promise<ClientRecord>>>();

/** Whether this id is for us at all; off the list there is no client and no fetch. */
export function mayBeDocument(context: ServerContext, clientId: string): boolean {
  const { policy, hosts } = context.config.registration.metadataDocuments;
  if (policy === "off" || !isDocumentUrl(clientId)) return false;
  return policy === "open" || hosts.includes(new URL(clientId).host);
}

/**
 * The client whose id is this URL.
 * @param request whose source is counted when the document is not known yet
 * @throws OAuthError invalid_client when there is no usable document, temporarily_unavailable when too much is asked
 */
export async function findDocumentClient(
  context: ServerContext,
  clientId: string,
  request?: IncomingMessage,
): Promise<ClientRecord> {
  const { store } = context;
  const [document, client] = await Promise.all([
    store.get("metadataDocument", clientId),
    store.get("client", clientId),
  ]);
  if (document && client) {
    const now = context.clock.now();
    if (now < document.freshUntil || now < (document.retryAt ?? 0)) {
      await rememberUse(context, document, client);
      return client;
    }
  }
  return once(context, clientId, () => fetchClient(context, clientId, request));
}

async function once(
  { store }: ServerContext,
  clientId: string,
  start: () => Promise<ClientRecord>,
): Promise<ClientRecord> {
  const fetches = underWay.get(store) ?? new Map<string, Promise<ClientRecord>>();
  underWay.set(store, fetches);
  const running = fetches.get(clientId);
  if (running) return running;
  const mine = start().finally(() => fetches.delete(clientId));
  fetches.set(clientId, mine);
  return mine;
}

async function fetchClient(
  context: ServerContext,
  clientId: string,
  request: IncomingMessage | undefined,
): Promise<ClientRecord> {
  const known = await context.store.get("metadataDocument", clientId);
  if (!known) await count(context, clientId, request);
  const fetched = await context.guardedFetch(clientId, { bytes: MAX_BYTES });
  const read = readFetched(context, fetched, clientId);
  noteFetch(context, clientId, read, request);
  if (!(read instanceof OAuthError)) return accept(context, clientId, read, fetched);

  const reason = read.detail ?? read.message;
  context.log.warn({ clientId, reason }, "a client metadata document cannot be used");
  const [document, client] = await Promise.all([
    context.store.get("metadataDocument", clientId),
    context.store.get("client", clientId),
  ]);
  if (!document || !client) throw read;
  if (!fetched.isFetched && fetched.isGone) {
    await context.store.delete("metadataDocument", clientId);
    throw read;
  }
  const next = { ...document, retryAt: context.clock.now() + MINUTE };
  await context.store.replace("metadataDocument", clientId, document, next);
  return client;
}

function noteFetch(
  { attempts }: ServerContext,
  clientId: string,
  read: ClientMetadata | OAuthError,
  request: IncomingMessage | undefined,
): void {
  const { client_name: clientName } = read instanceof OAuthError ? {} : read;
  const outcome = read instanceof OAuthError ? describeError(read) : {};
  const step = { what: "client.document", clientId, ...outcome } as const;
  attempts.note({ ...step, ...(clientName !== undefined && { clientName }) }, request);
}

function readFetched(
  { config, resources }: ServerContext,
  fetched: Fetched,
  clientId: string,
): ClientMetadata | OAuthError {
  if (!fetched.isFetched) {
    return fetched.isBusy ? tooMuch(fetched.reason) : unreachable(fetched.reason);
  }
  try {
    return readMetadataDocument(fetched.text, clientId, {
      via: "document",
      redirectSchemes: config.registration.redirectSchemes,
      scopeNames: resources.scopeNames,
    });
  } catch (error) {
    if (error instanceof OAuthError) return error;
    throw error;
  }
}

/** What we know already is fetched again however much is asked for that we do not know. */
async function count(
  context: ServerContext,
  clientId: string,
  request: IncomingMessage | undefined,
): Promise<void> {
  if (request) await countWithin(context, "documents", [sourceAddress(context.config, request)]);
  await countWithin(context, "documents", ["host", new URL(clientId).host]);
}

/** Write down what the document says. */
async function accept(
  context: ServerContext,
  clientId: string,
  metadata: ClientMetadata,
  fetched: Fetched,
): Promise<ClientRecord> {
  const { store } = context;
  const headers = fetched.isFetched ? fetched.headers : {};
  const fresh = freshnessOf(headers) ?? USUALLY_FRESH;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const now = epochSeconds(context.clock);
    const seen = await store.get("metadataDocument", clientId);
    const before = await store.get("client", clientId);
    // Somebody registered this very id: theirs it is.
    if (before && before.via !== "document") return before;
    const client: ClientRecord = {
      ...(before ?? { clientId, registeredAt: now, via: "document" }),
      metadata,
    };
    const document: MetadataDocumentRecord = {
      clientId,
      fetchedAt: now,
      freshUntil: now + Math.min(MOST_FRESH, Math.max(LEAST_FRESH, fresh)),
      isInUse: seen?.isInUse === true || (await hasGrant(context, clientId)),
    };
    const isDone = await store.transact([
      { type: "check", kind: "metadataDocument", id: clientId, seen },
      { type: "check", kind: "client", id: clientId, seen: before },
      ...writes(context, document, client),
    ]);
    if (!isDone) continue;
    if (!before) publishRegistered(context, client);
    else if (!isDeepStrictEqual(before.metadata, metadata)) {
      context.log.info({ clientId }, "a client metadata document has changed");
    }
    return client;
  }
  throw tooMuch("another process writes the same client");
}

/** The first grant turns a description somebody tried into one that is worth keeping. */
async function rememberUse(
  context: ServerContext,
  seen: MetadataDocumentRecord,
  client: ClientRecord,
): Promise<void> {
  const { clientId } = seen;
  if (seen.isInUse || !(await hasGrant(context, clientId))) return;
  await context.store.transact([
    { type: "check", kind: "metadataDocument", id: clientId, seen },
    { type: "check", kind: "client", id: clientId, seen: client },
    ...writes(context, { ...seen, isInUse: true }, client),
  ]);
}

function writes(
  { config, clock }: ServerContext,
  document: MetadataDocumentRecord,
  client: ClientRecord,
): Parameters<Store["transact"]>[0] {
  const { clientId: id, fetchedAt, isInUse } = document;
  const believed = fetchedAt + (isInUse ? STALE_IF_ERROR : DAY) - clock.now();
  // As long as anything may be issued to it, and then as long as that may live.
  const life = isInUse ? believed + config.tokens.grant : believed;
  return [
    { type: "put", kind: "metadataDocument", id, record: document, ttl: believed },
    { type: "put", kind: "client", id, record: client, ttl: life },
  ];
}

async function hasGrant({ store }: ServerContext, clientId: string): Promise<boolean> {
  return (await store.list("grant", { where: { clientId }, limit: 1 })).items.length > 0;
}

function publishRegistered(context: ServerContext, client: ClientRecord): void {
  const { clientId, registeredAt: at, metadata, via } = client;
  const clientName = metadata.client_name;
  context.events.publish({
    type: "client.registered",
    at,
    clientId,
    ...(clientName !== undefined && { clientName }),
    via,
  });
}

/** One description for all causes: which one it was would tell a stranger what answers inside our network. */
function unreachable(detail: string): OAuthError {
  const description = "The client metadata document could not be fetched";
  return new OAuthError("invalid_client", description, { detail });
}

function tooMuch(detail: string): OAuthError {
  const description = "Too many client metadata documents are being fetched";
  return new OAuthError("temporarily_unavailable", description, { detail });
}
