/** Which redirect URIs and keys can be registered: RFC 7591 §2, RFC 8252 §7, rows RG-01 to RG-16, DS-06, DS-07. */
import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { errorOf, jsonOf, LOOPBACK, register, type RawClient } from "../support/raw-client.ts";

let gateway: TestGateway;
const WEB = "https://app.example.com/cb";

beforeAll(async () => {
  gateway = await startGateway({ config: { registration: { redirectSchemes: ["acme"] } } });
});
afterAll(() => gateway.close());

const refusal = async (metadata: unknown): Promise<string> =>
  errorOf(await register(gateway, metadata));

const accepted = async (metadata: unknown): Promise<RawClient> => {
  const response = await register(gateway, metadata);
  expect(response.status).toBe(201);
  return jsonOf<RawClient>(response);
};

describe("redirect URIs that are refused, alone and beside a good one", () => {
  const schemes = [
    "javascript",
    "data",
    "vbscript",
    "file",
    "blob",
    "about",
    "ws",
    "ftp",
    "intent",
  ];
  it.each<[string, string[]]>([
    ["RG-02", schemes.map((scheme) => `${scheme}:alert(1)`)],
    [
      "RG-02, mixed case",
      schemes.map((scheme) => `${scheme[0]!.toUpperCase()}${scheme.slice(1)}:x`),
    ],
    [
      "RG-02, leading blanks",
      [" ", "\t", "\n", "\u0000"].map((blank) => `${blank}javascript:alert(1)`),
    ],
    ["RG-02, blanks within", ["java\tscript:alert(1)", "java\nscript:alert(1)"]],
    ["RG-03", [`${WEB}#`, `${WEB}#x`, `${LOOPBACK}#`, "com.example.app:/cb#"]],
    ["RG-04", ["http://app.example.com/cb", "http://10.0.0.1/cb", "HTTP://app.example.com/"]],
    [
      "RG-06",
      [
        "127.1",
        "0x7f.1",
        "2130706433",
        "localhost.",
        "x.localhost",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
      ].map((host) => `http://${host}/cb`),
    ],
    ["RG-07", ["a:/cb", "app:/cb", "x-app:/cb", "other://cb"]],
    [
      "RG-08",
      ["code=x", "STATE=", "iss=x", "error=x", "a=1&code=2"].map((query) => `${WEB}?${query}`),
    ],
    ["RG-09", [`${WEB}/${"x".repeat(2048)}`]],
    [
      "user information, wildcards, dot segments",
      ["https://u@app.example.com/", "https://*.example.com/", `${WEB}/../x`, `${WEB}/%2e%2e/x`],
    ],
    [
      "quotes and backslashes",
      ['https://app.example.com/"', "https://app.example.com\\@evil.example/"],
    ],
  ])("%s", async (_, uris) => {
    for (const uri of uris) {
      expect(await refusal({ redirect_uris: [uri] }), uri).toBe("400 invalid_redirect_uri");
      const { redirect_uris: kept } = await accepted({ redirect_uris: [uri, WEB] });
      expect(kept, uri).toEqual([WEB]);
    }
  });

  it("eleven, a thousand, none, holes, and other types (RG-01, RG-09)", async () => {
    const many = (count: number): string[] =>
      Array.from({ length: count }, (_, index) => `${WEB}/${index}`);
    for (const redirect_uris of [
      many(11),
      many(1000),
      [],
      WEB,
      [1],
      [null, WEB],
      {},
      [[WEB]],
      true,
    ]) {
      expect(await refusal({ redirect_uris })).toBe("400 invalid_redirect_uri");
    }
    expect(await refusal('{"redirect_uris":[,]}')).toBe("400 invalid_client_metadata");
  });
});

describe("redirect URIs that are accepted", () => {
  it.each([
    [WEB],
    [`${WEB}?tenant=1`],
    [LOOPBACK],
    ["http://[::1]/cb"],
    ["com.example.app:/cb"],
    ["cursor://anysphere.cursor-mcp/oauth/callback"],
    ["acme:/cb"],
  ])("%s, unchanged (RG-07)", async (uri) => {
    expect((await accepted({ redirect_uris: [uri] })).redirect_uris).toEqual([uri]);
  });

  it("are not needed by a client that never redirects", async () => {
    const client = await accepted({
      grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
      token_endpoint_auth_method: "none",
    });
    expect(client).toMatchObject({ redirect_uris: [], response_types: [] });
    expect(client["grant_types"]).not.toContain("authorization_code");
  });

  it("and client_credentials is the operator's to give", async () => {
    const grant_types = ["authorization_code", "client_credentials"];
    const client = await accepted({ redirect_uris: [WEB], grant_types });
    expect(client["grant_types"]).toEqual(["authorization_code"]);
    expect(await refusal({ grant_types: ["client_credentials"] })).toBe(
      "400 invalid_client_metadata",
    );
    expect(await refusal({ grant_types: ["refresh_token"], redirect_uris: [WEB] })).toBe(
      "400 invalid_client_metadata",
    );
  });
});

describe("keys of a client (RG-15, RG-16)", () => {
  const ec = (namedCurve: string) =>
    generateKeyPairSync("ec", { namedCurve }).privateKey.export({ format: "jwk" });
  const rsa = (modulusLength: number) =>
    generateKeyPairSync("rsa", { modulusLength }).publicKey.export({ format: "jwk" });
  const { d: secretPart, ...key } = ec("P-256");
  const client = { redirect_uris: [WEB], token_endpoint_auth_method: "private_key_jwt" };

  it("are registered and echoed", async () => {
    const sent = {
      ...client,
      token_endpoint_auth_signing_alg: "ES256",
      jwks: { keys: [{ ...key, kid: "1", use: "sig" }, rsa(2048)] },
    };
    const answer = await accepted(sent);
    expect(answer).toMatchObject(sent);
    expect(answer).not.toHaveProperty("client_secret");
    const { jwks: _jwks, ...rest } = sent;
    const jwks_uri = "https://app.example.com/jwks.json";
    expect(await accepted({ ...rest, jwks_uri })).toMatchObject({ ...rest, jwks_uri });
  });

  it("are left out where they are of no use", async () => {
    const answer = await accepted({ redirect_uris: [WEB], jwks: { keys: [key] } });
    expect(answer).not.toHaveProperty("jwks");
  });

  it.each<[string, Record<string, unknown>]>([
    ["none", {}],
    ["both", { jwks: { keys: [key] }, jwks_uri: "https://app.example.com/jwks" }],
    ["a private key", { jwks: { keys: [{ ...key, d: secretPart }] } }],
    ["a private key among others", { jwks: { keys: [key, ec("P-256")] } }],
    ["a symmetric key", { jwks: { keys: [{ kty: "oct", k: "AAAA" }] } }],
    ["an empty set", { jwks: { keys: [] } }],
    ["eleven", { jwks: { keys: Array.from({ length: 11 }, () => key) } }],
    ["a list", { jwks: [key] }],
    ["no key", { jwks: { keys: [{ kty: "EC", crv: "P-256", x: "AA", y: "AA" }] } }],
    ["a point that is not on the curve", { jwks: { keys: [{ ...key, x: key.y }] } }],
    ["a short RSA key", { jwks: { keys: [rsa(1024)] } }],
    ["a key for encryption", { jwks: { keys: [{ ...key, use: "enc" }] } }],
    ["another curve", { jwks: { keys: [{ ...ec("secp256k1"), d: undefined }] } }],
    ["a kid that is no text", { jwks: { keys: [{ ...key, kid: { a: 1 } }] } }],
    ["a key of 100 KB", { jwks: { keys: [{ ...key, x5c: ["A".repeat(50_000)] }] } }],
    ["a symmetric algorithm", { jwks: { keys: [key] }, token_endpoint_auth_signing_alg: "HS256" }],
    ["no algorithm", { jwks: { keys: [key] }, token_endpoint_auth_signing_alg: "none" }],
    ...[
      "http://app.example.com/jwks",
      "javascript:alert(1)",
      "https://127.0.0.1/jwks",
      "https://169.254.169.254/jwks",
      "https://[::1]/jwks",
      "https://2130706433/jwks",
      "https://localhost/jwks",
      "https://x.localhost/jwks",
      "https://u:p@app.example.com/jwks",
      "https://app.example.com/jwks#x",
    ].map((jwks_uri): [string, Record<string, unknown>] => [jwks_uri, { jwks_uri }]),
  ])("refuses %s", async (_, members) => {
    expect(await refusal({ ...client, ...members })).toBe("400 invalid_client_metadata");
  });

  it("refuses a private key of any client", async () => {
    const sent = { redirect_uris: [WEB], jwks: { keys: [ec("P-256")] } };
    expect(await refusal(sent)).toBe("400 invalid_client_metadata");
  });
});

describe("text made to be slow (DS-06, DS-07)", () => {
  it.each<[string, Record<string, unknown>]>([
    ["a scope", { scope: "a ".repeat(30_000) }],
    ["a name", { client_name: "\u202E ".repeat(8000) }],
    ["a redirect URI", { redirect_uris: [WEB, `https://${"a.".repeat(30_000)}`] }],
    ["a scheme", { redirect_uris: [WEB, `${"a-.".repeat(20_000)}:/cb`] }],
    ["a URL", { client_uri: `https://${"%41".repeat(20_000)}` }],
    [
      "names that hash alike",
      Object.fromEntries(Array.from({ length: 4000 }, (_, index) => [`k${index * 65_536}`, 1])),
    ],
  ])("%s is answered at once", async (_, members) => {
    const before = performance.now();
    const response = await register(gateway, { redirect_uris: [WEB], ...members });
    expect([201, 400]).toContain(response.status);
    await response.text();
    expect(performance.now() - before).toBeLessThan(500);
  });
});
