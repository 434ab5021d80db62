/**
 * Key sets of others, behind a `jwks_uri` (RFC 7517 §5): remembered, so that neither we nor they depend on each other for every
 * request, and bounded, because strangers name the addresses.
 *
 * A set is fresh for five minutes. When no key in it fits, it may have been rotated: it is fetched anew, but not more often than
 * every half minute, whatever a stranger writes into `kid`. When it cannot be fetched the last good one serves for a
 * day more. Requests that need the same set at the same moment share one fetch.
 */
import type { JsonWebKey } from "node:crypto";
import { z } from "zod";
import type { Clock } from "../../clock.ts";
import { OAuthError } from "../../errors.ts";
import type { GuardedFetch } from "../guarded-fetch.ts";
import { parseStrictJson } from "../strict-json.ts";

/** @returns the keys at `uri`; none when they cannot be had. @throws OAuthError temporarily_unavailable when we are too busy */
export type RemoteKeys = (
  uri: string,
  isWanted: (key: JsonWebKey) => boolean,
) => Promise<readonly JsonWebKey[]>;

const FRESH = 300; // seconds
const PAUSE = 30; // seconds between two fetches of one set
const STALE = 86_400; // seconds
const MOST_SETS = 1000;
const MOST_KEYS = 50; // in one set
const BYTES = 64 * 1024;

interface Entry {
  keys: readonly JsonWebKey[];
  /** When `keys` was fetched; long ago when never. */
  fetchedAt: number;
  triedAt: number;
  fetching?: Promise<void>;
}

const schema = z.object({
  keys: z.array(z.record(z.string(), z.unknown())).max(MOST_KEYS),
});

export function createRemoteKeys(settings: { clock: Clock; fetch: GuardedFetch }): RemoteKeys {
  const { clock, fetch } = settings;
  const entries = new Map<string, Entry>();

  function entryOf(uri: string): Entry {
    const entry = entries.get(uri) ?? { keys: [], fetchedAt: -Infinity, triedAt: -Infinity };
    // Put at the end again: a Map iterates in order of insertion, so the first is the one unused for longest.
    entries.delete(uri);
    entries.set(uri, entry);
    if (entries.size > MOST_SETS) entries.delete(entries.keys().next().value!);
    return entry;
  }

  async function renew(uri: string, entry: Entry): Promise<void> {
    const fetched = await fetch(uri, { bytes: BYTES });
    if (!fetched.isFetched && fetched.isBusy) {
      throw new OAuthError("temporarily_unavailable", "Too much is under way", {
        detail: `key set: ${fetched.reason}`,
      });
    }
    entry.triedAt = clock.now();
    const keys = fetched.isFetched ? readKeys(fetched.text) : undefined;
    if (!keys) return;
    entry.keys = keys;
    entry.fetchedAt = clock.now();
  }

  return async (uri, isWanted) => {
    const entry = entryOf(uri);
    const age = (): number => clock.now() - entry.fetchedAt;
    const isEnough = age() < FRESH && entry.keys.some(isWanted);
    if (!isEnough && clock.now() - entry.triedAt >= PAUSE) {
      entry.fetching ??= renew(uri, entry).finally(() => delete entry.fetching);
      await entry.fetching;
    }
    return age() < FRESH + STALE ? entry.keys : [];
  };
}

/** Secret keys are nobody's public keys: left out. @returns undefined when it is no key set */
function readKeys(text: string): readonly JsonWebKey[] | undefined {
  try {
    const parsed = schema.safeParse(parseStrictJson(text));
    return parsed.success
      ? parsed.data.keys.filter((key) => !("d" in key) && !("k" in key))
      : undefined;
  } catch {
    return undefined;
  }
}
