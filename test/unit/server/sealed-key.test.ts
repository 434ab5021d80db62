import { describe, expect, it } from "vitest";
import { createKeySeal } from "../../../src/server/sealed-key.ts";
import type { SigningKeyRecord } from "../../../src/server/store/key-records.ts";

const FIRST = "the first secret, long enough";
const SECOND = "the second secret, long enough";
const jwk = { kty: "EC", crv: "P-256", x: "x", y: "y", d: "the private part" };
const bare: SigningKeyRecord = {
  kid: "kid-1",
  algorithm: "ES256",
  createdAt: 1,
  signsFrom: 2,
  tokenLife: 3,
};

/** What opens is slow on purpose: one for all tests that need no other. */
const seal = createKeySeal([FIRST]);

async function sealed(): Promise<Required<SigningKeyRecord>> {
  const record = await seal.close({ ...bare, privateJwk: jwk }, jwk);
  return record as Required<SigningKeyRecord>;
}

describe("a sealed key", () => {
  it("has nothing in clear, and opens with its secret", async () => {
    const record = await sealed();
    expect(record).toMatchObject(bare);
    expect(record).not.toHaveProperty("privateJwk");
    expect(JSON.stringify(record)).not.toContain(jwk.d);
    expect(JSON.stringify(record)).not.toContain(FIRST);
    expect(await createKeySeal([FIRST]).open(record)).toEqual(jwk);
    expect(await createKeySeal([SECOND, FIRST]).open(record)).toEqual(jwk);
  });

  it("is never sealed twice to the same text", async () => {
    const [one, two] = await Promise.all([seal.close(bare, jwk), seal.close(bare, jwk)]);
    expect(one.sealedJwk!.nonce).not.toBe(two.sealedJwk!.nonce);
    expect(one.sealedJwk!.text).not.toBe(two.sealedJwk!.text);
  });

  it("does not open without a secret, or with another", async () => {
    const record = await sealed();
    await expect(createKeySeal([]).open(record)).rejects.toThrow("keys.encryption is not set");
    await expect(createKeySeal([SECOND]).open(record)).rejects.toThrow("another secret");
  });

  it.each(["text", "nonce"] as const)("does not open when its %s was changed", async (member) => {
    const record = await sealed();
    const bytes = Buffer.from(record.sealedJwk[member], "base64url");
    bytes[0]! ^= 1;
    const changed = { ...record.sealedJwk, [member]: bytes.toString("base64url") };
    await expect(seal.open({ ...record, sealedJwk: changed })).rejects.toThrow("is damaged");
  });

  it.each(["", "AAAA"])("does not open when its text is cut to %j", async (text) => {
    const record = await sealed();
    const cut = { ...record, sealedJwk: { ...record.sealedJwk, text } };
    await expect(seal.open(cut)).rejects.toThrow("is damaged");
  });

  it("cannot be passed off as another key", async () => {
    const record = await sealed();
    await expect(seal.open({ ...record, kid: "kid-2" })).rejects.toThrow("is damaged");
  });

  it("is stale when it is in clear or sealed by a secret that is not the first", async () => {
    const record = await sealed();
    expect(await seal.isStale(record)).toBe(false);
    expect(await createKeySeal([SECOND, FIRST]).isStale(record)).toBe(true);
    expect(await seal.isStale({ ...bare, privateJwk: jwk })).toBe(true);
    expect(await createKeySeal([]).isStale({ ...bare, privateJwk: jwk })).toBe(false);
  });

  it("refuses a secret that could be guessed", () => {
    expect(() => createKeySeal(["short"])).toThrow("less than 16 characters");
    expect(() => createKeySeal([FIRST, "short"])).toThrow("less than 16 characters");
  });
});
