/**
 * The gateway's own accounts: their life in the store.
 *
 *   add -> invited -> (the person sets a password) -> active -> reset -> invited ... -> removed
 *
 * `credential` ties logins to the access they were made with. A login that is under way while the operator resets or removes
 * the account is over as well: whoever makes a grant checks the account in the same step (`checksOfLogin`).
 */
import type { Identity } from "../../auth-info.ts";
import { ACCOUNT_NAME } from "../../config/accounts.ts";
import { digest, randomId, randomToken } from "../../random.ts";
import type { Config } from "../../config.ts";
import type { ServerContext } from "../context.ts";
import type { AccountDirectory } from "../identity/identity-provider.ts";
import type { AccountRecord } from "../store/account-records.ts";
import type { Operation } from "../store/store.ts";
import { relyingPartyOf } from "./passkey-ceremony.ts";
import { endPasskeys, verifyPasskey } from "./passkeys.ts";
import { hashPassword, isPassword } from "./password.ts";

type Deciding = Pick<ServerContext, "clock" | "store">;

/** What the identity provider may know of accounts. */
export function createAccountDirectory({
  config,
  ...context
}: Deciding & { config: Config }): AccountDirectory {
  const { store } = context;
  const party = relyingPartyOf(config);
  return {
    ...(party && {
      passkeys: {
        rpId: party.id,
        verify: (answer, challenge) => verifyPasskey(context, party, answer, challenge),
      },
    }),
    async verify(typed, password) {
      const name = typed.trim().toLowerCase();
      const account = ACCOUNT_NAME.test(name) ? await store.get("account", name) : undefined;
      const isRight = await isPassword(password, account?.password);
      return isRight ? account : undefined;
    },
  };
}

/** How a person will prove who it is: by a password that is known already, or by one they set at a link. */
export type Access = { password: string } | { invitation: number };

/** What of an account no new access changes. */
type Person = Pick<AccountRecord, "name" | "fullName" | "email" | "createdAt">;

export function personOf(account: AccountRecord): Person {
  const { credential: _1, password: _2, invitation: _3, passkeys: _4, ...person } = account;
  return person;
}

/**
 * What an account becomes with new access, and the steps to it; all access from before ends with them.
 * @param access.invitation seconds the link works
 * @returns the token of the link, when it is one
 */
export async function prepareAccess(
  { clock }: Deciding,
  account: Person,
  before: AccountRecord | undefined,
  access: Access,
): Promise<{ record: AccountRecord; operations: Operation[]; token?: string }> {
  const { name } = account;
  const rest = { ...account, credential: randomId() };
  const end: Operation[] = [
    { type: "check", kind: "account", id: name, seen: before },
    ...(before?.invitation
      ? [{ type: "delete", kind: "invitation", id: before.invitation.id } as const]
      : []),
    ...endPasskeys(before),
  ];
  if ("password" in access) {
    const record = { ...rest, password: await hashPassword(access.password) };
    return { record, operations: [...end, { type: "put", kind: "account", id: name, record }] };
  }
  const token = randomToken();
  const ttl = access.invitation;
  const expiresAt = Math.floor(clock.now() + ttl);
  const record = { ...rest, invitation: { id: digest(token), expiresAt } };
  const operations: Operation[] = [
    ...end,
    { type: "put", kind: "account", id: name, record },
    { type: "put", kind: "invitation", id: digest(token), record: { account: name }, ttl },
  ];
  return { record, operations, token };
}

/** @returns whose password the link sets; undefined when it was used, is too old, or another one took its place */
export async function findInvited(
  { store }: Pick<Deciding, "store">,
  token: string,
): Promise<AccountRecord | undefined> {
  const id = digest(token);
  const invitation = await store.get("invitation", id);
  const account = invitation && (await store.get("account", invitation.account));
  return account?.invitation?.id === id ? account : undefined;
}

/**
 * Set the password and use the link up. @returns false when somebody was first
 * @throws OAuthError temporarily_unavailable like `hashPassword`
 */
export async function acceptInvitation(
  context: Deciding,
  token: string,
  seen: AccountRecord,
  password: string,
): Promise<boolean> {
  const { operations } = await prepareAccess(context, personOf(seen), seen, { password });
  return context.store.transact([
    { type: "checkExists", kind: "invitation", id: digest(token) },
    ...operations,
  ]);
}

/**
 * What has to hold at the very moment in which something is given out because of a login.
 * @returns undefined when it is over: the account is gone or has another password
 */
export async function checksOfLogin(
  { store }: Pick<Deciding, "store">,
  { account }: Identity,
): Promise<Operation[] | undefined> {
  if (account === undefined) return [];
  const seen = await store.get("account", account.name);
  if (seen?.credential !== account.credential) return undefined;
  return [{ type: "check", kind: "account", id: account.name, seen }];
}
