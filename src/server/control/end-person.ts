/**
 * The end of what a person with an account of the gateway's own has allowed, in the same step as what ends it.
 */
import type { Ended } from "../../control/accounts.ts";
import type { GrantEnd } from "../../events.ts";
import { endGrant, publishEnd } from "../oauth/grant.ts";
import type { GrantRecord } from "../store/records.ts";
import type { Operation } from "../store/store.ts";
import { all, records } from "./all-records.ts";
import type { ControlContext } from "./control-route.ts";

/**
 * Make the changes and end the grants of `person`, in one step; none when it is undefined.
 * @returns undefined when something had changed; nothing was done then
 */
export async function transactEnding(
  context: ControlContext,
  operations: readonly Operation[],
  person: { name: string; subject: string } | undefined,
  reason: GrantEnd,
): Promise<Ended | undefined> {
  const { store, bridge } = context;
  const grants = person ? await grantsOf(context, person.name) : [];
  const ids = new Set(grants.map(({ grantId }) => grantId));
  const tokens = (await all(store, "accessToken")).filter(({ grantId }) => ids.has(grantId));
  const sessions = bridge.sessions().filter(({ grantId }) => ids.has(grantId));
  const consents: Operation[] = [];
  for await (const { id, record } of records(store, "consent")) {
    if (record.subject === person?.subject) consents.push({ type: "delete", kind: "consent", id });
  }
  const isDone = await store.transact([
    ...operations,
    // Whoever gets the name next has allowed nothing.
    ...consents,
    ...grants.flatMap(({ grantId }): Operation[] => [
      { type: "checkExists", kind: "grant", id: grantId },
      { type: "deleteGrant", grantId },
    ]),
  ]);
  if (!isDone) return undefined;
  for (const grant of grants) {
    publishEnd(context, grant, reason);
    await bridge.end({ grantId: grant.grantId }, reason);
  }
  // What a login under way has written since the list was made; from now on none can.
  const late = person ? await grantsOf(context, person.name) : [];
  for (const { grantId } of late) {
    await endGrant(context, grantId, reason);
    await bridge.end({ grantId }, reason);
  }
  return {
    grants: grants.length + late.length,
    accessTokens: tokens.length,
    sessions: sessions.length,
  };
}

export async function grantsOf({ store }: ControlContext, name: string): Promise<GrantRecord[]> {
  return (await all(store, "grant")).filter(isOf(name));
}

export function isOf(name: string): (grant: GrantRecord) => boolean {
  return ({ identity }) => identity.account?.name === name;
}
