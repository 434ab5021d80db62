/** Authorization server metadata as a stranger sees it: RFC 8414, and that it tells the truth. */
import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  jsonOf,
  ask,
  authorizationUrl,
  basicAuth,
  errorOf,
  obtainCode,
  register,
  registered,
  redirectOf,
  requestToken,
} from "../support/raw-client.ts";

let gateway: TestGateway;
let metadata: Record<string, unknown>;
const list = (member: string): string[] => z.array(z.string()).parse(metadata[member]);
const WELL_KNOWN = "/.well-known/oauth-authorization-server";

beforeAll(async () => {
  gateway = await startGateway();
  metadata = await jsonOf<typeof metadata>(await fetch(`${gateway.url}${WELL_KNOWN}`));
});
afterAll(() => gateway.close());

const CONFIDENTIAL = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
const ASSERTION_ALGORITHMS = ["ES256", "ES384", "EdDSA", "PS256", "RS256"];

describe("the metadata document, RFC 8414 §2 and §3", () => {
  it("names exactly what there is", () => {
    expect(metadata).toEqual({
      issuer: gateway.url,
      authorization_endpoint: `${gateway.url}/authorize`,
      token_endpoint: `${gateway.url}/token`,
      registration_endpoint: `${gateway.url}/register`,
      revocation_endpoint: `${gateway.url}/revoke`,
      jwks_uri: `${gateway.url}/.well-known/jwks.json`,
      scopes_supported: ["mcp", "offline_access"],
      response_types_supported: ["code"],
      response_modes_supported: ["query"],
      introspection_endpoint: `${gateway.url}/introspect`,
      device_authorization_endpoint: `${gateway.url}/device_authorization`,
      pushed_authorization_request_endpoint: `${gateway.url}/par`,
      grant_types_supported: [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
      ],
      code_challenge_methods_supported: ["S256"],
      token_endpoint_auth_methods_supported: ["none", ...CONFIDENTIAL],
      token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
      revocation_endpoint_auth_methods_supported: ["none", ...CONFIDENTIAL],
      revocation_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
      introspection_endpoint_auth_methods_supported: CONFIDENTIAL,
      introspection_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
      dpop_signing_alg_values_supported: ["ES256", "EdDSA", "PS256", "RS256"],
      client_id_metadata_document_supported: true,
      authorization_response_iss_parameter_supported: true,
      request_parameter_supported: false,
      request_uri_parameter_supported: false,
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["ES256"],
    });
  });

  it("is the same under its OpenID Connect name", async () => {
    const response = await fetch(`${gateway.url}/.well-known/openid-configuration`);
    expect(await response.json()).toEqual(metadata);
  });

  it("is JSON that any page may read and cache, and nothing more", async () => {
    const response = await fetch(`${gateway.url}${WELL_KNOWN}`, {
      headers: { origin: "https://a.example" },
    });
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(response.headers.has("access-control-allow-credentials")).toBe(false);
    expect(response.headers.get("cache-control")).toMatch(/max-age=\d+/);
    const head = await fetch(`${gateway.url}${WELL_KNOWN}`, { method: "HEAD" });
    expect(head.status).toBe(200);
    const post = await fetch(`${gateway.url}${WELL_KNOWN}`, { method: "POST" });
    expect(post.headers.get("allow")).toBe("GET, HEAD");
    expect(await errorOf(post)).toBe("405 invalid_request");
  });

  it("takes no word of a request's headers into its URLs", async () => {
    const headers = {
      "x-forwarded-host": "evil.example",
      "x-forwarded-proto": "https",
      "x-forwarded-prefix": "/evil",
      forwarded: "host=evil.example",
      "x-original-url": "/evil",
    };
    const response = await fetch(`${gateway.url}${WELL_KNOWN}`, { headers });
    expect(await response.json()).toEqual(metadata);
  });

  it.each(["/echo", "/echo/mcp", "/", "/x"])(
    "is not at %s: only the issuer's own place has it",
    async (suffix) => {
      expect((await fetch(`${gateway.url}${WELL_KNOWN}${suffix}`)).status).toBe(404);
    },
  );
});

describe("every advertised capability works, and no other (MD-04)", () => {
  it("client authentication methods", async () => {
    const all = [
      "none",
      "client_secret_basic",
      "client_secret_post",
      "client_secret_jwt",
      "private_key_jwt",
      "tls_client_auth",
    ];
    for (const method of all) {
      const response = await register(gateway, {
        redirect_uris: ["https://a.example/cb"],
        token_endpoint_auth_method: method,
        ...(method === "private_key_jwt" && { jwks: { keys: [publicJwk()] } }),
      });
      const isAdvertised = list("token_endpoint_auth_methods_supported").includes(method);
      expect(response.status, method).toBe(isAdvertised ? 201 : 400);
      // How a key authenticates is the matter of private-key-jwt.test.ts.
      if (!isAdvertised || method === "private_key_jwt") continue;
      const client = await jsonOf<{ client_id: string; client_secret?: string }>(response);
      const secret = client.client_secret ?? "";
      const form = { grant_type: "refresh_token", refresh_token: "x", client_id: client.client_id };
      const answer =
        method === "client_secret_basic"
          ? await requestToken(gateway, form, basicAuth(client.client_id, secret))
          : await requestToken(gateway, { ...form, client_secret: secret });
      expect(await errorOf(answer), method).toBe("400 invalid_grant");
    }
  });

  it("grant types", async () => {
    const client_id = (await registered(gateway)).client_id;
    const all = [
      "authorization_code",
      "refresh_token",
      "client_credentials",
      "password",
      "implicit",
      "urn:ietf:params:oauth:grant-type:device_code",
      "urn:ietf:params:oauth:grant-type:token-exchange",
      "urn:ietf:params:oauth:grant-type:jwt-bearer",
    ];
    for (const grant_type of all) {
      const error = await errorOf(await requestToken(gateway, { client_id, grant_type }));
      const isAdvertised = list("grant_types_supported").includes(grant_type);
      expect(error === "400 unsupported_grant_type", `${grant_type}: ${error}`).toBe(!isAdvertised);
    }
  });

  it("response types, challenge methods and scopes", async () => {
    const client = await registered(gateway);
    const outcome = async (fields: Record<string, string>): Promise<string> => {
      const response = await ask(authorizationUrl(gateway, client, fields));
      const isLogin = response.headers.get("location")?.startsWith("/login");
      return isLogin === true ? "login" : redirectOf(response)["error"]!;
    };
    for (const response_type of ["code", "token", "id_token", "code id_token", "none"]) {
      const isAdvertised = list("response_types_supported").includes(response_type);
      expect(await outcome({ response_type })).toBe(
        isAdvertised ? "login" : "unsupported_response_type",
      );
    }
    for (const code_challenge_method of ["S256", "plain"]) {
      const isAdvertised = list("code_challenge_methods_supported").includes(code_challenge_method);
      expect(await outcome({ code_challenge_method })).toBe(
        isAdvertised ? "login" : "invalid_request",
      );
    }
    const { form } = await obtainCode(gateway, client, {
      scope: `${list("scopes_supported").join(" ")} openid`,
    });
    const tokens = await jsonOf<{ scope: string }>(await requestToken(gateway, form));
    expect(tokens.scope.split(" ")).toEqual(list("scopes_supported"));
  });

  it("endpoints", async () => {
    const endpoints = Object.entries(metadata).filter(([member]) =>
      /_endpoint$|_uri$/.test(member),
    );
    expect(endpoints).toHaveLength(8);
    for (const [, url] of endpoints) expect((await ask(String(url))).status).not.toBe(404);
  });
});

function publicJwk(): JsonWebKey {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { ...publicKey.export({ format: "jwk" }), alg: "ES256", use: "sig" };
}

describe("JWKS, RFC 7517 §5 (JW-27)", () => {
  it("has public members only", async () => {
    const response = await fetch(String(metadata["jwks_uri"]));
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(response.headers.get("cache-control")).toMatch(/max-age=\d+/);
    expect(await response.json()).toEqual({
      keys: [
        {
          kty: "EC",
          crv: "P-256",
          x: expect.stringMatching(/^[\w-]{43}$/),
          y: expect.stringMatching(/^[\w-]{43}$/),
          kid: expect.stringMatching(/^[\w-]{43}$/),
          alg: "ES256",
          use: "sig",
        },
      ],
    });
  });
});

describe("an issuer with a path, RFC 8414 §3.1", () => {
  it("is described at the inserted and the appended places, and works (MD-02)", async () => {
    const tenant = await startGateway({ config: { publicUrl: "http://localhost:0/tenant" } });
    try {
      const { origin } = new URL(tenant.url);
      for (const path of [
        "/.well-known/oauth-authorization-server/tenant",
        "/.well-known/openid-configuration/tenant",
        "/tenant/.well-known/oauth-authorization-server",
        "/tenant/.well-known/openid-configuration",
      ]) {
        const document = await jsonOf<Record<string, unknown>>(await fetch(`${origin}${path}`));
        expect(document).toMatchObject({
          issuer: tenant.url,
          token_endpoint: `${tenant.url}/token`,
        });
      }
      expect((await fetch(`${origin}/.well-known/oauth-authorization-server`)).status).toBe(404);
      const client = await registered(tenant);
      const { form } = await obtainCode(tenant, client);
      expect((await requestToken(tenant, form)).status).toBe(200);
    } finally {
      await tenant.close();
    }
  });
});
