/**
 * Dynamic client registration, RFC 7591 §3: anybody may register, so registering opens nothing; consent does.
 *
 * Order: JSON body of at most 64 KB -> metadata (client-metadata.ts) -> record -> 201 with everything that took effect, and
 * with `redirect_uris_rejected` when some redirect URIs were dropped. Client ids are random and never look like a URL. Who
 * registers the same public client again at once gets the same one (registration-reuse.ts). There is room for so many
 * (client-cap.ts). Client secrets do not expire, clients that are not used do (client-expiry.ts). The registration access
 * token is shown once and opens only registration-management.ts. A `software_statement` is ignored (§2.3).
 */
import type { Request, RequestHandler } from "express";
import { epochSeconds } from "../../clock.ts";
import { OAuthError } from "../../errors.ts";
import { digest, randomId, randomToken } from "../../random.ts";
import type { ServerContext } from "../context.ts";
import { sendJson } from "../http.ts";
import { countWithin } from "../rate-limits.ts";
import { sourceAddress } from "../source-address.ts";
import type { ClientMetadata, ClientRecord } from "../store/client-records.ts";
import { readBody } from "./body.ts";
import { admitClient } from "./client-cap.ts";
import { clientLifetime } from "./client-expiry.ts";
import { clientInformation } from "./client-information.ts";
import { readClientMetadata, type RejectedRedirectUri } from "./client-metadata.ts";
import { rememberForReuse, reuseClient, reuseKey } from "./registration-reuse.ts";

const MAX_BYTES = 64 * 1024;

export interface Registered {
  client: ClientRecord;
  /** Shown once; only its digest is kept. Absent for clients without one. */
  clientSecret?: string;
  /** Shown once, likewise. Absent for clients an operator registered. */
  registrationToken?: string;
  rejected: RejectedRedirectUri[];
}

export function registration(context: ServerContext): RequestHandler {
  return async (request, response) => {
    if (!context.config.registration.dynamic) {
      throw new OAuthError("access_denied", "The operator of this gateway registers its clients");
    }
    const source = sourceAddress(context.config, request);
    await countWithin(context, "registrations", [source]);
    const body = await readMetadataBody(request);
    const registered = await registerClient(context, body, "registration", {}, source);
    const { client, rejected, ...secrets } = registered;
    noteRegistration(context, request, registered);
    sendJson(response, 201, clientInformation(context, client, secrets, rejected));
  };
}

function noteRegistration(
  { attempts }: ServerContext,
  request: Request,
  { client: { clientId, metadata }, rejected }: Registered,
): void {
  const { client_name: clientName } = metadata;
  const dropped = rejected.map(({ redirect_uri, reason }) => `${redirect_uri}: ${reason}`);
  attempts.note(
    {
      what: "registration",
      clientId,
      ...(clientName !== undefined && { clientName }),
      ...(dropped.length > 0 && { detail: `without ${dropped.join(", ")}` }),
    },
    request,
  );
}

/**
 * @param metadata client metadata in wire spelling, not validated yet
 * @param rights what an operator allows it besides
 * @param source address that a client registers itself from
 * @throws OAuthError invalid_redirect_uri, invalid_client_metadata; temporarily_unavailable when there is no more room
 */
export async function registerClient(
  context: ServerContext,
  metadata: unknown,
  via: ClientRecord["via"],
  rights: Pick<ClientRecord, "services" | "introspects"> = {},
  source?: string,
): Promise<Registered> {
  const { redirectSchemes } = context.config.registration;
  const { metadata: effective, rejected } = readClientMetadata(metadata, {
    via,
    redirectSchemes,
    scopeNames: context.resources.scopeNames,
  });
  const reuse = source === undefined ? undefined : reuseKey(source, effective);
  const known = reuse === undefined ? undefined : await reuseClient(context, reuse, effective);
  if (known) return { client: known, rejected };
  const clientSecret = needsSecret(effective) ? randomToken() : undefined;
  const registrationToken = via === "registration" ? randomToken() : undefined;
  const client: ClientRecord = {
    clientId: randomId(),
    metadata: effective,
    ...(clientSecret !== undefined && { secretDigest: digest(clientSecret) }),
    ...(registrationToken !== undefined && { registrationDigest: digest(registrationToken) }),
    registeredAt: epochSeconds(context.clock),
    via,
    ...rights,
  };
  const ttl = clientLifetime(context, client);
  const write = (): Promise<boolean> =>
    context.store.transact([
      {
        type: "put",
        kind: "client",
        id: client.clientId,
        record: client,
        ...(ttl !== undefined && { ttl }),
      },
      ...(reuse === undefined ? [] : [rememberForReuse(reuse, client)]),
    ]);
  await (via === "registration" ? admitClient(context, write) : write());
  const clientName = effective.client_name;
  context.events.publish({
    type: "client.registered",
    at: client.registeredAt,
    clientId: client.clientId,
    ...(clientName !== undefined && { clientName }),
    via,
  });
  return {
    client,
    ...(clientSecret !== undefined && { clientSecret }),
    ...(registrationToken !== undefined && { registrationToken }),
    rejected,
  };
}

export function needsSecret({ token_endpoint_auth_method: method }: ClientMetadata): boolean {
  return method === "client_secret_basic" || method === "client_secret_post";
}

/** @throws OAuthError invalid_client_metadata, 413, 415 */
export async function readMetadataBody(request: Request): Promise<unknown> {
  const text = await readBody(request, {
    type: "application/json",
    limit: MAX_BYTES,
    code: "invalid_client_metadata",
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new OAuthError("invalid_client_metadata", "The body is not JSON", { cause });
  }
}
