/** What a DPoP proof must be, at the token endpoint and at a resource: RFC 9449 §4.3, §8, §11.1. */
import { CompactSign, SignJWT } from "jose";
import { createSecretKey, createSign, generateKeyPairSync, type KeyObject } from "node:crypto";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digest, randomToken } from "../../src/random.ts";
import {
  createDpopKey,
  dpopKeyOf,
  proofOf,
  type DpopKey,
  type ProofOptions,
} from "../support/dpop.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  errorOf,
  obtainCode,
  obtainTokens,
  registered,
  requestToken,
  tokensOf,
  type RawClient,
} from "../support/raw-client.ts";

let gateway: TestGateway;
let client: RawClient;
let key: DpopKey;
let other: DpopKey;
let accessToken: string;

beforeAll(async () => {
  gateway = await startGateway();
  client = await registered(gateway);
  [key, other] = [await createDpopKey(), await createDpopKey()];
  const { form } = await obtainCode(gateway, client);
  const dpop = await proofOf(gateway, key);
  accessToken = (await tokensOf(await requestToken(gateway, form, { dpop }))).access_token;
});
afterAll(() => gateway.close());

/** The proof is looked at before the code, so a made-up one tells good proofs from bad. */
const atToken = async (proof: string, to = gateway): Promise<string> =>
  errorOf(
    await requestToken(
      to,
      {
        grant_type: "refresh_token",
        client_id: to === gateway ? client.client_id : (await registered(to)).client_id,
        refresh_token: "made-up",
      },
      { dpop: proof },
    ),
  );
const GOOD = "400 invalid_grant";
const BAD = "400 invalid_dpop_proof";
const NONCE = "400 use_dpop_nonce";

const atResource = (proof: string): Promise<Response> =>
  fetch(gateway.resource, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      authorization: `DPoP ${accessToken}`,
      dpop: proof,
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }),
  });
const statusAtResource = async (options: ProofOptions): Promise<number> => {
  const proof = await proofOf(gateway, key, { uri: gateway.resource, accessToken, ...options });
  const response = await atResource(proof);
  await response.body?.cancel();
  return response.status;
};
const prove = (options: ProofOptions = {}): Promise<string> => proofOf(gateway, key, options);
const now = (): number => Math.floor(gateway.clock.now());
/** A proof whose parts are any text at all. */
const forged = (header: unknown, claims: unknown, signature = "AAAA"): string =>
  [header, claims]
    .map((part) => Buffer.from(typeof part === "string" ? part : JSON.stringify(part)))
    .map((bytes) => bytes.toString("base64url"))
    .concat(signature)
    .join(".");

describe("a good proof", () => {
  it.each(["ES256", "EdDSA", "PS256", "RS256"])("may be signed with %s", async (alg) => {
    expect(await atToken(await proofOf(gateway, await createDpopKey(alg)))).toBe(GOOD);
  });

  it("may spell the URI in another way that means the same (RFC 9449 §4.3)", async () => {
    const { port } = new URL(gateway.url);
    for (const uri of [`HTTP://LOCALHOST:${port}/token`, `http://localhost:${port}/a/../token`])
      expect(await atToken(await prove({ uri })), uri).toBe(GOOD);
    expect(await statusAtResource({ uri: `${gateway.resource}/` })).not.toBe(401);
  });

  it("may be a minute old or early, and not more (DP-01)", async () => {
    for (const [seconds, answer] of [
      [-55, GOOD],
      [55, GOOD],
      [-65, BAD],
      [65, BAD],
      [-86_400, BAD],
    ] as const)
      expect(await atToken(await prove({ claims: { iat: now() + seconds } }))).toBe(answer);
  });
});

describe("a proof is refused (DP-01)", () => {
  it.each<[string, () => ProofOptions]>([
    ["of another method", () => ({ method: "GET" })],
    ["of a method in lower case", () => ({ method: "post" })],
    ["of another path", () => ({ uri: `${gateway.url}/par` })],
    ["of another host", () => ({ uri: "http://elsewhere.example/token" })],
    ["of another port", () => ({ uri: "http://localhost:1/token" })],
    ["of another scheme", () => ({ uri: gateway.url.replace("http", "https") + "/token" })],
    ["with a query in htu", () => ({ uri: `${gateway.url}/token?x=1` })],
    ["with a fragment in htu", () => ({ uri: `${gateway.url}/token#x` })],
    ["with a user in htu", () => ({ uri: gateway.url.replace("//", "//u:p@") + "/token" })],
    ["with a relative htu", () => ({ uri: "/token" })],
    ["without htm", () => ({ claims: { htm: undefined } })],
    ["without htu", () => ({ claims: { htu: undefined } })],
    ["with a list as htu", () => ({ claims: { htu: [`${gateway.url}/token`] } })],
    ["without jti", () => ({ claims: { jti: undefined } })],
    ["with an empty jti", () => ({ claims: { jti: "" } })],
    ["with a number as jti", () => ({ claims: { jti: 1 } })],
    ["with an endless jti", () => ({ claims: { jti: "j".repeat(300) } })],
    ["without iat", () => ({ claims: { iat: undefined } })],
    ["with a text as iat", () => ({ claims: { iat: String(now()) } })],
    ["with an endless iat", () => ({ claims: { iat: 1e308 } })],
    ["of typ JWT", () => ({ header: { typ: "JWT" } })],
    ["of typ at+jwt", () => ({ header: { typ: "at+jwt" } })],
    ["without typ", () => ({ header: { typ: undefined } })],
    ["without jwk", () => ({ header: { jwk: undefined } })],
    ["with a text as jwk", () => ({ header: { jwk: "x" } })],
    ["with an empty jwk", () => ({ header: { jwk: {} } })],
    ["with the private key in it", () => ({ header: { jwk: key.privateJwk } })],
    ["signed by another key than its own", () => ({ signedBy: other.privateKey })],
    ["with a kid instead of a key", () => ({ header: { jwk: undefined, kid: "1" } })],
    ["longer than 4096 characters", () => ({ claims: { x: "x".repeat(4096) } })],
  ])("%s", async (_name, options) => {
    expect(await atToken(await prove(options()))).toBe(BAD);
  });

  it("with another algorithm: none, a shared secret, or a curve we do not take", async () => {
    const claims = { jti: randomToken(), htm: "POST", htu: `${gateway.url}/token`, iat: now() };
    const header = { typ: "dpop+jwt", jwk: key.publicJwk };
    for (const alg of ["none", "None", "NONE"]) {
      expect(await atToken(forged({ ...header, alg }, claims, ""))).toBe(BAD);
      expect(await atToken(forged({ ...header, alg }, claims))).toBe(BAD);
    }
    const secret = createSecretKey(Buffer.from(key.publicJwk.x!, "base64url"));
    const shared = await new SignJWT(claims)
      .setProtectedHeader({ ...header, alg: "HS256" })
      .sign(secret);
    expect(await atToken(shared)).toBe(BAD);
    const octets = { kty: "oct", k: secret.export({ format: "jwk" }).k! };
    const symmetric = await new SignJWT(claims)
      .setProtectedHeader({ typ: "dpop+jwt", alg: "HS256", jwk: octets })
      .sign(secret);
    expect(await atToken(symmetric)).toBe(BAD);
    expect(await atToken(await proofOf(gateway, await createDpopKey("ES384")))).toBe(BAD);
    // ES256 in the header, but a key for something else.
    const rsa = await createDpopKey("RS256");
    expect(await atToken(forged({ ...header, alg: "ES256", jwk: rsa.publicJwk }, claims))).toBe(
      BAD,
    );
  });

  it("with a key that is weak, slow or no key at all", async () => {
    const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });
    expect(await atToken(await rsaProof(weak.privateKey))).toBe(BAD);
    const claims = { jti: randomToken(), htm: "POST", htu: `${gateway.url}/token`, iat: now() };
    const proofWith = (alg: string, jwk: object): string =>
      forged({ typ: "dpop+jwt", alg, jwk }, claims, "A".repeat(86));
    const n = "_".repeat(683);
    for (const proof of [
      proofWith("ES256", { ...key.publicJwk, x: "A".repeat(43) }), // not on the curve
      proofWith("ES256", { kty: "EC", crv: "P-256", x: "", y: "" }),
      proofWith("EdDSA", { kty: "OKP", crv: "Ed448", x: "A".repeat(76) }),
      proofWith("EdDSA", { kty: "OKP", crv: "X25519", x: "A".repeat(43) }),
      proofWith("RS256", { kty: "RSA", n, e: n }), // an exponent that would take seconds
      proofWith("RS256", { kty: "RSA", n: "_".repeat(1400), e: "AQAB" }),
      proofWith("PS256", { kty: "RSA", n, e: "AQ" }),
    ])
      expect(await atToken(proof)).toBe(BAD);
  });

  it("when it is no JWT", async () => {
    const good = await prove();
    const header = { typ: "dpop+jwt", alg: "ES256", jwk: key.publicJwk };
    for (const proof of [
      "x",
      "..",
      "a.b.c",
      `${good}.x`,
      `${good}, ${good}`,
      good.replace(".", " ."),
      `${good}=`,
      forged("{", "{}"),
      forged("[]", "{}"),
      forged("null", "null"),
      forged({ ...header, crit: ["b64"], b64: false }, "{}"),
      forged({ ...header, crit: [] }, "{}"),
    ])
      expect(await atToken(proof), proof).toBe(BAD);
    for (const payload of ["null", "[]", '"x"', "1", "{", "\u0000"]) {
      const signed = await signedText(payload);
      expect(await atToken(signed), payload).toBe(BAD);
    }
  });

  it("when there are two, even if both are good", async () => {
    const { port } = new URL(gateway.url);
    const call = httpRequest({
      port,
      host: "localhost",
      path: "/token",
      method: "POST",
      headers: [
        ["host", `localhost:${port}`],
        ["content-type", "application/x-www-form-urlencoded"],
        ["dpop", await prove()],
        ["dpop", await prove()],
      ].flat(),
    });
    call.end(`grant_type=refresh_token&client_id=${client.client_id}&refresh_token=x`);
    const [response] = (await once(call, "response")) as [IncomingMessage];
    let body = "";
    for await (const chunk of response) body += String(chunk);
    expect(JSON.parse(body)).toMatchObject({ error: "invalid_dpop_proof" });
  });

  it("when it comes again, of 50 at once all but one, and at another endpoint too", async () => {
    const proof = await prove();
    const answers = await Promise.all(Array.from({ length: 50 }, () => atToken(proof)));
    expect(answers.filter((answer) => answer === GOOD)).toHaveLength(1);
    expect(answers.filter((answer) => answer === BAD)).toHaveLength(49);
    gateway.clock.advance(55);
    expect(await atToken(proof)).toBe(BAD);
    gateway.clock.advance(70);
    expect(await atToken(proof)).toBe(BAD); // too old by now
    const jti = randomToken();
    expect(await atToken(await prove({ claims: { jti } }))).toBe(GOOD);
    expect(await atToken(await prove({ claims: { jti } }))).toBe(BAD);
    // Another key's jti is another jti: nobody can use up somebody else's.
    expect(await atToken(await proofOf(gateway, other, { claims: { jti } }))).toBe(GOOD);
  });
});

describe("at a resource (DP-01)", () => {
  it("a proof must be of this very access token", async () => {
    expect(await statusAtResource({})).not.toBe(401);
    for (const ath of [undefined, "", digest("another"), digest(accessToken).slice(1), 1])
      expect(await statusAtResource({ claims: { ath } }), String(ath)).toBe(401);
    expect(await statusAtResource({ uri: `${gateway.url}/token` })).toBe(401);
    expect(await statusAtResource({ method: "GET" })).toBe(401);
    expect(await statusAtResource({ claims: { iat: now() - 65 } })).toBe(401);
    expect(await statusAtResource({ uri: `${gateway.resource}?x=1` })).toBe(401);
  });

  it("a proof is good once", async () => {
    const proof = await proofOf(gateway, key, { uri: gateway.resource, accessToken });
    expect((await atResource(proof)).status).not.toBe(401);
    const again = await atResource(proof);
    expect(again.status).toBe(401);
    expect(again.headers.get("www-authenticate")).toContain('DPoP error="invalid_dpop_proof"');
  });

  it("a stranger without a token leaves no trace of proofs", async () => {
    const proof = await proofOf(gateway, key, { uri: gateway.resource, accessToken });
    const headers = { authorization: "DPoP made-up", dpop: proof };
    expect((await fetch(gateway.resource, { method: "POST", headers })).status).toBe(401);
    expect((await atResource(proof)).status).not.toBe(401);
  });
});

describe("nonces (RFC 9449 §8)", () => {
  const nonceOf = async (to = gateway): Promise<string> => {
    const dpop = await proofOf(to, key);
    const response = await requestToken(to, { grant_type: "x", client_id: "x" }, { dpop });
    const good = await requestToken(
      to,
      { grant_type: "refresh_token", client_id: (await registered(to)).client_id },
      { dpop: await proofOf(to, key) },
    );
    expect(response.headers.has("dpop-nonce")).toBe(false); // nobody who asks has shown who it is
    return good.headers.get("dpop-nonce")!;
  };

  it("are offered, hold for some minutes, and are then asked for anew (DP-01)", async () => {
    const nonce = await nonceOf();
    expect(await atToken(await prove({ claims: { nonce } }))).toBe(GOOD);
    gateway.clock.advance(120);
    expect(await atToken(await prove({ claims: { nonce } }))).toBe(GOOD);
    gateway.clock.advance(240);
    expect(await atToken(await prove({ claims: { nonce } }))).toBe(NONCE);
    for (const wrong of ["", "x", randomToken(), 1, [await nonceOf()]])
      expect(await atToken(await prove({ claims: { nonce: wrong } }))).toBe(NONCE);
    expect(await statusAtResource({ claims: { nonce: "x" } })).toBe(401);
  });

  it("make up for a client whose clock is wrong, but not by any amount", async () => {
    const nonce = await nonceOf();
    for (const [seconds, answer] of [
      [-290, GOOD],
      [290, GOOD],
      [-310, BAD],
      [310, BAD],
    ] as const)
      expect(await atToken(await prove({ claims: { nonce, iat: now() + seconds } }))).toBe(answer);
  });

  it("do not make a proof good twice", async () => {
    const nonce = await nonceOf();
    const proof = await prove({ claims: { nonce, iat: now() + 200 } });
    expect(await atToken(proof)).toBe(GOOD);
    gateway.clock.advance(100);
    expect(await atToken(proof)).toBe(BAD);
  });

  it("can be demanded: then a proof without one is answered with one, and uses no code up", async () => {
    const strict = await startGateway({ config: { dpop: { nonce: "required" } } });
    try {
      const me = await registered(strict);
      const { form } = await obtainCode(strict, me);
      const first = await requestToken(strict, form, { dpop: await proofOf(strict, key) });
      const nonce = first.headers.get("dpop-nonce");
      expect(await errorOf(first)).toBe(NONCE);
      const dpop = await proofOf(strict, key, { claims: { nonce } });
      const tokens = await tokensOf(await requestToken(strict, form, { dpop }));
      const proof = (claims: object): Promise<string> =>
        proofOf(strict, key, {
          uri: strict.resource,
          accessToken: tokens.access_token,
          claims: { ...claims },
        });
      const call = async (claims: object): Promise<Response> =>
        fetch(strict.resource, {
          method: "POST",
          headers: {
            authorization: `DPoP ${tokens.access_token}`,
            dpop: await proof(claims),
            "content-type": "application/json",
            accept: "application/json, text/event-stream",
          },
          body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }),
        });
      const asked = await call({});
      expect(asked.status).toBe(401);
      expect(asked.headers.get("www-authenticate")).toContain('DPoP error="use_dpop_nonce"');
      const answered = await call({ nonce: asked.headers.get("dpop-nonce") });
      expect(answered.status).not.toBe(401);
      // Who does not use DPoP is not asked.
      const { token_type: type } = await obtainTokens(strict, me);
      expect(type).toBe("Bearer");
    } finally {
      await strict.close();
    }
  });
});

async function rsaProof(privateKey: KeyObject): Promise<string> {
  const { publicJwk } = await dpopKeyOf("RS256", privateKey);
  const claims = { jti: randomToken(), htm: "POST", htu: `${gateway.url}/token`, iat: now() };
  const unsigned = forged({ typ: "dpop+jwt", alg: "RS256", jwk: publicJwk }, claims, "");
  const input = unsigned.slice(0, -1);
  return `${input}.${createSign("sha256").update(input).sign(privateKey, "base64url")}`;
}

/** A payload that is any text, well signed. */
function signedText(payload: string): Promise<string> {
  return new CompactSign(Buffer.from(payload))
    .setProtectedHeader({ typ: "dpop+jwt", alg: "ES256", jwk: key.publicJwk })
    .sign(key.privateKey);
}
