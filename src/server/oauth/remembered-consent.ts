/**
 * Consent that need not be asked for again: what a person has allowed one client at one resource, kept on the server and
 * nowhere else.
 *
 * Only for redirects to a host on the web: whatever program listens on loopback, or has registered itself for a scheme,
 * gets the code there (RFC 8252 §8.6, MCP Authorization "localhost redirect URI risks"), and whoever holds a device code is
 * known even less; and never for the administration of the gateway. It covers no scope that was not on a page, no other redirect host, and no client that now calls itself
 * something else. Ending the grant forgets it: who takes access away wants to be asked before it is given again.
 */
import type { Identity } from "../../auth-info.ts";
import { epochSeconds } from "../../clock.ts";
import { isLoopbackHost } from "../../config.ts";
import { digest } from "../../random.ts";
import { isAdmitted } from "../admission.ts";
import type { ServerContext } from "../context.ts";
import { ADMIN_SCOPE } from "../scopes.ts";
import type { ClientRecord } from "../store/client-records.ts";
import type { ConsentRecord } from "../store/consent-records.ts";
import type { InteractionRecord } from "../store/records.ts";
import type { Operation } from "../store/store.ts";
import { issueAuthorizationCode, type IssuedCode } from "./authorization-code.ts";
import { findClient } from "./client.ts";
import { consentId } from "./consent-id.ts";

type Asked = Omit<InteractionRecord, "csrf">;

/** @returns what the person has allowed this client as it is now, for this resource; undefined when that is nothing */
export async function recallConsent(
  context: ServerContext,
  asked: Asked,
  client: ClientRecord,
  identity: Identity,
): Promise<ConsentRecord | undefined> {
  if (!mayBeRemembered(asked)) return undefined;
  const record = await context.store.get(
    "consent",
    consentId({ ...asked, subject: identity.subject }),
  );
  return record?.shown === shownOf(client, asked) ? record : undefined;
}

/** Whether there is nothing on the page that the person has not allowed already, and nobody wants it to be shown. */
function isCovered(
  context: ServerContext,
  asked: Asked,
  identity: Identity,
  consent: ConsentRecord,
): boolean {
  return (
    asked.prompt === undefined &&
    asked.scopes.every((scope) => consent.scopes.includes(scope)) &&
    isAdmitted(context, identity, asked)
  );
}

/**
 * The code for a request that need not be shown to anybody.
 * @param besides what else must hold, or be written, in that step
 * @returns undefined when the person must be asked
 */
export async function issueFromMemory(
  context: ServerContext,
  asked: Asked,
  identity: Identity,
  besides: readonly Operation[] = [],
): Promise<IssuedCode | undefined> {
  const client = await findClient(context, asked.clientId);
  const consent = client && (await recallConsent(context, asked, client, identity));
  if (!consent || !isCovered(context, asked, identity, consent)) return undefined;
  // It must still be there at that very moment.
  const still = {
    type: "check",
    kind: "consent",
    id: consentId({ ...asked, subject: identity.subject }),
    seen: consent,
  } as const;
  const issued = await issueAuthorizationCode(context, asked, identity, [still, ...besides]);
  if (!issued) return undefined;
  const { clientId, resource, scopes } = asked;
  const at = epochSeconds(context.clock);
  context.events.publish({
    type: "consent.recalled",
    at,
    clientId,
    subject: identity.subject,
    resource,
    scopes,
  });
  return issued;
}

/** To be written with the code: what was on the page now, and what was before. */
export async function rememberConsent(
  context: ServerContext,
  asked: Asked,
  client: ClientRecord,
  identity: Identity,
): Promise<Operation[]> {
  if (!mayBeRemembered(asked)) return [];
  const before = await recallConsent(context, asked, client, identity);
  const { clientId, resource } = asked;
  const record: ConsentRecord = {
    subject: identity.subject,
    clientId,
    resource,
    scopes: [...new Set([...(before?.scopes ?? []), ...asked.scopes])],
    shown: shownOf(client, asked),
    givenAt: epochSeconds(context.clock),
  };
  const ttl = Math.floor(context.config.tokens.grant);
  return [
    {
      type: "put",
      kind: "consent",
      id: consentId({ ...asked, subject: identity.subject }),
      record,
      ttl,
    },
  ];
}

function mayBeRemembered({ device, redirectUri, scopes }: Asked): boolean {
  if (device !== undefined || scopes.includes(ADMIN_SCOPE)) return false;
  const { protocol, hostname } = new URL(redirectUri);
  return protocol === "https:" && !isLoopbackHost(hostname);
}

/** What the page says of the client. */
function shownOf({ metadata, via }: ClientRecord, { redirectUri }: Asked): string {
  const { origin } = new URL(redirectUri);
  return digest(JSON.stringify([metadata.client_name ?? null, via, origin]));
}
