/**
 * Grants: what a person allowed. Codes and tokens descend from one and die with it.
 *
 * A grant is written together with its authorization code and lives no longer than that code until somebody redeems it:
 * a login that was never finished leaves nothing behind.
 */
import type { Identity } from "../../auth-info.ts";
import { epochSeconds } from "../../clock.ts";
import { OAuthError } from "../../errors.ts";
import type { GrantEnd } from "../../events.ts";
import { randomId } from "../../random.ts";
import { checksOfLogin } from "../accounts/accounts.ts";
import { isStillAdmitted } from "../admission.ts";
import type { ServerContext } from "../context.ts";
import { records } from "../control/all-records.ts";
import type { GrantRecord, InteractionRecord } from "../store/records.ts";
import type { Operation } from "../store/store.ts";
import { consentId } from "./consent-id.ts";

/** A new grant, not stored yet. */
export function newGrant(
  context: ServerContext,
  interaction: Omit<InteractionRecord, "csrf">,
  identity: Identity,
  scopes: readonly string[],
): GrantRecord {
  const createdAt = epochSeconds(context.clock);
  return {
    grantId: randomId(),
    clientId: interaction.clientId,
    subject: identity.subject,
    resource: interaction.resource,
    scopes: [...scopes],
    identity,
    createdAt,
    expiresAt: createdAt + Math.floor(context.config.tokens.grant),
  };
}

/** The grant, unless it has ended or the rules do not let its person in any more. */
export async function findGrant(
  context: ServerContext,
  grantId: string,
): Promise<GrantRecord | undefined> {
  const grant = await context.store.get("grant", grantId);
  const isAlive = grant && grant.expiresAt > context.clock.now();
  return isAlive && isStillAdmitted(context, grant, grant.identity) ? grant : undefined;
}

/**
 * A grant may be written only while its client is there, and the login with which it was given is good.
 * @throws OAuthError invalid_request when the login is over: to be shown
 */
export async function checksOfGiving(
  context: ServerContext,
  grant: GrantRecord,
): Promise<readonly Operation[]> {
  const login = await checksOfLogin(context, grant.identity);
  if (!login) throw new OAuthError("invalid_request", "This login is over; connect again");
  return [{ type: "checkExists", kind: "client", id: grant.clientId }, ...login];
}

/** Nothing may be issued unless the client and the grant are there at that very moment. */
export function stillStands(grant: GrantRecord): readonly Operation[] {
  return [
    { type: "checkExists", kind: "client", id: grant.clientId },
    { type: "checkExists", kind: "grant", id: grant.grantId },
  ];
}

/** How exactly the last use of a grant is known. */
const PRECISION = 3600; // seconds

/** To be written with tokens that are issued from it. */
export function notingUse(context: ServerContext, grant: GrantRecord): readonly Operation[] {
  const now = epochSeconds(context.clock);
  if (now - (grant.lastUsedAt ?? grant.createdAt) < PRECISION) return [];
  const record = { ...grant, lastUsedAt: now };
  return [{ type: "put", kind: "grant", id: grant.grantId, record, ttl: "keep" }];
}

/**
 * End a grant and all that descends from it, and forget that its person has allowed it. Of many callers one ends it, and
 * `grant.ended` is published once.
 * @returns whether this call ended it
 */
export async function endGrant(
  context: ServerContext,
  grantId: string,
  reason: GrantEnd,
): Promise<boolean> {
  const grant = await context.store.get("grant", grantId);
  if (grant === undefined) return false;
  // First: a code issued without asking must find the consent, so none is issued any more.
  await context.store.delete("consent", consentId(grant));
  if ((await context.store.deleteGrant(grantId)) === 0) return false;
  publishEnd(context, grant, reason);
  return true;
}

/** End the grants of people whom the rules in force do not let in any more. */
export async function endGrantsOfStrangers(context: ServerContext): Promise<void> {
  for await (const { id, record } of records(context.store, "grant")) {
    if (!isStillAdmitted(context, record, record.identity))
      await endGrant(context, id, "no longer allowed");
  }
}

export function publishEnd(context: ServerContext, grant: GrantRecord, reason: GrantEnd): void {
  const { grantId, clientId, subject } = grant;
  const at = epochSeconds(context.clock);
  context.events.publish({ type: "grant.ended", at, grantId, clientId, subject, reason });
}
