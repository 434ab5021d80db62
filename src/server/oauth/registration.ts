/**
 * Dynamic client registration, RFC 7591 §3: anybody may register, so registering opens nothing; consent does.
 *
 * Order: JSON body of at most 64 KB -> metadata (client-metadata.ts) -> record -> 201 with everything that took effect, and
 * with `redirect_uris_rejected` when some redirect URIs were dropped. Every registration makes a new client with a random
 * id, which never looks like a URL. Client secrets do not expire. There is no registration access token: a client that
 * wants other metadata registers again. A `software_statement` is ignored (§2.3).
 */
import type { RequestHandler } from "express";
import { epochSeconds } from "../../clock.ts";
import { OAuthError } from "../../errors.ts";
import { digest, randomId, randomToken } from "../../random.ts";
import type { ServerContext } from "../context.ts";
import { sendJson } from "../http.ts";
import type { ClientRecord } from "../store/records.ts";
import { readBody } from "./body.ts";
import { readClientMetadata, type RejectedRedirectUri } from "./client-metadata.ts";

const MAX_BYTES = 64 * 1024;

export interface Registered {
  client: ClientRecord;
  /** Shown once; only its digest is kept. Absent for public clients. */
  clientSecret?: string;
  rejected: RejectedRedirectUri[];
}

export function registration(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const body = await readBody(request, response, {
      type: "application/json",
      limit: MAX_BYTES,
      code: "invalid_client_metadata",
    });
    const { client, clientSecret, rejected } = await registerClient(
      context,
      parseJson(body),
      "registration",
    );
    sendJson(response, 201, {
      client_id: client.clientId,
      client_id_issued_at: client.registeredAt,
      ...(clientSecret !== undefined && {
        client_secret: clientSecret,
        client_secret_expires_at: 0,
      }),
      ...client.metadata,
      ...(rejected.length > 0 && { redirect_uris_rejected: rejected }),
    });
  };
}

/**
 * @param metadata client metadata in wire spelling, not validated yet
 * @throws OAuthError invalid_redirect_uri, invalid_client_metadata
 */
export async function registerClient(
  context: ServerContext,
  metadata: unknown,
  via: ClientRecord["via"],
): Promise<Registered> {
  const { metadata: effective, rejected } = readClientMetadata(metadata);
  const isPublic = effective.token_endpoint_auth_method === "none";
  const clientSecret = isPublic ? undefined : randomToken();
  const client: ClientRecord = {
    clientId: randomId(),
    metadata: effective,
    ...(clientSecret !== undefined && { secretDigest: digest(clientSecret) }),
    registeredAt: epochSeconds(context.clock),
    via,
  };
  await context.store.put("client", client.clientId, client);
  const clientName = effective.client_name;
  context.events.publish({
    type: "client.registered",
    at: client.registeredAt,
    clientId: client.clientId,
    ...(clientName !== undefined && { clientName }),
    via,
  });
  return { client, ...(clientSecret !== undefined && { clientSecret }), rejected };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new OAuthError("invalid_client_metadata", "The body is not JSON", { cause });
  }
}
