/**
 * The life of a device code, RFC 8628: a device that has no browser asks here, and a person answers in a browser elsewhere.
 *
 *     pending --a browser enters the user code--> claimed --Allow--> approved --the device polls--> gone, tokens
 *                                                         --Cancel-> denied
 *
 * The device code is a secret of 256 bits, stored as its digest. The user code is short, because somebody types it: 20^8
 * possibilities. It is stored as an HMAC under a key that no record holds, so that a leaked store does not tell it; what
 * keeps it from being guessed is that device.ts counts tries, that it lives for ten minutes and that it is worth a consent
 * page, not a token.
 *
 * The first browser that enters a user code has it (`browser`); no other can enter it any more, logged in or not. The user
 * code is deleted with the decision, the device code with its redemption: each is one transaction. A device code that
 * comes back after that is unknown, and the grant lives on: unlike an authorization code it never was in a browser, and a
 * device that polls twice in one instant is no thief.
 */
import type { Identity } from "../../auth-info.ts";
import { epochSeconds } from "../../clock.ts";
import { OAuthError } from "../../errors.ts";
import { digest, keyedDigest, randomToken, randomUserCode } from "../../random.ts";
import type { ServerContext } from "../context.ts";
import type { DeviceCodeRecord, InteractionRecord } from "../store/records.ts";
import type { Operation } from "../store/store.ts";
import { checksOfGiving, newGrant } from "./grant.ts";

/** Life of both codes. */
export const DEVICE_CODE_TTL = 600; // seconds
/** Least time between two polls, unless a device comes too soon. */
export const POLL_INTERVAL = 5; // seconds
const SLOWER = 5; // seconds more after each poll that came too soon, RFC 8628 §3.5
const SLOWEST = 60; // seconds; from here on a flood of polls writes nothing
const JITTER = 1; // seconds a poll may come early: networks are not metronomes
const USER_CODE_LENGTH = 8;
/** Each failed attempt means that somebody else changed the record. */
const ATTEMPTS = 8;

/** @returns the two codes; the user code as it is shown, XXXX-XXXX */
export async function startDeviceCode(
  context: ServerContext,
  wanted: Pick<DeviceCodeRecord, "clientId" | "resource" | "scopes">,
): Promise<{ deviceCode: string; userCode: string }> {
  const deviceCode = randomToken();
  for (;;) {
    const userCode = randomUserCode(USER_CODE_LENGTH);
    const [userCodeId] = await userCodeIds(context, userCode);
    const id = digest(deviceCode);
    const isNew = await context.store.transact([
      { type: "check", kind: "userCode", id: userCodeId!, seen: undefined },
      {
        type: "put",
        kind: "userCode",
        id: userCodeId!,
        record: { device: id },
        ttl: DEVICE_CODE_TTL,
      },
      {
        type: "put",
        kind: "deviceCode",
        id,
        record: {
          ...wanted,
          userCodeId: userCodeId!,
          status: "pending",
          interval: POLL_INTERVAL,
          expiresAt: epochSeconds(context.clock) + DEVICE_CODE_TTL,
        },
        // Twice as long: a device that polls too late is told that it is too late.
        ttl: 2 * DEVICE_CODE_TTL,
      },
    ]);
    if (isNew) return { deviceCode, userCode: shownUserCode(userCode)! };
  }
}

/** What a person typed as it is shown, XXXX-XXXX; undefined when it cannot be a user code. Case and signs do not count. */
export function shownUserCode(typed: string): string | undefined {
  const letters = typed.toUpperCase().replaceAll(/[^A-Z0-9]/g, "");
  if (letters.length !== USER_CODE_LENGTH) return undefined;
  return `${letters.slice(0, USER_CODE_LENGTH / 2)}-${letters.slice(USER_CODE_LENGTH / 2)}`;
}

/**
 * A browser enters a user code: from now on it is that browser's.
 * @param browser digest of a secret that only this browser has
 * @returns the device code's id and record; undefined when there is none, it is over, or another browser has entered it
 */
export async function claimUserCode(
  context: ServerContext,
  typed: string,
  browser: string,
): Promise<{ id: string; record: DeviceCodeRecord } | undefined> {
  const userCode = shownUserCode(typed)?.replace("-", "");
  if (userCode === undefined) return undefined;
  for (const userCodeId of await userCodeIds(context, userCode)) {
    const seen = await context.store.get("userCode", userCodeId);
    if (!seen) continue;
    const record = await context.store.get("deviceCode", seen.device);
    if (!record || !isPending(context, record)) return undefined;
    const isClaimed =
      seen.browser === undefined
        ? await context.store.replace("userCode", userCodeId, seen, { ...seen, browser })
        : seen.browser === browser;
    // Lost a race: against itself, when somebody pressed the button twice?
    const owner = isClaimed ? seen : await context.store.get("userCode", userCodeId);
    return isClaimed || owner?.browser === browser ? { id: seen.device, record } : undefined;
  }
  return undefined;
}

/**
 * The person's decision.
 * @param identity who allowed it; undefined when nobody did
 * @throws OAuthError invalid_request when it came too late: to be shown
 */
export async function decideDeviceCode(
  context: ServerContext,
  interaction: InteractionRecord & { device: string },
  identity: Identity | undefined,
): Promise<void> {
  const id = interaction.device;
  const grant = identity && newGrant(context, interaction, identity, interaction.scopes);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const seen = await context.store.get("deviceCode", id);
    if (!seen || !isPending(context, seen)) break;
    const next: DeviceCodeRecord = grant
      ? { ...seen, status: "approved", grantId: grant.grantId }
      : { ...seen, status: "denied" };
    // Until the device comes for it, the grant lives no longer than the code.
    const ttl = seen.expiresAt - context.clock.now();
    const allowed: Operation[] = grant
      ? [
          ...(await checksOfGiving(context, grant)),
          { type: "put", kind: "grant", id: grant.grantId, record: grant, ttl },
        ]
      : [];
    const isDone = await context.store.transact([
      { type: "check", kind: "deviceCode", id, seen },
      { type: "put", kind: "deviceCode", id, record: next, ttl: "keep" },
      { type: "delete", kind: "userCode", id: seen.userCodeId },
      ...allowed,
    ]);
    if (isDone) return;
  }
  throw new OAuthError("invalid_request", "The code has expired, or was answered already", {
    detail: "device code gone, decided, or its client or login ended",
  });
}

/**
 * Whether a pending device polls faster than it was told to. Then it must wait longer from now on, and the wait begins anew.
 */
export async function pollsTooSoon(
  context: ServerContext,
  id: string,
  seen: DeviceCodeRecord,
): Promise<boolean> {
  const { store } = context;
  const count = (interval: number): Promise<number> =>
    store.increment(`device-poll ${id} ${interval}`, interval - JITTER);
  if ((await count(seen.interval)) === 1) return false;
  const interval = Math.min(seen.interval + SLOWER, SLOWEST);
  if (interval !== seen.interval) {
    await count(interval); // first, so that nobody who sees the new interval finds it unused
    await store.replace("deviceCode", id, seen, { ...seen, interval });
  }
  return true;
}

function isPending(context: ServerContext, record: DeviceCodeRecord): boolean {
  return record.status === "pending" && record.expiresAt > context.clock.now();
}

/** Newest key first: the one that new codes are stored under. */
async function userCodeIds(context: ServerContext, userCode: string): Promise<string[]> {
  const keys = await context.keys.derive("user codes");
  return keys.map((key) => keyedDigest(key, userCode));
}
