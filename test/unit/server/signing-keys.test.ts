import { calculateJwkThumbprint, compactVerify, decodeProtectedHeader } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSigningKeys } from "../../../src/server/signing-keys.ts";
import { createServerContext, type TestContext } from "../../support/server-context.ts";

let context: TestContext;

beforeEach(async () => {
  context = await createServerContext();
});
afterEach(() => context.close());

describe("signing keys", () => {
  it("sign with ES256 under a kid that is the key's own thumbprint (RFC 7638)", async () => {
    const jwt = await context.keys.sign({ sub: "x" }, "at+jwt");
    const [key] = context.keys.jwks().keys;
    expect(decodeProtectedHeader(jwt)).toEqual({ alg: "ES256", typ: "at+jwt", kid: key!.kid });
    expect(await calculateJwkThumbprint(key!)).toBe(key!.kid);
    await compactVerify(jwt, context.keys.verificationKey(key!.kid!)!, { algorithms: ["ES256"] });
  });

  it("publish public members only (RFC 7517 §9.2)", () => {
    const [key] = context.keys.jwks().keys;
    expect(Object.keys(key!).toSorted()).toEqual(["alg", "crv", "kid", "kty", "use", "x", "y"]);
  });

  it("know no key under any other id", () => {
    for (const kid of ["", "x", "__proto__", "../../dev/null"]) {
      expect(context.keys.verificationKey(kid)).toBeUndefined();
    }
  });

  it("are kept by the store, so that tokens survive a restart", async () => {
    const before = context.keys.jwks();
    context = await context.reopen();
    expect(context.keys.jwks()).toEqual(before);
  });

  it("yield other secrets, each of its own, that survive a restart", async () => {
    const before = context.keys.derive("a");
    expect(before.map(({ length }) => length)).toEqual([32]);
    expect(context.keys.derive("b")).not.toEqual(before);
    context = await context.reopen();
    expect(context.keys.derive("a")).toEqual(before);
  });

  it("sign with the newest, and verify with all", async () => {
    const [old] = context.keys.jwks().keys;
    context.clock.advance(60);
    const record = await context.store.get("signingKey", old!.kid!);
    const other = await createServerContext({}, undefined);
    const [newer] = other.keys.jwks().keys;
    const foreign = (await other.store.get("signingKey", newer!.kid!))!;
    await other.close();
    await context.store.put("signingKey", foreign.kid, {
      ...foreign,
      createdAt: context.clock.now(),
    });
    const keys = await createSigningKeys(context);
    expect(keys.jwks().keys.map(({ kid }) => kid)).toEqual([newer!.kid, record!.kid]);
    expect(decodeProtectedHeader(await keys.sign({}, "at+jwt")).kid).toBe(newer!.kid);
    expect(keys.verificationKey(old!.kid!)).toBeDefined();
  });
});
