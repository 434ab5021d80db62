import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OAuthError } from "../../../../src/errors.ts";
import {
  unverifiedClaims,
  useOnce,
  verifyAssertion,
} from "../../../../src/server/oauth/assertion.ts";
import { createServerContext, type TestContext } from "../../../support/server-context.ts";

let context: TestContext;
beforeAll(async () => {
  context = await createServerContext();
});
afterAll(() => context.close());

const rules = {
  algorithms: ["ES256"],
  types: [undefined],
  issuer: "c",
  audiences: ["https://gw.example.com"],
  longestLife: 300,
  keys: () => Promise.resolve([{ kty: "EC", crv: "P-256", x: "x", y: "y" }]),
  refuse: (detail: string) => new OAuthError("invalid_client", "no", { detail }),
};

const part = fc.oneof(
  fc.string(),
  fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)).toString("base64url")),
  fc
    .record({
      alg: fc.constantFrom("ES256", "none", "HS256"),
      crit: fc.constantFrom(undefined, ["b64"]),
      b64: fc.boolean(),
    })
    .map((value) => Buffer.from(JSON.stringify(value)).toString("base64url")),
);

describe("an assertion that is anything at all", () => {
  it("is refused in the way the caller says, never with another error", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 5 }), async (parts) => {
        const assertion = parts.join(".");
        expect(typeof unverifiedClaims(assertion)).toBe("object");
        await expect(verifyAssertion(context, assertion, rules)).rejects.toBeInstanceOf(OAuthError);
      }),
      { numRuns: 500 },
    );
  });
});

describe("an assertion that works once", () => {
  const claims = (jti: string, iss = "c") => {
    const exp = context.clock.now() + 60;
    return { iss, sub: "s", aud: "a", exp, jti };
  };
  const use = (purpose: string, jti: string, iss?: string): Promise<boolean> =>
    context.store.transact(useOnce(context, purpose, claims(jti, iss)));

  it("is told apart by purpose, issuer and jti, whatever they contain", async () => {
    expect(await use("client", "1")).toBe(true);
    expect(await use("client", "1")).toBe(false);
    expect(await use("ID-JAG", "1")).toBe(true);
    expect(await use("client", "1", "d")).toBe(true);
    expect(await use("client", 'b","c', "a")).toBe(true);
    expect(await use("client", "c", 'a","b')).toBe(true);
  });

  it("is remembered longer than it lives, and forgotten then", async () => {
    await use("client", "2");
    context.clock.advance(60);
    expect((await context.store.list("usedAssertion")).items.length).toBeGreaterThan(0);
    context.clock.advance(31);
    expect((await context.store.list("usedAssertion")).items).toEqual([]);
  });
});
