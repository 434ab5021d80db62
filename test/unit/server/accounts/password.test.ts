import { scryptSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { hashPassword, isPassword } from "../../../../src/server/accounts/password.ts";
import { passwordProblem } from "../../../../src/server/accounts/password-rules.ts";
import type { PasswordHash } from "../../../../src/server/store/account-records.ts";

/** As another version may have stored it, and quick to compute. */
const cheap: PasswordHash = {
  algorithm: "scrypt",
  cost: 2,
  blockSize: 8,
  parallelization: 1,
  salt: "a salt",
  hash: scryptSync("right", "a salt", 32, { cost: 2, blockSize: 8, parallelization: 1 }).toString(
    "base64url",
  ),
};

describe("a stored password", () => {
  it("is known again, in every way of writing its letters, and no other is", async () => {
    const stored = await hashPassword("fünf alte Männer");
    expect(stored).toMatchObject({ algorithm: "scrypt", cost: 32_768, blockSize: 8 });
    expect(JSON.stringify(stored)).not.toContain("alte");
    expect(await isPassword("fünf alte Männer".normalize("NFD"), stored)).toBe(true);
    expect(await isPassword("fünf alte Männer ", stored)).toBe(false);
  });

  it("is computed with the parameters it was stored with", async () => {
    expect(await isPassword("right", cheap)).toBe(true);
    expect(await isPassword("wrong", cheap)).toBe(false);
  });

  it("is never right where there is none", async () => {
    expect(await isPassword("", undefined)).toBe(false);
  });

  it("waits in a short queue, and whoever comes when it is full is sent away (AC-03)", async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 60 }, () => isPassword("right", cheap)),
    );
    const refused = results.filter(({ status }) => status === "rejected");
    expect(refused).toHaveLength(60 - 2 - 32);
    for (const result of refused) {
      expect(result).toMatchObject({ reason: { code: "temporarily_unavailable", status: 503 } });
    }
    expect(await isPassword("right", cheap)).toBe(true);
  });
});

describe("passwordProblem", () => {
  const ada = { name: "ada.lovelace", fullName: "Ada Lovelace", email: "ada.lovelace@acme.com" };

  it.each([
    "Ada Lovelace",
    "ada.lovelace",
    "ada.lovelace@acme.com",
    "adalovelace2026",
    "ada.lovelaceada.lovelace",
    "password1234",
    "Pass-word 1234!",
    "correct horse battery staple",
    "aaaaaaaaaaaa",
    "abcabcabcabc",
    "234567890123",
    "short",
    "x".repeat(201),
  ])("refuses %s", (password) => {
    expect(passwordProblem(password, ada, 12)).toMatch(/\.$/);
  });

  it.each([
    "seven tin soldiers",
    "sieben zinnsoldaten",
    "x7!kQ2pLm9#zR",
    "        a b c",
    "🎩".repeat(5) + "soldier",
  ])("takes %s", (password) => expect(passwordProblem(password, ada, 12)).toBeUndefined());
});
