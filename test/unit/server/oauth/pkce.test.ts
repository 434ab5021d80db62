import { describe, expect, it } from "vitest";
import { isCodeChallenge, provesChallenge } from "../../../../src/server/oauth/pkce.ts";

// The example of RFC 7636 Appendix B.
const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

describe("PKCE, RFC 7636", () => {
  it("accepts the verifier behind the challenge", () => {
    expect(provesChallenge(verifier, challenge)).toBe(true);
  });

  it.each([
    "",
    challenge,
    verifier.slice(0, 42),
    `${verifier}x`,
    verifier.toUpperCase(),
    `${verifier}=`,
  ])("refuses the verifier %j", (other) => expect(provesChallenge(other, challenge)).toBe(false));

  it("refuses verifiers outside of 43 to 128 characters even when they hash right (§4.1)", async () => {
    const { digest } = await import("../../../../src/random.ts");
    for (const length of [42, 129]) {
      const other = "a".repeat(length);
      expect(provesChallenge(other, digest(other))).toBe(false);
    }
  });

  it.each([
    "",
    challenge.slice(1),
    `${challenge}=`,
    `${challenge}A`,
    challenge.replace("-", "+"),
    `${challenge.slice(1)}é`,
    `${challenge}\n`,
  ])("refuses the challenge %j (§4.2)", (text) => expect(isCodeChallenge(text)).toBe(false));
});
