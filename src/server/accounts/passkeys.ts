/**
 * Passkeys of the gateway's own accounts: their life in the store.
 *
 *   (logged in a moment ago) -> challenge -> added -> used ... -> removed by the person, or with the account's access
 *
 * An account names its passkeys, and each change of them replaces the account as it was read. So a reset or removal by the
 * operator ends all there are in that instant, one that is being added in it is not, and a record left behind opens nothing.
 */
import type { Identity } from "../../auth-info.ts";
import { epochSeconds } from "../../clock.ts";
import { OAuthError } from "../../errors.ts";
import { deriveToken, digest, equalInConstantTime, randomId } from "../../random.ts";
import type { ServerContext } from "../context.ts";
import type { AccountRecord } from "../store/account-records.ts";
import type { PasskeyChallengeRecord, PasskeyRecord } from "../store/passkey-records.ts";
import type { Operation } from "../store/store.ts";
import { makerOf } from "./passkey-makers.ts";
import {
  checkAssertion,
  checkCreation,
  parseAssertion,
  passkeyRefused,
  type RelyingParty,
} from "./passkey-ceremony.ts";

type Deciding = Pick<ServerContext, "clock" | "store">;

const CHALLENGE_TTL = 300; // seconds

/**
 * @param answer JSON of the browser's @param challenge given to it with this very login
 * @returns whose passkey it is
 * @throws OAuthError access_denied
 */
export async function verifyPasskey(
  { clock, store }: Deciding,
  party: RelyingParty,
  answer: string,
  challenge: string,
): Promise<AccountRecord> {
  const assertion = parseAssertion(answer);
  const id = digest(assertion.id);
  const seen = await store.get("passkey", id);
  const account = seen && (await store.get("account", seen.account));
  if (!seen || !account?.passkeys?.ids.includes(id)) {
    throw new OAuthError(
      "access_denied",
      "This gateway does not know that passkey, or it was removed. Use your password",
    );
  }
  const { userHandle } = assertion.response;
  if (!equalInConstantTime(userHandle, account.passkeys.userHandle)) {
    throw passkeyRefused("passkey: it was made for another person");
  }
  const counter = await checkAssertion(party, assertion, challenge, seen);
  if ((counter > 0 || seen.counter > 0) && counter <= seen.counter) {
    // Web Authentication §7.2, step 22.
    throw new OAuthError(
      "access_denied",
      "This passkey has counted backwards, so there may be a copy of it. Use your password, and remove the passkey",
      { detail: `passkey: ${id} of ${account.name} counts ${counter} after ${seen.counter}` },
    );
  }
  const next = { ...seen, counter, lastUsedAt: epochSeconds(clock) };
  const isFirst = await store.replace("passkey", id, seen, next);
  if (!isFirst) throw passkeyRefused("passkey: used or removed in the same instant");
  return account;
}

/** @returns whose account the login is; undefined when its access was changed since, or the login is of another provider */
export async function accountOf(
  { store }: Pick<Deciding, "store">,
  { account: own }: Identity,
): Promise<AccountRecord | undefined> {
  const account = own && (await store.get("account", own.name));
  return account?.credential === own?.credential ? account : undefined;
}

/** Of one account, oldest first. */
export async function passkeysOf(
  { store }: Pick<Deciding, "store">,
  { passkeys }: AccountRecord,
): Promise<{ id: string; passkey: PasskeyRecord }[]> {
  const found = (passkeys?.ids ?? []).map(async (id) => {
    const passkey = await store.get("passkey", id);
    return passkey ? [{ id, passkey }] : [];
  });
  return (await Promise.all(found)).flat();
}

/**
 * What the next passkey has to sign, in the browser of this login session; the one before is worth nothing any more.
 * @param secret the session's cookie
 */
export async function challengePasskey(
  { store }: Pick<Deciding, "store">,
  secret: string,
  account: AccountRecord,
): Promise<{ challenge: string; userHandle: string }> {
  const userHandle = account.passkeys?.userHandle ?? randomId();
  const record = { nonce: randomId(), userHandle };
  await store.put("passkeyChallenge", digest(secret), record, CHALLENGE_TTL);
  return { challenge: challengeOf(secret, record), userHandle };
}

/**
 * @param secret the cookie of the login session in which the challenge was given
 * @param options.answer JSON of the browser's @param options.label the person's word for it, may be empty
 * @throws OAuthError access_denied
 */
export async function addPasskey(
  { clock, store }: Deciding,
  party: RelyingParty,
  secret: string,
  { account, answer, label }: { account: AccountRecord; answer: string; label: string },
): Promise<void> {
  const given = await store.take("passkeyChallenge", digest(secret));
  if (!given) {
    throw new OAuthError(
      "access_denied",
      "That took longer than five minutes, or this page is open twice. Try again",
    );
  }
  const { aaguid, ...created } = await checkCreation(party, answer, challengeOf(secret, given));
  const ids = account.passkeys?.ids ?? [];
  const id = digest(created.credentialId);
  const passkey: PasskeyRecord = {
    ...created,
    account: account.name,
    label: label === "" ? makerOf(aaguid) : label,
    createdAt: epochSeconds(clock),
  };
  const { userHandle } = given;
  const isSame = account.passkeys === undefined || account.passkeys.userHandle === userHandle;
  const isDone =
    isSame &&
    (await store.transact([
      ...changing(account, { ...account, passkeys: { userHandle, ids: [...ids, id] } }),
      { type: "check", kind: "passkey", id, seen: undefined },
      { type: "put", kind: "passkey", id, record: passkey },
    ]));
  if (!isDone) throw passkeyRefused("passkey: known already, or the account has just changed");
}

/**
 * Also ends every other login of the person: one of them may be that of whoever holds the passkey now. The login in this
 * browser goes on.
 * @param secret the cookie of its session
 * @returns false when there is no such passkey, or something has just changed
 */
export async function removePasskey(
  { store }: Pick<Deciding, "store">,
  secret: string,
  identity: Identity,
  id: string,
): Promise<boolean> {
  const session = digest(secret);
  const login = await store.get("loginSession", session);
  const account = await accountOf({ store }, identity);
  if (!login || !account?.passkeys?.ids.includes(id)) return false;
  const { passkeys, ...rest } = account;
  const ids = passkeys.ids.filter((one) => one !== id);
  const credential = randomId();
  const next = { ...rest, credential, ...(ids.length > 0 && { passkeys: { ...passkeys, ids } }) };
  const renewed = {
    ...login,
    identity: { ...identity, account: { name: account.name, credential } },
  };
  return store.transact([
    ...changing(account, next),
    { type: "delete", kind: "passkey", id },
    { type: "check", kind: "loginSession", id: session, seen: login },
    { type: "put", kind: "loginSession", id: session, record: renewed, ttl: "keep" },
  ]);
}

/** What else goes with an account, or with all access to it. */
export function endPasskeys(account: AccountRecord | undefined): Operation[] {
  const ids = account?.passkeys?.ids ?? [];
  return ids.map((id): Operation => ({ type: "delete", kind: "passkey", id }));
}

function challengeOf(secret: string, { nonce }: PasskeyChallengeRecord): string {
  return deriveToken(secret, `passkey challenge ${nonce}`);
}

function changing(seen: AccountRecord, next: AccountRecord): Operation[] {
  const { name: id } = seen;
  return [
    { type: "check", kind: "account", id, seen },
    { type: "put", kind: "account", id, record: next },
  ];
}
