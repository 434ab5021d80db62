/**
 * The client information response, RFC 7591 §3.2.1 and RFC 7592 §3: everything that took effect. Secrets are in it only in
 * the answer that made them, or as the client itself has just sent them; we keep their digests.
 */
import type { ServerContext } from "../context.ts";
import type { ClientRecord } from "../store/client-records.ts";
import type { RejectedRedirectUri } from "./client-metadata.ts";

export interface ClientSecrets {
  clientSecret?: string | undefined;
  registrationToken?: string | undefined;
}

export function clientInformation(
  context: Pick<ServerContext, "issuer">,
  client: ClientRecord,
  secrets: ClientSecrets,
  rejected: readonly RejectedRedirectUri[] = [],
): Record<string, unknown> {
  const { clientSecret, registrationToken } = secrets;
  return {
    client_id: client.clientId,
    client_id_issued_at: client.registeredAt,
    ...(clientSecret !== undefined && {
      client_secret: clientSecret,
      client_secret_expires_at: 0, // never
    }),
    ...(registrationToken !== undefined && {
      registration_access_token: registrationToken,
      registration_client_uri: `${context.issuer}/register/${client.clientId}`,
    }),
    ...client.metadata,
    ...(rejected.length > 0 && { redirect_uris_rejected: rejected }),
  };
}
