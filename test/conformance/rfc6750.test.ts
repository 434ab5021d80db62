/**
 * Bearer tokens, RFC 6750, and what is no token of ours: every forgery must be a plain 401, here and at ForwardAuth, because
 * both stand on the same code. Whoever forges in these tests has even read the gateway's signing key.
 */
import {
  createHmac,
  createPrivateKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { request, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { callMcp, logIn, refresh, type LoggedIn } from "../support/strict-client.ts";

let gateway: TestGateway;
let login: LoggedIn;
let key: KeyObject;
let header: Record<string, unknown>;
let claims: Record<string, unknown>;

beforeAll(async () => {
  gateway = await startGateway();
  login = await logIn(gateway.resource);
  const journal = readdirSync(gateway.stateDirectory)
    .filter((name) => name.includes("journal"))
    .map((name) => readFileSync(join(gateway.stateDirectory, name), "utf8"))
    .join("");
  const jwk = JSON.parse(/"privateJwk":(\{[^}]*\})/.exec(journal)![1]!) as Record<string, string>;
  key = createPrivateKey({ key: jwk, format: "jwk" });
  [header, claims] = login.tokens.access_token.split(".").slice(0, 2).map(decode) as [never, never];
});
afterAll(() => gateway.close());

const decode = (part: string) =>
  JSON.parse(Buffer.from(part, "base64url").toString()) as Record<string, unknown>;
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token as the gateway would sign it, but for what is given; undefined removes a member. */
function token(changes: object = {}, headerChanges: object = {}, signer: KeyObject = key): string {
  const input = `${encode({ ...header, ...headerChanges })}.${encode({ ...claims, ...changes })}`;
  const signature = sign("sha256", Buffer.from(input), { key: signer, dsaEncoding: "ieee-p1363" });
  return `${input}.${signature.toString("base64url")}`;
}

async function expectRefused(forged: string): Promise<void> {
  const { host } = new URL(gateway.url);
  const forwarded = {
    authorization: `Bearer ${forged}`,
    "x-forwarded-method": "POST",
    "x-forwarded-proto": "http",
    "x-forwarded-host": host,
    "x-forwarded-uri": "/mcp",
  };
  for (const response of [
    await callMcp(gateway.resource, forged),
    await fetch(`${gateway.url}/verify`, { headers: forwarded }),
  ]) {
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toContain('error="invalid_token"');
    expect(await response.json()).toMatchObject({ error: "invalid_token" });
  }
}

describe("a forged or foreign token", () => {
  it("is not what this test makes by itself: the unchanged copy opens the door", async () => {
    expect((await callMcp(gateway.resource, token())).status).toBe(200);
  });

  it.each(["none", "nOnE", "NONE"])("with alg %s (JW-01)", async (alg) => {
    await expectRefused(`${encode({ ...header, alg })}.${encode(claims)}.`);
    await expectRefused(`${encode({ ...header, alg })}.${encode(claims)}.AAAA`);
  });

  it("signed by HMAC with the public key (JW-02)", async () => {
    const jwks = await (await fetch(`${gateway.url}/.well-known/jwks.json`)).text();
    const input = `${encode({ ...header, alg: "HS256" })}.${encode(claims)}`;
    for (const secret of [
      jwks,
      JSON.stringify((JSON.parse(jwks) as { keys: unknown[] }).keys[0]),
    ]) {
      await expectRefused(
        `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`,
      );
    }
  });

  it("with the right key and another algorithm's name (JW-03)", async () => {
    for (const alg of ["ES384", "RS256", "PS256", "EdDSA", "HS256"])
      await expectRefused(token({}, { alg }));
  });

  it("with a key of its own in the header (JW-04)", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const jwk = publicKey.export({ format: "jwk" });
    await expectRefused(token({}, { jwk }, privateKey));
    await expectRefused(token({}, { jwk, kid: undefined }, privateKey));
    await expectRefused(token({}, {}, privateKey));
  });

  it.each([
    "../../dev/null",
    "' OR 1=1",
    "x".repeat(4000),
    7,
    [],
    {},
    null,
    "unknown",
    "__proto__",
    undefined,
  ])("with an odd kid, %# (JW-06)", async (kid) => expectRefused(token({}, { kid })));

  it.each(["JWT", "dpop+jwt", "oauth-id-jag+jwt", "logout+jwt", "", undefined])(
    "of the type %j (JW-07)",
    async (typ) => expectRefused(token({}, { typ })),
  );

  it("of the type application/at+jwt, which means the same (RFC 9068 §4)", async () => {
    expect((await callMcp(gateway.resource, token({}, { typ: "application/at+jwt" }))).status).toBe(
      200,
    );
  });

  it("not yet valid, from the future, or expired (JW-09, JW-10, A11)", async () => {
    const now = Math.floor(gateway.clock.now());
    await expectRefused(token({ nbf: now + 100 }));
    await expectRefused(token({ iat: now + 4000 }));
    await expectRefused(token({ exp: now }));
    await expectRefused(token({ exp: String(now + 100) }));
  });

  it("of another issuer, however similar (JW-11)", async () => {
    for (const iss of [
      `${gateway.url}/`,
      gateway.url.toUpperCase(),
      "https://evil.example",
      [gateway.url],
    ]) {
      await expectRefused(token({ iss }));
    }
  });

  it("for another audience, or for several (JW-12)", async () => {
    const aud = gateway.resource;
    for (const other of [
      `${aud}/`,
      gateway.url,
      "https://evil.example/mcp",
      [aud],
      [aud, "x"],
      [],
      "",
      1,
    ]) {
      await expectRefused(token({ aud: other }));
    }
  });

  it("without a required claim, or with one of a wrong type (JW-14)", async () => {
    for (const name of ["iss", "aud", "sub", "exp", "iat", "jti", "client_id", "scope", "gid"]) {
      await expectRefused(token({ [name]: undefined }));
      if (name !== "exp" && name !== "iat") await expectRefused(token({ [name]: 7 }));
    }
  });

  it("with an extension that must be understood (JW-15)", async () => {
    await expectRefused(token({}, { crit: ["x"], x: 1 }));
    await expectRefused(token({}, { b64: false, crit: ["b64"] }));
  });

  it("with an empty, zero, DER or cut signature (JW-16)", async () => {
    const [h, p, signature = ""] = token().split(".");
    const der = sign("sha256", Buffer.from(`${h}.${p}`), key).toString("base64url");
    for (const wrong of [
      "",
      Buffer.alloc(64).toString("base64url"),
      der,
      signature.slice(0, -4),
      `${signature}AA`,
    ]) {
      await expectRefused(`${h}.${p}.${wrong}`);
    }
  });

  it("that is not JSON, too deep, or too long (JW-19, JW-20)", async () => {
    const deep = "[".repeat(2000) + "]".repeat(2000);
    for (const payload of ["{", "null", "[]", "\ufeff{}", deep, '{"sub":"a","sub":"b"}']) {
      await expectRefused(`${encode(header)}.${Buffer.from(payload).toString("base64url")}.AAAA`);
    }
    await expectRefused("x".repeat(10_000));
    await expectRefused("a.b");
    await expectRefused("....");
  });

  it("that is a refresh token (A11)", () => expectRefused(login.tokens.refresh_token!));

  it("for a token id that was never issued", () => expectRefused(token({ jti: "never-issued" })));

  it.each([
    { scope: "mcp offline_access" },
    { scope: "offline_access" },
    { sub: "local:somebody-else" },
    { client_id: "another" },
    { gid: "another" },
  ])("with claims that were not issued under its id, %j (SB17)", (changes) =>
    expectRefused(token(changes)),
  );
});

describe("where a token may stand (RFC 6750 §2)", () => {
  it("in the Authorization header, whatever the case of the scheme (JW-22)", async () => {
    for (const scheme of ["bearer", "BEARER", "Bearer "]) {
      const authorization = `${scheme} ${login.tokens.access_token}`;
      expect(
        (await callMcp(gateway.resource, undefined, undefined, { authorization })).status,
      ).toBe(200);
    }
  });

  it.each(["", "Bearer", "Basic dXNlcjpwYXNz", "Bearer a b", "Bearer a,b", "token x"])(
    "not as %j (JW-22)",
    async (authorization) => {
      expect(
        (await callMcp(gateway.resource, undefined, undefined, { authorization })).status,
      ).toBe(401);
    },
  );

  it("not in the query, and not in both (A12, JW-21)", async () => {
    const url = `${gateway.resource}?access_token=${login.tokens.access_token}`;
    expect((await callMcp(url, undefined)).status).toBe(401);
    const both = await callMcp(url, login.tokens.access_token);
    expect(both.status).toBe(400);
    expect(await both.json()).toMatchObject({ error: "invalid_request" });
  });

  it("not in a cookie", async () => {
    const cookie = `access_token=${login.tokens.access_token}`;
    expect((await callMcp(gateway.resource, undefined, undefined, { cookie })).status).toBe(401);
  });

  it("not twice (JW-22)", async () => {
    const value = `Bearer ${login.tokens.access_token}`;
    const { hostname, port } = new URL(gateway.url);
    const sent = request({
      hostname,
      port,
      path: "/mcp",
      headers: ["Host", `localhost:${port}`, "Authorization", value, "Authorization", value],
    }).end();
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(400);
  });
});

describe("scope (RFC 6750 §3.1)", () => {
  it("is named, with the metadata, when a token lacks it (A23)", async () => {
    const wide = await logIn(gateway.resource, { scope: "mcp offline_access" });
    const narrow = await refresh(wide, wide.tokens.refresh_token, { scope: "offline_access" });
    const response = await callMcp(gateway.resource, narrow.access_token);
    expect(response.status).toBe(403);
    expect(response.headers.get("www-authenticate")).toMatch(
      /^Bearer error="insufficient_scope", .*resource_metadata="[^"]+\/mcp", scope="mcp"$/,
    );
    expect(await response.json()).toMatchObject({ error: "insufficient_scope" });
  });
});

describe("nothing of all this", () => {
  it("is in the log or an event (A30, SE-01)", () => {
    const said = gateway.logged() + JSON.stringify(gateway.events);
    for (const secret of [login.tokens.access_token, login.tokens.refresh_token!]) {
      expect(said).not.toContain(secret);
      expect(said).not.toContain(secret.slice(-43));
    }
    expect(said.length).toBeGreaterThan(1000);
  });

  it("was answered with 500", () => {
    expect(gateway.logged()).not.toContain("request failed");
  });
});
