/**
 * The account page: GET shows what a person has allowed and the passkeys of an account of the gateway's own, POST ends one
 * access or all, removes a passkey, or signs the browser out.
 *
 * Ending takes the grant with its tokens and MCP sessions and forgets the consent, so that the client has to ask again. Only
 * the person's own grants are looked at, whatever id a form carries.
 */
import type { RequestHandler } from "express";
import type { Identity } from "../../auth-info.ts";
import { epochSeconds } from "../../clock.ts";
import { relyingPartyOf } from "../accounts/passkey-ceremony.ts";
import { accountOf, passkeysOf, removePasskey } from "../accounts/passkeys.ts";
import type { ServerContext } from "../context.ts";
import { all, records } from "../control/all-records.ts";
import {
  accountPage as accountDocument,
  signedOutPage,
  type Access,
  type AccountPage,
} from "../pages/account-page.ts";
import { sendPage } from "../pages/send-page.ts";
import type { ClientRecord } from "../store/client-records.ts";
import type { GrantRecord } from "../store/records.ts";
import { askingServices } from "./asked-credentials.ts";
import { findClient } from "./client.ts";
import { formOf } from "./form.ts";
import { endGrant } from "./grant.ts";
import { seeOther, serverPath } from "./interaction.ts";
import { endLoginSession } from "./login-session.ts";
import { inPlainWords } from "./scope.ts";
import { queryOf } from "./query.ts";
import { findSender, findVisitor, type Visitor } from "./visitor.ts";

const PAGE = "/account";
const DONE = ["added", "removed"] as const;

export function accountPage(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const visitor = await findVisitor(context, request, response, PAGE);
    if (!visitor) return;
    const { identity, csrf } = visitor;
    const now = epochSeconds(context.clock);
    const grants = await all(context.store, "grant", { subject: identity.subject });
    const alive = grants.filter(({ expiresAt }) => expiresAt > now);
    const lastUse = (grant: GrantRecord): number => grant.lastUsedAt ?? grant.createdAt;
    const accesses = alive
      .toSorted((a, b) => lastUse(b) - lastUse(a))
      .map((grant) => accessOf(context, grant));
    const asking = await askingServices(context, identity);
    const page = accountDocument({
      identity,
      accesses: await Promise.all(accesses),
      now,
      credentials: asking.length > 0 ? serverPath(context, "/credentials") : undefined,
      action: serverPath(context, PAGE),
      csrf,
      ...(await passkeysFor(context, identity)),
      done: DONE.find((one) => one === queryOf(request).get("done")),
      host: new URL(context.issuer).host,
    });
    sendPage(response, 200, page);
  };
}

export function account(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const fields = formOf(response);
    const visitor = await findSender(context, request, response, PAGE, fields.get("csrf"));
    if (!visitor) return;
    const action = serverPath(context, PAGE);
    if (fields.get("sign-out") !== undefined) {
      await endLoginSession(context, request, response);
      const { host } = new URL(context.issuer);
      return sendPage(response, 200, signedOutPage({ host, action }));
    }
    const passkey = fields.get("remove-passkey");
    if (passkey !== undefined) {
      const isRemoved = await endPasskey(context, visitor, passkey);
      return seeOther(response, isRemoved ? `${action}?done=removed` : action);
    }
    await endAccess(context, visitor.identity.subject, fields.get("end"));
    seeOther(response, action);
  };
}

async function passkeysFor(
  context: ServerContext,
  identity: Identity,
): Promise<Pick<AccountPage, "passkeys" | "addPasskey">> {
  const record = await accountOf(context, identity);
  if (!record) return { passkeys: undefined, addPasskey: undefined };
  const passkeys = (await passkeysOf(context, record)).map(({ id, passkey }) => {
    const { label, createdAt, lastUsedAt } = passkey;
    return { id, label, since: createdAt, lastUsed: lastUsedAt };
  });
  const isOffered = relyingPartyOf(context.config) !== undefined;
  return { passkeys, addPasskey: isOffered ? serverPath(context, `${PAGE}/passkey`) : undefined };
}

async function endPasskey(
  context: ServerContext,
  { secret, identity }: Visitor,
  id: string,
): Promise<boolean> {
  if (!(await removePasskey(context, secret, identity, id))) return false;
  const at = epochSeconds(context.clock);
  const { subject } = identity;
  context.events.publish({ type: "account.changed", at, subject, change: "passkey removed" });
  return true;
}

/** @param which a grant id, or `all` */
async function endAccess(
  context: ServerContext,
  subject: string,
  which: string | undefined,
): Promise<void> {
  const { store } = context;
  for (const { grantId } of await all(store, "grant", { subject })) {
    if (which === "all" || which === grantId) await endGrant(context, grantId, "revoked by person");
  }
  if (which !== "all") return;
  // Also where no grant is left.
  for await (const { id } of records(store, "consent", { subject })) {
    await store.delete("consent", id);
  }
}

async function accessOf(context: ServerContext, grant: GrantRecord): Promise<Access> {
  const { grantId, clientId, resource, scopes, createdAt, lastUsedAt } = grant;
  const client = await findClient(context, clientId).catch(() => undefined);
  return {
    grantId,
    clientName: client?.metadata.client_name,
    clientHost: client && hostOf(client),
    service: context.resources.named(resource)?.name ?? resource,
    abilities: scopes.map((scope) => inPlainWords(context, resource, scope)),
    since: createdAt,
    lastUsed: lastUsedAt,
  };
}

function hostOf({ clientId, via, metadata }: ClientRecord): string | undefined {
  if (via === "document") return new URL(clientId).host;
  const [uri] = metadata.redirect_uris;
  if (uri === undefined) return undefined;
  const { protocol, host } = new URL(uri);
  return host === "" ? protocol : host;
}
