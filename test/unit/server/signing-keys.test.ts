import { calculateJwkThumbprint, compactVerify, decodeProtectedHeader } from "jose";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createSigningKeys, type SigningKeys } from "../../../src/server/signing-keys.ts";
import { createServerContext, type TestContext } from "../../support/server-context.ts";

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;
const AHEAD = 15 * MINUTE;

let context: TestContext;
let others: SigningKeys[];

beforeEach(async () => {
  context = await createServerContext();
  others = [];
});
afterEach(async () => {
  for (const keys of others) await keys.close();
  await context.close();
});

/** Another process on the same store. */
async function replica(): Promise<SigningKeys> {
  const keys = await createSigningKeys(context);
  others.push(keys);
  return keys;
}

const signer = async (keys: SigningKeys): Promise<string> =>
  decodeProtectedHeader(await keys.sign({}, "at+jwt")).kid!;
const published = async (keys: SigningKeys): Promise<string[]> =>
  (await keys.jwks()).keys.map(({ kid }) => kid!);
const states = async (keys: SigningKeys): Promise<string[]> =>
  (await keys.list()).map(({ state }) => state);

describe("signing keys", () => {
  it("sign with ES256 under a kid that is the key's own thumbprint (RFC 7638)", async () => {
    const jwt = await context.keys.sign({ sub: "x" }, "at+jwt");
    const [key] = (await context.keys.jwks()).keys;
    expect(decodeProtectedHeader(jwt)).toEqual({ alg: "ES256", typ: "at+jwt", kid: key!.kid });
    expect(await calculateJwkThumbprint(key!)).toBe(key!.kid);
    const verifies = (await context.keys.verificationKey(key!.kid!))!;
    await compactVerify(jwt, verifies, { algorithms: ["ES256"] });
  });

  it("publish public members only (RFC 7517 §9.2, JW-27)", async () => {
    await context.keys.rotate({ isEmergency: false });
    const { keys } = await context.keys.jwks();
    expect(keys).toHaveLength(2);
    for (const key of keys) {
      expect(Object.keys(key).toSorted()).toEqual(["alg", "crv", "kid", "kty", "use", "x", "y"]);
      expect(key).toMatchObject({ alg: "ES256", use: "sig" });
    }
  });

  it("yield other secrets, each of its own, the same on every replica and after a rotation", async () => {
    const before = await context.keys.derive("a");
    expect(before.map(({ length }) => length)).toEqual([32]);
    expect(await context.keys.derive("b")).not.toEqual(before);
    await context.keys.rotate({ isEmergency: false });
    const after = await context.keys.derive("a");
    expect(after).toHaveLength(2);
    expect(after[1]).toEqual(before[0]);
    expect(await (await replica()).derive("a")).toEqual(after);
    await context.keys.rotate({ isEmergency: true });
    for (const gone of after) expect(await context.keys.derive("a")).not.toContainEqual(gone);
  });

  it("know no key under any other id", async () => {
    for (const kid of ["", "x", "__proto__", "../../dev/null"]) {
      expect(await context.keys.verificationKey(kid)).toBeUndefined();
    }
  });

  it("are kept by the store, so that tokens survive a restart", async () => {
    const before = await context.keys.jwks();
    context = await context.reopen();
    expect(await context.keys.jwks()).toEqual(before);
  });

  it("are one and the same for all replicas that start at once", async () => {
    const ring = (await context.store.get("keyRing", "signing"))!;
    await context.store.delete("keyRing", "signing");
    for (const kid of ring.kids) await context.store.delete("signingKey", kid);
    const all = await Promise.all(Array.from({ length: 8 }, replica));
    const kids = new Set((await Promise.all(all.map(published))).flat());
    expect(kids.size).toBe(1);
    expect((await context.store.list("signingKey")).items).toHaveLength(1);
  });

  it("take over the keys of a store that has no ring yet", async () => {
    const before = await context.keys.jwks();
    await context.store.delete("keyRing", "signing");
    expect(await (await replica()).jwks()).toEqual(before);
  });
});

describe("rotation", () => {
  it("publishes a key 15 minutes before it signs, and keeps the old one until its tokens died (JW-25)", async () => {
    const [old] = await published(context.keys);
    const { kid, removed } = await context.keys.rotate({ isEmergency: false });
    expect(removed).toEqual([]);
    expect(await published(context.keys)).toEqual([kid, old]);
    expect(await states(context.keys)).toEqual(["active", "published"]);
    context.clock.advance(AHEAD - 1);
    expect(await signer(context.keys)).toBe(old);
    context.clock.advance(1);
    expect(await signer(context.keys)).toBe(kid);
    expect(await states(context.keys)).toEqual(["retiring", "active"]);
    // Its last token may have been signed a moment ago and lives an hour; a minute is for clocks that differ.
    context.clock.advance(HOUR + MINUTE - 1);
    expect(await context.keys.verificationKey(old!)).toBeDefined();
    context.clock.advance(1);
    expect(await context.keys.verificationKey(old!)).toBeUndefined();
    expect(await published(context.keys)).toEqual([kid]);
    context.clock.advance(MINUTE);
    await vi.waitFor(async () =>
      expect(await context.store.get("signingKey", old!)).toBeUndefined(),
    );
    await vi.waitFor(() =>
      expect(context.happened).toContainEqual(
        expect.objectContaining({ type: "key.removed", kid: old, isEmergency: false }),
      ),
    );
  });

  it("keeps a key for tokens that were given a longer life before the configuration changed", async () => {
    const [old] = await published(context.keys);
    const { clock } = context;
    const long = await createSigningKeys({
      ...context,
      config: { ...context.config, tokens: { ...context.config.tokens, accessToken: DAY } },
    });
    others.push(long);
    await context.keys.rotate({ isEmergency: false });
    clock.advance(AHEAD + DAY);
    expect(await context.keys.verificationKey(old!)).toBeDefined();
    clock.advance(2 * MINUTE);
    expect(await context.keys.verificationKey(old!)).toBeUndefined();
  });

  it("refuses a second successor while the first has not signed yet", async () => {
    await context.keys.rotate({ isEmergency: false });
    await expect(context.keys.rotate({ isEmergency: false })).rejects.toThrow("published already");
  });

  it("happens by itself when the key is 90 days old", async () => {
    const [old] = await published(context.keys);
    context.clock.advance(90 * DAY - AHEAD - 2 * MINUTE);
    await new Promise(setImmediate);
    expect(await published(context.keys)).toEqual([old]);
    context.clock.advance(2 * MINUTE);
    await vi.waitFor(async () => expect(await published(context.keys)).toHaveLength(2));
    expect(await signer(context.keys)).toBe(old);
    context.clock.advance(AHEAD);
    expect(await signer(context.keys)).not.toBe(old);
  });

  it("is made up for at the start when the gateway was off at the time", async () => {
    const [old] = await published(context.keys);
    await context.keys.close();
    context.clock.advance(200 * DAY);
    context = await context.reopen();
    expect(await published(context.keys)).toHaveLength(2);
    expect(await signer(context.keys)).toBe(old);
  });

  it("happens once, however many replicas see that it is time", async () => {
    const all = [context.keys, ...(await Promise.all([replica(), replica(), replica()]))];
    context.clock.advance(90 * DAY);
    await vi.waitFor(async () => {
      for (const keys of all) expect(await published(keys)).toHaveLength(2);
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await context.store.list("signingKey")).items).toHaveLength(2);
  });

  it("is one of two that operators ask for at once", async () => {
    const other = await replica();
    const outcomes = await Promise.allSettled(
      [context.keys, other].map((keys) => keys.rotate({ isEmergency: false })),
    );
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  });
});

describe("emergency rotation", () => {
  it("removes every key at once, on every replica, with no moment between (JW-26)", async () => {
    const other = await replica();
    const [old] = await published(other);
    const { kid, removed } = await context.keys.rotate({ isEmergency: true });
    expect(removed).toEqual([old]);
    for (const keys of [context.keys, other]) {
      expect(await keys.verificationKey(old!)).toBeUndefined();
      expect(await signer(keys)).toBe(kid);
      expect(await published(keys)).toEqual([kid]);
    }
    expect(await context.store.get("signingKey", old!)).toBeUndefined();
    expect(context.happened).toContainEqual(
      expect.objectContaining({ type: "key.removed", kid: old, isEmergency: true }),
    );
  });

  it("takes a published successor away too: it lay in the same store", async () => {
    const { kid: successor } = await context.keys.rotate({ isEmergency: false });
    const { removed } = await context.keys.rotate({ isEmergency: true });
    expect(removed).toContain(successor);
    expect(await published(context.keys)).toHaveLength(1);
  });

  it("wins over an ordinary one at the same time: no old key is left", async () => {
    const other = await replica();
    const before = await published(context.keys);
    await Promise.allSettled([
      other.rotate({ isEmergency: false }),
      context.keys.rotate({ isEmergency: true }),
      other.rotate({ isEmergency: true }),
    ]);
    const after = await published(context.keys);
    expect(after.filter((kid) => before.includes(kid))).toEqual([]);
    expect(await published(other)).toEqual(after);
  });
});
