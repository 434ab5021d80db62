/**
 * How the client becomes known: by the URL of its metadata document, or by registration (RFC 7591).
 */
import * as oauth from "oauth4webapi";
import { messageOf, UserError } from "../../errors.ts";
import type { Found } from "./discover.ts";
import type { Visit } from "./visit.ts";
import { toResponse } from "./wire.ts";

/** @throws UserError */
export async function register(visit: Visit, { server }: Found): Promise<oauth.Client> {
  const { emulation, document, port } = visit;
  const isTaken = server["client_id_metadata_document_supported"] === true;
  if (document && isTaken) {
    visit.tell("register", `by its document ${document.url}`);
    const method = document.key ? "private_key_jwt" : "none";
    return { client_id: document.url, token_endpoint_auth_method: method };
  }
  const times = Array.from({ length: emulation.registrations ?? 1 });
  const clients = await Promise.all(times.map(() => registerOnce(visit, server)));
  const client = clients.at(-1)!;
  const method = client["token_endpoint_auth_method"] as string;
  const uris = client["redirect_uris"] as string[];
  if (!hasRedirect(uris, emulation.redirectUri(port))) {
    throw new UserError(
      `${emulation.title} cannot come back: ${uris.join(", ")} is all it may use`,
      {
        hint: `Allow the redirect URI ${emulation.redirectUri(port)}.`,
      },
    );
  }
  visit.tell("register", `${client.client_id}, ${method}${times.length > 1 ? ", twice" : ""}`);
  return client;
}

/** One registration. @throws UserError */
export async function registerOnce(
  visit: Visit,
  server: oauth.AuthorizationServer,
): Promise<oauth.Client> {
  const { emulation, port, wire } = visit;
  const { title } = emulation;
  if (server.registration_endpoint === undefined) {
    throw new UserError(
      `${title} must register, and ${server.issuer} has no registration_endpoint`,
      {
        hint: "Allow dynamic registration, or give the client an id by hand.",
      },
    );
  }
  const answer = await wire.ask("POST", server.registration_endpoint, {
    headers: { "content-type": "application/json" },
    body: JSON.stringify(emulation.registration(port)),
  });
  let client: oauth.Client;
  try {
    client = await oauth.processDynamicClientRegistrationResponse(toResponse(answer));
  } catch (cause) {
    throw new UserError(
      `${title} could not register: ${answer.status} ${wordsOf(answer.text, cause)}`,
      {
        hint: "Its registration is an ordinary one (RFC 7591); a server must take it, or drop what it does not know.",
        cause,
      },
    );
  }
  const { registration_client_uri: uri, registration_access_token: token } = client;
  if (typeof uri === "string" && typeof token === "string") visit.registered.push({ uri, token });
  return { redirect_uris: [...emulation.registration(port).redirect_uris], ...client };
}

/** Whether one of these is the URI; the port of a loopback redirect is free (RFC 8252 §7.3). */
function hasRedirect(uris: readonly string[], wanted: string): boolean {
  const plain = (uri: string): string =>
    uri
      .replace(/^(http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])):\d+/, "$1")
      .replace(/^(http:\/\/[^/?]+)$/, "$1/");
  return uris.some((uri) => plain(uri) === plain(wanted));
}

function wordsOf(text: string, cause: unknown): string {
  try {
    const { error, error_description: why } = JSON.parse(text) as Record<string, unknown>;
    if (typeof error === "string") return typeof why === "string" ? `${error}, ${why}` : error;
  } catch {
    // not JSON
  }
  return messageOf(cause);
}
