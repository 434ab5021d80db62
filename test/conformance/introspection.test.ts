/** Token introspection as a stranger sees it: RFC 7662. */
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RegisteredClient } from "../../src/control/answers.ts";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";
import {
  assertionClaims,
  assertionForm,
  createSigner,
  credentialsToken,
  registerByCommand,
  registerProgram,
  secretOf,
} from "../support/operator.ts";
import {
  ask,
  basicAuth,
  errorOf,
  jsonOf,
  obtainCode,
  obtainTokens,
  opens,
  post,
  refreshForm,
  registered,
  requestToken,
  tokensOf,
  type Fields,
  type RawClient,
} from "../support/raw-client.ts";

let gateway: TestGateway;
/** An ordinary public client of a person. */
let app: RawClient;
/** A program of the service `echo`, and one of the other service. */
let resourceServer: RegisteredClient;
let otherServer: RegisteredClient;

beforeAll(async () => {
  const echo = { command: process.execPath, args: [fixture("echo.js")] };
  gateway = await startGateway({
    config: { services: { echo, other: echo }, defaultService: "echo" },
  });
  app = await registered(gateway);
  const authMethod = "client_secret_basic";
  resourceServer = await registerByCommand(gateway, { introspects: ["echo"], authMethod });
  otherServer = await registerByCommand(gateway, { introspects: ["other"], authMethod });
});
afterAll(() => gateway.close());

const introspect = (
  fields: Fields | string,
  headers: Record<string, string> = secretOf(resourceServer),
): Promise<Response> => post(gateway, "/introspect", fields, headers);

const about = async (token: string, as = resourceServer): Promise<Record<string, unknown>> => {
  const response = await introspect({ token }, secretOf(as));
  expect(response.status).toBe(200);
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(response.headers.get("content-type")).toBe("application/json");
  return jsonOf<Record<string, unknown>>(response);
};

const INACTIVE = { active: false };

describe("introspection of a live token, RFC 7662 §2.2 (A25)", () => {
  it("tells the resource's own program what the token says (IN-05)", async () => {
    const tokens = await obtainTokens(gateway, app);
    const now = Math.floor(gateway.clock.now());
    const known = await about(tokens.access_token);
    expect(known).toEqual({
      active: true,
      iss: gateway.url,
      aud: gateway.resource,
      sub: expect.stringMatching(/^local:/) as string,
      client_id: app.client_id,
      scope: "mcp",
      token_type: "Bearer",
      jti: expect.any(String) as string,
      iat: expect.any(Number) as number,
      exp: expect.any(Number) as number,
    });
    expect(Math.abs(Number(known.exp) - now - 3600)).toBeLessThanOrEqual(2);
  });

  it("tells a client about its own tokens, of both kinds", async () => {
    const client = await registered(gateway, { token_endpoint_auth_method: "client_secret_basic" });
    const header = basicAuth(client.client_id, client.client_secret!);
    const { form } = await obtainCode(gateway, client);
    const tokens = await tokensOf(await requestToken(gateway, form, header));
    for (const token of [tokens.access_token, tokens.refresh_token]) {
      expect(await jsonOf(await introspect({ token }, header))).toMatchObject({
        active: true,
        client_id: client.client_id,
        aud: gateway.resource,
      });
    }
    const refreshed = await requestToken(
      gateway,
      { grant_type: "refresh_token", refresh_token: tokens.refresh_token },
      header,
    );
    // Used up; and asking about it is no reuse.
    const used = { token: tokens.refresh_token };
    expect(await jsonOf(await introspect(used, header))).toEqual(INACTIVE);
    const { access_token: token } = await tokensOf(refreshed);
    expect(await jsonOf(await introspect({ token }, header))).toMatchObject({ active: true });
  });

  it("can be asked with a key instead of a secret", async () => {
    const signer = await createSigner();
    const client = await registerProgram(gateway, {
      authMethod: "private_key_jwt",
      jwks: { keys: [signer.publicJwk] },
    });
    const proof = async () => signer.sign(assertionClaims(gateway, client.clientId));
    const form = assertionForm(await proof(), { grant_type: "client_credentials" });
    const { access_token: token } = await tokensOf(await requestToken(gateway, form));
    const answer = await introspect(assertionForm(await proof(), { token }), {});
    expect(await jsonOf(answer)).toMatchObject({ active: true, sub: client.clientId });
  });

  it.each(["access_token", "refresh_token", "nonsense"])(
    "finds the token whatever the hint says: %s (§2.1)",
    async (token_type_hint) => {
      const { access_token: token } = await obtainTokens(gateway, app);
      const answer = await introspect({ token, token_type_hint });
      expect(await jsonOf(answer)).toMatchObject({ active: true });
    },
  );

  it("is in the metadata, not for public clients", async () => {
    const url = `${gateway.url}/.well-known/oauth-authorization-server`;
    expect(await jsonOf(await ask(url))).toMatchObject({
      introspection_endpoint: `${gateway.url}/introspect`,
      introspection_endpoint_auth_methods_supported: [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
      ],
    });
  });
});

describe("who may not ask (IN-01)", () => {
  it.each([
    ["nobody", {}, {}],
    ["a bearer of a token", {}, { authorization: "Bearer x" }],
    ["a wrong secret", {}, basicAuth("x", "y")],
    ["an unknown client", { client_id: "nobody" }, {}],
  ])("%s", async (_who, fields, headers) => {
    expect(await errorOf(await introspect({ token: "x", ...fields }, headers))).toBe(
      "401 invalid_client",
    );
  });

  it("the bearer of a live token, and the public client that holds it", async () => {
    const { access_token: token } = await obtainTokens(gateway, app);
    const bearer = { authorization: `Bearer ${token}` };
    expect(await errorOf(await introspect({ token }, bearer))).toBe("401 invalid_client");
    const fields = { token, client_id: app.client_id };
    expect(await errorOf(await introspect(fields, {}))).toBe("401 invalid_client");
  });
});

describe("everything else is inactive and nothing more (IN-02, IN-03)", () => {
  it.each(["x", "__proto__", "a.b.c", "..", "eyJhbGciOiJub25lIn0.e30.", "\0", "y".repeat(20_000)])(
    "%j",
    async (token) => expect(await about(token)).toEqual(INACTIVE),
  );

  it("a token for another service, to this one's program, and the other way round", async () => {
    const resource = `${gateway.url}/other/mcp`;
    const { access_token: token } = await obtainTokens(gateway, app, { resource });
    expect(await about(token)).toEqual(INACTIVE);
    expect(await about(token, otherServer)).toMatchObject({ active: true, aud: resource });
  });

  it("a token of another client, to a client that is no resource's", async () => {
    const { access_token: token, refresh_token: refresh } = await obtainTokens(gateway, app);
    const program = await registerProgram(gateway);
    for (const one of [token, refresh]) expect(await about(one, program)).toEqual(INACTIVE);
  });

  it("a refresh token, to the resource", async () => {
    const { refresh_token: token } = await obtainTokens(gateway, app);
    expect(await about(token)).toEqual(INACTIVE);
  });

  it("a token that was revoked, at the very next request (RV-06, A25)", async () => {
    const tokens = await obtainTokens(gateway, app);
    await post(gateway, "/revoke", { client_id: app.client_id, token: tokens.refresh_token });
    expect(await about(tokens.access_token)).toEqual(INACTIVE);
  });

  it("a token whose grant ended because its code came twice (CD-06)", async () => {
    const { form } = await obtainCode(gateway, app);
    const tokens = await tokensOf(await requestToken(gateway, form));
    expect(await errorOf(await requestToken(gateway, form))).toBe("400 invalid_grant");
    expect(await about(tokens.access_token)).toEqual(INACTIVE);
  });

  it("a refresh token in use by nobody but a thief: reuse ends all (RF-02)", async () => {
    const first = await obtainTokens(gateway, app);
    const second = await tokensOf(
      await requestToken(gateway, refreshForm(app, first.refresh_token)),
    );
    gateway.clock.advance(31);
    await requestToken(gateway, refreshForm(app, first.refresh_token));
    expect(await about(second.access_token)).toEqual(INACTIVE);
  });

  it("a token that has expired", async () => {
    const program = await registerProgram(gateway);
    const { access_token: token } = await tokensOf(await credentialsToken(gateway, program));
    expect(await about(token)).toMatchObject({ active: true });
    gateway.clock.advance(3600);
    expect(await about(token)).toEqual(INACTIVE);
  });
});

describe("a forged token is inactive (JW-01, JW-02, JW-08)", () => {
  let token: string;
  beforeAll(async () => {
    ({ access_token: token } = await obtainTokens(gateway, app));
  });
  const parts = (): [string, string, string] => token.split(".") as [string, string, string];
  const json = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString()) as object;
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

  const forged: [string, () => Promise<string> | string][] = [
    ["without a signature", () => `${parts()[0]}.${parts()[1]}.`],
    ["with alg none", () => `${part({ ...json(parts()[0]), alg: "none" })}.${parts()[1]}.`],
    [
      "with another payload",
      () => `${parts()[0]}.${part({ ...json(parts()[1]), scope: "x" })}.${parts()[2]}`,
    ],
    ["cut short", () => token.slice(0, -2)],
    ["with more behind it", () => `${token}AA`],
    ["with a part more", () => `${token}.x`],
    ["with spaces", () => ` ${token}`],
    ["by another key of the same kid", () => signed(json(parts()[0]), json(parts()[1]))],
    [
      "by a key in its header",
      () => signed({ ...json(parts()[0]), kid: undefined }, json(parts()[1])),
    ],
  ];

  it.each(forged)("%s", async (_what, make) => {
    expect(await about(await make())).toEqual(INACTIVE);
    expect(await about(token)).toMatchObject({ active: true });
  });

  async function signed(header: object, claims: object): Promise<string> {
    const { generateKeyPair } = await import("jose");
    const { privateKey } = await generateKeyPair("ES256");
    const protectedHeader = JSON.parse(JSON.stringify(header)) as { alg: string };
    return new SignJWT({ ...claims }).setProtectedHeader(protectedHeader).sign(privateKey);
  }
});

describe("a malformed request", () => {
  it("by GET, with the token in the URL, is refused (IN-04)", async () => {
    const { access_token: token } = await obtainTokens(gateway, app);
    const response = await ask(`${gateway.url}/introspect?token=${token}`, {
      headers: secretOf(resourceServer),
    });
    expect(response.headers.get("allow")).toBe("POST");
    expect(await errorOf(response)).toBe("405 invalid_request");
    const inUrl = await ask(`${gateway.url}/introspect?token=${token}`, {
      method: "POST",
      headers: { ...secretOf(resourceServer), "content-type": "application/x-www-form-urlencoded" },
    });
    expect(await errorOf(inUrl)).toBe("400 invalid_request");
  });

  it("without a token, or with two, is refused", async () => {
    expect(await errorOf(await introspect({}))).toBe("400 invalid_request");
    expect(await errorOf(await introspect("token=a&token=b"))).toBe("400 invalid_request");
  });

  it("leaves the token out of the log (SE-01)", async () => {
    const { access_token: token } = await obtainTokens(gateway, app);
    await about(token);
    expect(gateway.logged()).not.toContain(token.split(".")[2]);
    expect(await opens(gateway, token)).toBe(true);
  });
});

it("trying out tokens is slowed down, asking about live ones is not (IN-06)", async () => {
  const limited = await startGateway({ config: { limits: { rates: { lookups: 20 } } } });
  try {
    const [scanner, other] = await Promise.all(
      [1, 2].map(() =>
        registerByCommand(limited, { introspects: ["echo"], authMethod: "client_secret_basic" }),
      ),
    );
    const program = await registerProgram(limited);
    const { access_token: token } = await tokensOf(await credentialsToken(limited, program));
    const lookUp = (token: string, as = scanner!) =>
      post(limited, "/introspect", { token }, secretOf(as));
    const guesses = await Promise.all(Array.from({ length: 50 }, (_, n) => lookUp(`guess ${n}`)));
    const refused = guesses.filter(({ status }) => status === 429);
    // The window may change between two of them.
    expect(refused.length).toBeGreaterThanOrEqual(10);
    expect(Number(refused[0]!.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await errorOf(refused[0]!)).toBe("429 temporarily_unavailable");
    expect(await jsonOf(await lookUp(token))).toMatchObject({ active: true });
    expect(await jsonOf(await lookUp("guess", other))).toEqual(INACTIVE);
  } finally {
    await limited.close();
  }
});
