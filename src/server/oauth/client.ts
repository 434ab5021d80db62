/**
 * OAuth clients: find one, revoke one.
 */
import type { IncomingMessage } from "node:http";
import { epochSeconds } from "../../clock.ts";
import type { ServerContext } from "../context.ts";
import { all } from "../control/all-records.ts";
import type { ClientRecord } from "../store/client-records.ts";
import { findDocumentClient, mayBeDocument } from "./client-metadata-document.ts";
import { endGrant, publishEnd } from "./grant.ts";
import { forgetting } from "./consent-id.ts";

/** Our ids are short, URLs are not; longer ones are not worth a look-up. */
const LONGEST_ID = 512;

/**
 * A client that was registered under this id, else the one whose metadata document is there.
 * @param request whose source is counted when the document has to be fetched
 * @throws OAuthError invalid_client when that document cannot be used, temporarily_unavailable when too many are asked for
 */
export async function findClient(
  context: ServerContext,
  clientId: string,
  request?: IncomingMessage,
): Promise<ClientRecord | undefined> {
  if (clientId.length > LONGEST_ID) return undefined;
  const client = await context.store.get("client", clientId);
  if (client && client.via !== "document") return client;
  return mayBeDocument(context, clientId)
    ? findDocumentClient(context, clientId, request)
    : undefined;
}

/**
 * Revoke a client: its record, its grants and all their codes and tokens, and what people have allowed it, in one step of the store. Whatever is issued
 * checks in its own step that client and grant are there, so a login that runs at the same moment either came before
 * and dies here, or finds no client. A grant that slipped in between our listing and that step holds at most a code,
 * which nobody can redeem any more; it is swept up afterwards. A client that describes itself may come back with a new
 * login: what bars it is the configuration (`registration.metadataDocuments`).
 * @returns how many grants ended; undefined when there is no such client
 */
export async function revokeClient(
  context: ServerContext,
  clientId: string,
): Promise<{ grants: number } | undefined> {
  const { store, events, clock } = context;
  let ended = 0;
  for (let isGone = false; !isGone;) {
    if (!(await store.get("client", clientId))) return undefined;
    const grants = await all(store, "grant", { clientId });
    const consents = await all(store, "consent", { clientId });
    // A grant that somebody else ends meanwhile is theirs to announce: then we look again.
    isGone = await store.transact([
      { type: "checkExists", kind: "client", id: clientId },
      ...grants.map(({ grantId: id }) => ({ type: "checkExists", kind: "grant", id }) as const),
      { type: "delete", kind: "client", id: clientId },
      { type: "delete", kind: "metadataDocument", id: clientId },
      ...grants.map(({ grantId }) => ({ type: "deleteGrant", grantId }) as const),
      ...consents.map((consent) => forgetting(consent)),
    ]);
    if (!isGone) continue;
    for (const grant of grants) publishEnd(context, grant, "client revoked");
    ended = grants.length;
  }
  for (const { grantId } of await all(store, "grant", { clientId })) {
    if (await endGrant(context, grantId, "client revoked")) ended += 1;
  }
  events.publish({ type: "client.revoked", at: epochSeconds(clock), clientId, grants: ended });
  return { grants: ended };
}

/**
 * Forget a client of which nothing is alive.
 * @param seen its record
 * @returns false when it has come to life meanwhile, or is gone
 */
export async function forgetClient(context: ServerContext, seen: ClientRecord): Promise<boolean> {
  const { store, events, clock } = context;
  const { clientId } = seen;
  if ((await all(store, "grant", { clientId })).length > 0) return false;
  const consents = await all(store, "consent", { clientId });
  const isGone = await store.transact([
    { type: "check", kind: "client", id: clientId, seen },
    { type: "delete", kind: "client", id: clientId },
    { type: "delete", kind: "metadataDocument", id: clientId },
    ...consents.map((consent) => forgetting(consent)),
  ]);
  if (!isGone) return false;
  // One that slipped in holds at most a code that nobody can redeem any more.
  for (const { grantId } of await all(store, "grant", { clientId })) {
    await endGrant(context, grantId, "client revoked");
  }
  events.publish({ type: "client.revoked", at: epochSeconds(clock), clientId, grants: 0 });
  return true;
}
