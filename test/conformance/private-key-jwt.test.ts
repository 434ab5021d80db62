/** Clients that prove themselves with a key, as a stranger sees it: RFC 7523 §2.2 and §3. */
import { createHmac, createPublicKey } from "node:crypto";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { decodeProtectedHeader } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RegisteredClient } from "../../src/control/answers.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  assertionClaims,
  assertionForm,
  createSigner,
  registerProgram,
  type Signer,
} from "../support/operator.ts";
import {
  ask,
  basicAuth,
  errorOf,
  jsonOf,
  obtainCode,
  opens,
  post,
  registered,
  requestToken,
  tokensOf,
  LOOPBACK,
  type Fields,
  type Tokens,
} from "../support/raw-client.ts";

let gateway: TestGateway;
let signer: Signer;
let stranger: Signer;
let program: RegisteredClient;

beforeAll(async () => {
  gateway = await startGateway();
  signer = await createSigner("ES256", "k1");
  stranger = await createSigner("ES256", "k1");
  program = await registerWithKeys(signer);
});
afterAll(() => gateway.close());

const registerWithKeys = (...signers: Signer[]): Promise<RegisteredClient> =>
  registerProgram(gateway, {
    authMethod: "private_key_jwt",
    jwks: { keys: signers.map(({ publicJwk }) => publicJwk) },
  });

const claimsFor = (claims: Record<string, unknown> = {}) =>
  assertionClaims(gateway, program.clientId, claims);

const present = (assertion: string, fields: Fields = {}): Promise<Response> =>
  requestToken(gateway, assertionForm(assertion, { grant_type: "client_credentials", ...fields }));

describe("private_key_jwt, RFC 7523 §2.2 (A16, A26)", () => {
  it("gives a token that works", async () => {
    const tokens = await tokensOf(await present(await signer.sign(claimsFor())));
    expect(await opens(gateway, tokens.access_token)).toBe(true);
  });

  it("is in the metadata, with its algorithms", async () => {
    const url = `${gateway.url}/.well-known/oauth-authorization-server`;
    const metadata = await jsonOf<Record<string, string[]>>(await ask(url));
    expect(metadata.token_endpoint_auth_methods_supported).toContain("private_key_jwt");
    const algorithms = metadata.token_endpoint_auth_signing_alg_values_supported;
    expect(algorithms).toEqual(expect.arrayContaining(["ES256", "EdDSA", "PS256", "RS256"]));
    expect(algorithms?.filter((name) => /^(HS|none)/.test(name))).toEqual([]);
    expect(metadata.grant_types_supported).toContain("client_credentials");
  });

  it.each(["ES256", "ES384", "EdDSA", "PS256", "RS256"])("takes %s", async (alg) => {
    const other = await createSigner(alg);
    const { clientId } = await registerWithKeys(other);
    const claims = assertionClaims(gateway, clientId);
    expect((await present(await other.sign(claims))).status).toBe(200);
  });

  it("takes the token endpoint as audience, client_id beside it, and a typ of its own", async () => {
    const assertion = await signer.sign(claimsFor({ aud: `${gateway.url}/token` }), {
      typ: "client-authentication+jwt",
    });
    expect((await present(assertion, { client_id: program.clientId })).status).toBe(200);
  });

  it("takes a client whose clock differs a little, and the longest life", async () => {
    const now = Math.floor(gateway.clock.now());
    const claims = claimsFor({ iat: now + 10, nbf: now + 10, exp: now + 310 });
    expect((await present(await signer.sign(claims))).status).toBe(200);
  });

  it("takes any of the client's keys, whether or not the header names it", async () => {
    const [a, b] = [await createSigner("ES256", "a"), await createSigner("ES256", "b")];
    const { clientId } = await registerWithKeys(a, b);
    for (const one of [a, b]) {
      for (const header of [{}, { kid: undefined }]) {
        const assertion = await one.sign(assertionClaims(gateway, clientId), header);
        expect((await present(assertion)).status).toBe(200);
      }
    }
  });

  it("works for a client that registered itself, with code, refresh and revocation", async () => {
    const client = await registered(gateway, {
      redirect_uris: [LOOPBACK],
      token_endpoint_auth_method: "private_key_jwt",
      jwks: { keys: [signer.publicJwk] },
    });
    const proof = async (): Promise<Fields> =>
      assertionForm(await signer.sign(assertionClaims(gateway, client.client_id)));
    const { form } = await obtainCode(gateway, client);
    expect(await errorOf(await requestToken(gateway, form))).toBe("401 invalid_client");
    const tokens = await tokensOf(await requestToken(gateway, { ...form, ...(await proof()) }));
    const refresh = { grant_type: "refresh_token", refresh_token: tokens.refresh_token };
    const renewed = await tokensOf(await requestToken(gateway, { ...refresh, ...(await proof()) }));
    const gone = { token: renewed.access_token, ...(await proof()) };
    expect((await post(gateway, "/revoke", gone)).status).toBe(200);
    expect(await opens(gateway, renewed.access_token)).toBe(false);
  });
});

describe("an assertion that proves nothing is 401 invalid_client (CC-02)", () => {
  const bad: [string, () => Promise<string> | string][] = [
    ["for another server", () => signer.sign(claimsFor({ aud: "https://as.example.com" }))],
    [
      "for the token endpoint of another",
      () => signer.sign(claimsFor({ aud: "https://as.example.com/token" })),
    ],
    ["with a slash behind the issuer", () => signer.sign(claimsFor({ aud: `${gateway.url}/` }))],
    [
      "for an audience of several",
      () => signer.sign(claimsFor({ aud: [gateway.url, "https://b.example"] })),
    ],
    ["for a list of one", () => signer.sign(claimsFor({ aud: [gateway.url] }))],
    ["without aud", () => signer.sign(claimsFor({ aud: undefined }))],
    ["without exp", () => signer.sign(claimsFor({ exp: undefined }))],
    ["expired", () => signer.sign(claimsFor({ exp: Math.floor(gateway.clock.now()) - 1 }))],
    [
      "that lives over five minutes",
      () => signer.sign(claimsFor({ exp: Math.floor(gateway.clock.now()) + 301 })),
    ],
    [
      "that lives for years without iat",
      () => signer.sign(claimsFor({ iat: undefined, exp: 4e9 })),
    ],
    ["with exp as text", () => signer.sign(claimsFor({ exp: "4000000000" }))],
    ["with exp beyond all numbers", () => rawAssertion({}, `{"exp":1e999}`)],
    [
      "from the future",
      () => signer.sign(claimsFor({ iat: Math.floor(gateway.clock.now()) + 60 })),
    ],
    ["not valid yet", () => signer.sign(claimsFor({ nbf: Math.floor(gateway.clock.now()) + 60 }))],
    ["without jti", () => signer.sign(claimsFor({ jti: undefined }))],
    ["with an empty jti", () => signer.sign(claimsFor({ jti: "" }))],
    ["with jti as a number", () => signer.sign(claimsFor({ jti: 1 }))],
    ["with another iss", () => signer.sign(claimsFor({ iss: "somebody" }))],
    ["without iss", () => signer.sign(claimsFor({ iss: undefined }))],
    ["without sub", () => signer.sign(claimsFor({ sub: undefined }))],
    ["about a client nobody knows", () => signer.sign(assertionClaims(gateway, "nobody"))],
    ["signed by another key of the same kid", () => stranger.sign(claimsFor())],
    ["naming a kid the client has not", () => signer.sign(claimsFor(), { kid: "k2" })],
    ["naming no kid, by another key", () => stranger.sign(claimsFor(), { kid: undefined })],
    ["bringing its own key", () => stranger.sign(claimsFor(), { jwk: stranger.publicJwk })],
    [
      "pointing to its own keys",
      () => stranger.sign(claimsFor(), { jku: "https://keys.example/" }),
    ],
    ["for another purpose: at+jwt", () => signer.sign(claimsFor(), { typ: "at+jwt" })],
    ["for another purpose: ID-JAG", () => signer.sign(claimsFor(), { typ: "oauth-id-jag+jwt" })],
    ["for another purpose: DPoP", () => signer.sign(claimsFor(), { typ: "dpop+jwt" })],
    [
      "with an algorithm the key is not for",
      async () => (await createSigner("RS256", "k1")).sign(claimsFor()),
    ],
    ["without signature", () => rawAssertion({ alg: "none" }, JSON.stringify(claimsFor()))],
    ["with alg nOnE", () => rawAssertion({ alg: "nOnE" }, JSON.stringify(claimsFor()))],
    ["with a name twice in it", () => rawAssertion({}, `{"sub":"x","sub":"y"}`)],
    ["of 20 KB", () => signer.sign(claimsFor({ padding: "x".repeat(20_000) }))],
    ["that is no JWT", () => "garbage"],
    ["that is two dots", () => ".."],
    ["in five parts", () => "a.b.c.d.e"],
    ["of null", () => rawAssertion({}, "null")],
  ];

  it.each(bad)("%s", async (_what, make) => {
    const response = await present(await make(), { client_id: undefined });
    expect(await errorOf(response)).toBe("401 invalid_client");
  });

  it.each(["spki pem", "spki der", "jwk"] as const)(
    "signed HS256 with the public key as %s for the secret",
    async (form) => {
      const key = createPublicKey({ key: signer.publicJwk as never, format: "jwk" });
      const secret =
        form === "jwk"
          ? JSON.stringify(signer.publicJwk)
          : form === "spki pem"
            ? key.export({ type: "spki", format: "pem" })
            : key.export({ type: "spki", format: "der" });
      const head = rawAssertion({ alg: "HS256", kid: "k1" }, JSON.stringify(claimsFor())).slice(
        0,
        -1,
      );
      const mac = createHmac("sha256", secret).update(head).digest("base64url");
      expect(await errorOf(await present(`${head}.${mac}`))).toBe("401 invalid_client");
    },
  );

  it("of another client, signed with that client's key", async () => {
    await registerWithKeys(stranger);
    expect(await errorOf(await present(await stranger.sign(claimsFor())))).toBe(
      "401 invalid_client",
    );
  });

  it("with iss of one client and sub of another", async () => {
    const { clientId } = await registerWithKeys(stranger);
    for (const one of [signer, stranger]) {
      const assertion = await one.sign(claimsFor({ iss: clientId }));
      expect(await errorOf(await present(assertion))).toBe("401 invalid_client");
    }
  });

  it("by an algorithm other than the registered one", async () => {
    const rsa = await createSigner("RS256");
    const client = await registered(gateway, {
      redirect_uris: [LOOPBACK],
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: "PS256",
      jwks: { keys: [rsa.publicJwk] },
    });
    const assertion = await rsa.sign(assertionClaims(gateway, client.client_id));
    expect(await errorOf(await present(assertion))).toBe("401 invalid_client");
  });

  it("of a client that registered a secret, and a secret of one that registered a key", async () => {
    const { clientId } = await registerProgram(gateway);
    const assertion = await signer.sign(assertionClaims(gateway, clientId));
    expect(await errorOf(await present(assertion))).toBe("401 invalid_client");
    const form = { grant_type: "client_credentials", client_id: program.clientId };
    expect(await errorOf(await requestToken(gateway, form))).toBe("401 invalid_client");
    const secret = { ...form, client_secret: "x" };
    expect(await errorOf(await requestToken(gateway, secret))).toBe("401 invalid_client");
  });

  it("under another client_assertion_type, or under none", async () => {
    for (const type of [
      "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
      undefined,
      "x",
    ]) {
      const response = await present(await signer.sign(claimsFor()), {
        client_assertion_type: type,
      });
      expect(await errorOf(response)).toBe("401 invalid_client");
    }
  });
});

describe("an assertion beside another way", () => {
  it("is refused before anything is looked up (TK-08)", async () => {
    const form = assertionForm(await signer.sign(claimsFor()), {
      grant_type: "client_credentials",
    });
    const header = basicAuth(program.clientId, "x");
    expect(await errorOf(await requestToken(gateway, form, header))).toBe("400 invalid_request");
    for (const more of [{ client_secret: "x" }, { client_id: "another" }]) {
      expect(await errorOf(await requestToken(gateway, { ...form, ...more }))).toBe(
        "400 invalid_request",
      );
    }
    // Nothing of that has used it up.
    expect((await requestToken(gateway, form)).status).toBe(200);
  });
});

describe("an assertion works once (CC-02)", () => {
  it("not a second time, until it has expired and after", async () => {
    const assertion = await signer.sign(claimsFor());
    expect((await present(assertion)).status).toBe(200);
    for (const seconds of [0, 30, 29, 2, 60]) {
      gateway.clock.advance(seconds);
      expect(await errorOf(await present(assertion))).toBe("401 invalid_client");
    }
  });

  it("of 20 at the same moment one succeeds", async () => {
    const assertion = await signer.sign(claimsFor());
    const answers = await Promise.all(Array.from({ length: 20 }, () => present(assertion)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      200,
      ...Array(19).fill(401),
    ]);
  });

  it("by its jti, whatever else is signed anew", async () => {
    const jti = "the same";
    expect((await present(await signer.sign(claimsFor({ jti })))).status).toBe(200);
    const again = await signer.sign(claimsFor({ jti, exp: Math.floor(gateway.clock.now()) + 90 }));
    expect(await errorOf(await present(again))).toBe("401 invalid_client");
  });

  it("but another client may use the same jti", async () => {
    const { clientId } = await registerWithKeys(stranger);
    const jti = "shared";
    expect((await present(await signer.sign(claimsFor({ jti })))).status).toBe(200);
    const other = await stranger.sign(assertionClaims(gateway, clientId, { jti }));
    expect((await present(other)).status).toBe(200);
  });

  it("at no endpoint after it was used at another", async () => {
    const assertion = await signer.sign(claimsFor());
    const tokens = await jsonOf<Tokens>(await present(assertion));
    const form = assertionForm(assertion, { token: tokens.access_token });
    expect(await errorOf(await post(gateway, "/revoke", form))).toBe("401 invalid_client");
    expect(await opens(gateway, tokens.access_token)).toBe(true);
  });

  it("also across a restart", async () => {
    const first = await startGateway();
    const { stateDirectory } = first;
    const copy = mkdtempSync(`${stateDirectory}-copy-`);
    const { clientId } = await registerProgram(first, {
      authMethod: "private_key_jwt",
      jwks: { keys: [signer.publicJwk] },
    });
    const assertion = await signer.sign(assertionClaims(first, clientId, { aud: first.url }));
    const form = assertionForm(assertion, { grant_type: "client_credentials" });
    expect((await requestToken(first, form)).status).toBe(200);
    const port = Number(new URL(first.url).port);
    // What is on the disk at this moment is what a crash would leave.
    cpSync(stateDirectory, copy, { recursive: true, filter: (path) => !/lock|sock/.test(path) });
    await first.close();
    const second = await startGateway({
      stateDirectory: copy,
      config: { listen: { host: "localhost", port }, publicUrl: first.url },
    });
    try {
      expect(await errorOf(await requestToken(second, form))).toBe("401 invalid_client");
      const fresh = await signer.sign(assertionClaims(second, clientId));
      expect((await requestToken(second, { ...form, client_assertion: fresh })).status).toBe(200);
    } finally {
      await second.close();
      rmSync(copy, { recursive: true });
    }
  });
});

it("no assertion is in the log, at level trace (A30, SE-01)", async () => {
  const assertion = await signer.sign(claimsFor());
  await present(assertion);
  await present(assertion);
  await present(`${assertion}x`);
  expect(decodeProtectedHeader(assertion).alg).toBe("ES256");
  const [, payload = "", signature = ""] = assertion.split(".");
  const seen = gateway.logged() + JSON.stringify(gateway.events);
  expect(seen).toContain("used before");
  expect(seen).not.toContain(signature);
  expect(seen).not.toContain(payload);
});

/** An assertion nobody has signed. */
function rawAssertion(header: Record<string, unknown>, claims: string): string {
  const encode = (text: string): string => Buffer.from(text).toString("base64url");
  return `${encode(JSON.stringify({ alg: "ES256", ...header }))}.${encode(claims)}.`;
}
