/**
 * Hosted clients register at every attempt to connect, some twice within a second (clients.md: DCR "twice"). The same public
 * client from the same source, not used yet, is given back for ten minutes instead of a new record each time.
 *
 * It has no secret, so there is none to give away; but whoever shares it must not be able to change or delete it under the
 * others. So from the moment it is given to a second caller nobody can manage it: its registration access token is gone, and
 * the answer has none. Clients with a secret or keys, and those from this machine itself, are never shared; neither is one
 * that got tokens.
 */
import { isDeepStrictEqual } from "node:util";
import { digest } from "../../random.ts";
import type { ServerContext } from "../context.ts";
import type { ClientMetadata, ClientRecord } from "../store/client-records.ts";
import type { Operation } from "../store/store.ts";

const REUSE = 600; // seconds

/**
 * @param source address the registration came from
 * @returns what is looked up and remembered; undefined when this client is not to be shared
 */
export function reuseKey(source: string, metadata: ClientMetadata): string | undefined {
  const isLocal = source.startsWith("127.") || source === "0:0:0:0::/64";
  if (isLocal || metadata.token_endpoint_auth_method !== "none") return undefined;
  return digest(JSON.stringify([source, metadata]));
}

/** @returns the client registered like this a short while ago, shared from now on */
export async function reuseClient(
  { store }: ServerContext,
  key: string,
  metadata: ClientMetadata,
): Promise<ClientRecord | undefined> {
  const recent = await store.get("recentRegistration", key);
  const client = recent && (await store.get("client", recent.clientId));
  // Its owner may have changed it meanwhile.
  if (!client || client.lastUsedAt !== undefined || !isDeepStrictEqual(client.metadata, metadata))
    return undefined;
  const { registrationDigest, ...shared } = client;
  if (registrationDigest === undefined) return client;
  return (await store.replace("client", client.clientId, client, shared)) ? shared : undefined;
}

/** Belongs into the same step as the new client. */
export function rememberForReuse(key: string, { clientId }: ClientRecord): Operation {
  return { type: "put", kind: "recentRegistration", id: key, record: { clientId }, ttl: REUSE };
}
