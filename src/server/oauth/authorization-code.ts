/**
 * Authorization codes, RFC 6749 §4.1.2: 256 random bits, stored as their digest, bound to the client, the redirect URI as it
 * was sent, the PKCE challenge and the resource.
 *
 * A used code is kept for a day as evidence: the code that comes back, with everything that proves its rightful holder, was
 * copied, and the grant ends. A wrong client, redirect URI or verifier proves nothing: it neither uses the code up nor
 * harms the grant, otherwise anybody who saw a code in a log could end other people's logins.
 */
import type { Identity } from "../../auth-info.ts";
import { epochSeconds } from "../../clock.ts";
import { digest, randomToken } from "../../random.ts";
import type { Noted } from "../autopsy/step.ts";
import type { ServerContext } from "../context.ts";
import type { AuthorizationCodeRecord, GrantRecord, InteractionRecord } from "../store/records.ts";
import type { Operation } from "../store/store.ts";
import { checksOfGiving, newGrant, stillStands } from "./grant.ts";

/** How long a used code is recognised. */
const EVIDENCE = 86_400; // seconds

export interface IssuedCode {
  code: string;
  grantId: string;
}

/** What the trace of a login attempt says of it: where the code goes, and never the code. */
export function codeIssued(
  { redirectUri }: Pick<InteractionRecord, "redirectUri">,
  subject: string,
  grantId: string,
): Omit<Noted, "interaction"> {
  return { what: "code.issued", subject, grantId, detail: redirectUri.split("?", 1)[0]! };
}

/**
 * Write down what the person allowed and the code for it, in one step.
 * @param besides what else must hold, or be written, in that step
 * @returns the code, and the grant it stands for; undefined when the client was revoked meanwhile, or something of `besides`
 *   does not hold
 * @throws OAuthError invalid_request when the login is over: to be shown, never redirected
 */
export async function issueAuthorizationCode(
  context: ServerContext,
  interaction: Omit<InteractionRecord, "csrf">,
  identity: Identity,
  besides: readonly Operation[] = [],
): Promise<IssuedCode | undefined> {
  const code = randomToken();
  const grant = newGrant(context, interaction, identity, interaction.scopes);
  const ttl = Math.max(1, Math.floor(context.config.tokens.authorizationCode));
  const record: AuthorizationCodeRecord = {
    grantId: grant.grantId,
    clientId: grant.clientId,
    redirectUri: interaction.redirectUri,
    redirectUriWasSent: interaction.redirectUriWasSent,
    codeChallenge: interaction.codeChallenge,
    ...(interaction.jkt !== undefined && { jkt: interaction.jkt }),
    resource: grant.resource,
    scopes: grant.scopes,
    expiresAt: epochSeconds(context.clock) + ttl,
  };
  const isDone = await context.store.transact([
    ...(await checksOfGiving(context, grant)),
    { type: "put", kind: "grant", id: grant.grantId, record: grant, ttl },
    { type: "put", kind: "authorizationCode", id: digest(code), record, ttl },
    ...besides,
  ]);
  return isDone ? { code, grantId: grant.grantId } : undefined;
}

/**
 * Mark a code as used and give its grant its full life.
 * @returns false when it was used, or its client or grant ended, since `seen` was read
 */
export async function redeemAuthorizationCode(
  context: ServerContext,
  code: string,
  seen: AuthorizationCodeRecord,
  grant: GrantRecord,
  issue: readonly Operation[],
): Promise<boolean> {
  const now = epochSeconds(context.clock);
  const id = digest(code);
  const life = grant.expiresAt - now;
  const used = { ...seen, redeemedAt: now };
  return context.store.transact([
    ...stillStands(grant),
    { type: "check", kind: "authorizationCode", id, seen },
    { type: "put", kind: "authorizationCode", id, record: used, ttl: Math.min(EVIDENCE, life) },
    {
      type: "put",
      kind: "grant",
      id: grant.grantId,
      record: { ...grant, lastUsedAt: now },
      ttl: life,
    },
    ...issue,
  ]);
}
