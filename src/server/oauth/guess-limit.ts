/**
 * How often passwords may be tried on our own login page, whatever comes of it, within fifteen minutes: for one account from one
 * source, from one source for any, and for one account from anywhere. Each try takes its number before the password is looked
 * at, so however many are sent at once, none is looked at beyond the limit.
 *
 * Nothing is locked: when the fifteen minutes are over the same password works again. Names that do not exist are counted like
 * those that do. What one source tries beyond its own limit does not count against the account, so one attacker alone
 * cannot keep the person out.
 */
import type { Request } from "express";
import { digest } from "../../random.ts";
import type { ServerContext } from "../context.ts";
import { sourceAddress } from "../source-address.ts";

export const GUESS_WINDOW = 900; // seconds
const MOST = { source: 100, accountFromSource: 10, account: 100 };

/**
 * @param account undefined for a passkey, which nobody guesses: only its source is counted
 * @returns whether this try is one too many
 */
export async function isGuessedTooOften(
  { config, store }: Pick<ServerContext, "config" | "store">,
  request: Request,
  account: string | undefined,
): Promise<boolean> {
  const source = sourceAddress(config, request);
  const count = (kind: keyof typeof MOST, ...key: string[]): Promise<number> =>
    store.increment(`guesses ${kind} ${digest(JSON.stringify(key)).slice(0, 22)}`, GUESS_WINDOW);
  // The source first: one that is over its limit begins no more counters.
  if ((await count("source", source)) > MOST.source) return true;
  if (account === undefined) return false;
  const name = account.trim().toLowerCase();
  if ((await count("accountFromSource", name, source)) > MOST.accountFromSource) return true;
  return (await count("account", name)) > MOST.account;
}
