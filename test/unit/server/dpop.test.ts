/** Proofs that were made by chance: nothing but a refusal comes of them, and quickly. */
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OAuthError } from "../../../src/errors.ts";
import { readDpopKey } from "../../../src/server/dpop-key.ts";
import { checkDpopProof } from "../../../src/server/dpop.ts";
import { createServerContext, type TestContext } from "../../support/server-context.ts";

let context: TestContext;
beforeAll(async () => {
  context = await createServerContext();
});
afterAll(() => context.close());

async function check(proof: string): Promise<unknown> {
  const request = new IncomingMessage(new Socket());
  request.headers = { dpop: proof };
  request.rawHeaders = ["DPoP", proof];
  const response = new ServerResponse(request);
  const proven = { method: "POST", uri: "https://gw.example.com/token" };
  return checkDpopProof(context, request, response, proven).catch((error: unknown) => error);
}

const encoded = (value: unknown): string =>
  Buffer.from(JSON.stringify(value) ?? "").toString("base64url");
const member = fc.oneof(
  fc.string(),
  fc.jsonValue(),
  fc.constantFrom("ES256", "EdDSA", "RS256", "none", "dpop+jwt", "EC", "P-256", "RSA", "AQAB"),
  fc.base64String({ minLength: 43, maxLength: 44 }).map((text) => text.replaceAll(/[+/=]/g, "_")),
);
const object = (...names: string[]): fc.Arbitrary<object> =>
  fc.record(Object.fromEntries(names.map((name) => [name, member])), { requiredKeys: [] });
const jwk = object("kty", "crv", "x", "y", "n", "e", "d", "k");
const header = fc
  .tuple(object("typ", "alg", "jwk", "crit", "kid"), fc.boolean(), jwk)
  .map(([any, isClose, key]) =>
    isClose ? { typ: "dpop+jwt", alg: "ES256", ...any, jwk: key } : any,
  );

describe("a proof made by chance", () => {
  it("is refused, whatever it is", async () => {
    const anything = fc.oneof(
      fc.string(),
      fc
        .tuple(header, fc.jsonValue(), fc.string())
        .map(([head, claims, signature]) =>
          [encoded(head), encoded(claims), Buffer.from(signature).toString("base64url")].join("."),
        ),
    );
    await fc.assert(
      fc.asyncProperty(anything, async (proof) => {
        const error = await check(proof);
        expect(error).toBeInstanceOf(OAuthError);
        expect(error).toMatchObject({ code: "invalid_dpop_proof", status: 400 });
      }),
      { numRuns: 2000 },
    );
  });

  it("never makes a key of what is none, and never a private one", () => {
    fc.assert(
      fc.property(fc.constantFrom("ES256", "EdDSA", "RS256", "PS256", "HS256"), jwk, (alg, key) => {
        const read = readDpopKey(alg, key);
        if ("key" in read) expect(read.key.type).toBe("public");
        else expect(read.problem).not.toBe("");
        if ("d" in key || "k" in key) expect("key" in read).toBe(false);
      }),
      { numRuns: 5000 },
    );
  });
});
