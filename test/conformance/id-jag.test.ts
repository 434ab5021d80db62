/** Enterprise-managed authorization as a stranger sees it: an ID-JAG at the token endpoint, RFC 7523 §2.1. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RegisteredClient } from "../../src/control/answers.ts";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";
import {
  assertionClaims,
  createSigner,
  registerProgram,
  secretOf,
  type Signer,
} from "../support/operator.ts";
import {
  ask,
  errorOf,
  jsonOf,
  opens,
  post,
  registered,
  requestToken,
  tokensOf,
  type Fields,
} from "../support/raw-client.ts";

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TYPE = { typ: "oauth-id-jag+jwt" };

let provider: Server;
let fetches = 0;
let published: Signer[];
let issuer: string;
let gateway: TestGateway;
let signer: Signer;
let stranger: Signer;
let agent: RegisteredClient;

beforeAll(async () => {
  signer = await createSigner("RS256", "idp-1");
  stranger = await createSigner("RS256", "idp-1");
  published = [signer];
  provider = createServer((_request, response) => {
    fetches += 1;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ keys: published.map(({ publicJwk }) => publicJwk) }));
  });
  await once(provider.listen(0, "127.0.0.1"), "listening");
  issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
  const echo = {
    command: process.execPath,
    args: [fixture("echo.js")],
    scopes: { "files:write": { description: "write files", tools: ["write_*"] } },
  };
  gateway = await startGateway({
    config: {
      services: { echo, other: echo },
      defaultService: "echo",
      identity: { allow: ["local:*", "acme:u-1"] },
      trustedIssuers: [{ name: "acme", issuer, jwksUri: `${issuer}/keys` }],
    },
  });
  agent = await registerProgram(gateway, {
    grantTypes: [JWT_BEARER],
    services: ["echo"],
    scope: "mcp files:write",
  });
});
afterAll(async () => {
  await gateway.close();
  provider.close();
});

const claimsFor = (claims: Record<string, unknown> = {}) =>
  assertionClaims(gateway, "u-1", {
    iss: issuer,
    client_id: agent.clientId,
    resource: gateway.resource,
    scope: "mcp",
    email: "ada@acme.example",
    ...claims,
  });

const grant = (claims: Record<string, unknown> = {}, header = {}): Promise<string> =>
  signer.sign(claimsFor(claims), { ...TYPE, ...header });

const present = (assertion: string, fields: Fields = {}, as = agent): Promise<Response> =>
  requestToken(gateway, { grant_type: JWT_BEARER, assertion, ...fields }, secretOf(as));

describe("an ID-JAG of a trusted issuer (A27)", () => {
  it("gives a token for the person it names, without a refresh token", async () => {
    const response = await present(await grant());
    const tokens = await jsonOf<{ access_token: string }>(response);
    expect(tokens).toEqual({
      access_token: expect.any(String) as string,
      token_type: "Bearer",
      expires_in: 3600,
      scope: "mcp",
    });
    const claims = decodeJwt(tokens.access_token);
    expect(claims).toMatchObject({
      sub: "acme:u-1",
      client_id: agent.clientId,
      aud: gateway.resource,
    });
    expect(JSON.stringify(claims)).not.toContain("ada@");
    expect(await opens(gateway, tokens.access_token)).toBe(true);
    await post(gateway, "/revoke", { token: tokens.access_token }, secretOf(agent));
    expect(await opens(gateway, tokens.access_token)).toBe(false);
  });

  it("works for a client that registered itself, if it has a secret: the issuer names it", async () => {
    const client = await registered(gateway, {
      token_endpoint_auth_method: "client_secret_post",
      grant_types: ["authorization_code", JWT_BEARER],
    });
    expect(client.grant_types).toContain(JWT_BEARER);
    const { client_id, client_secret } = client;
    const form = { grant_type: JWT_BEARER, client_id, client_secret };
    const response = await requestToken(gateway, {
      ...form,
      assertion: await grant({ client_id }),
    });
    const { access_token: token } = await tokensOf(response);
    expect(decodeJwt(token)).toMatchObject({ sub: "acme:u-1", client_id });
  });

  it("lets nobody in whom the allow rules do not", async () => {
    const response = await present(await grant({ sub: "u-2" }));
    expect(await errorOf(response)).toBe("400 invalid_grant");
  });

  it("is announced in the metadata", async () => {
    const url = `${gateway.url}/.well-known/oauth-authorization-server`;
    const metadata = await jsonOf<Record<string, string[]>>(await ask(url));
    expect(metadata.grant_types_supported).toContain(JWT_BEARER);
    expect(metadata.authorization_grant_profiles_supported).toEqual([
      "urn:ietf:params:oauth:grant-profile:id-jag",
    ]);
  });

  it.each([
    [{ scope: "mcp files:write" }, {}, "mcp files:write"],
    [{ scope: "mcp files:write" }, { scope: "mcp" }, "mcp"],
    [{ scope: "mcp" }, { scope: "mcp files:write" }, "mcp"],
    [{ scope: "mcp unknown offline_access" }, {}, "mcp"],
  ])("gives what all allow: %j asked as %j", async (said, asked, scope) => {
    const response = await present(await grant(said), asked);
    expect(await jsonOf(response)).toMatchObject({ scope });
  });

  it("gives nothing when nothing is left that opens the resource", async () => {
    const response = await present(await grant({ scope: "files:write" }));
    expect(await errorOf(response)).toBe("400 invalid_scope");
  });

  it("is verified with the issuer's new key as soon as it is used, and few fetches", async () => {
    const before = fetches;
    const fresh = await createSigner("ES256", "idp-2");
    published = [signer, fresh];
    gateway.clock.advance(31);
    const sign = (): Promise<string> => fresh.sign(claimsFor(), TYPE);
    expect((await present(await sign())).status).toBe(200);
    expect((await present(await sign())).status).toBe(200);
    for (let count = 0; count < 20; count += 1) {
      await present(await stranger.sign(claimsFor(), { ...TYPE, kid: `guess ${count}` }));
    }
    expect(fetches - before).toBeLessThanOrEqual(2);
  });
});

describe("what is refused with invalid_grant (TX-02)", () => {
  const soon = (seconds: number): number => Math.floor(gateway.clock.now()) + seconds;
  const other = (): string => `${gateway.url}/other/mcp`;

  it.each<[string, () => Promise<string> | string]>([
    ["no typ", () => grant({}, { typ: undefined })],
    ["typ JWT", () => grant({}, { typ: "JWT" })],
    ["typ at+jwt", () => grant({}, { typ: "at+jwt" })],
    ["an issuer nobody trusts", () => grant({ iss: "https://idp.example.com" })],
    ["the issuer with a slash", () => grant({ iss: `${issuer}/` })],
    ["no iss", () => grant({ iss: undefined })],
    ["another key of the same kid", () => stranger.sign(claimsFor(), TYPE)],
    [
      "a key of its own in the header",
      () => stranger.sign(claimsFor(), { ...TYPE, jwk: stranger.publicJwk }),
    ],
    [
      "no signature",
      () =>
        `${Buffer.from(JSON.stringify({ alg: "none", ...TYPE })).toString("base64url")}.${Buffer.from(JSON.stringify(claimsFor())).toString("base64url")}.`,
    ],
    ["aud of another server", () => grant({ aud: "https://as.example.com" })],
    ["the token endpoint as aud", () => grant({ aud: `${gateway.url}/token` })],
    ["several aud", () => grant({ aud: [gateway.url, "https://as.example.com"] })],
    ["a list of one aud", () => grant({ aud: [gateway.url] })],
    ["another client_id", () => grant({ client_id: "another" })],
    ["no client_id", () => grant({ client_id: undefined })],
    ["no resource", () => grant({ resource: undefined })],
    ["several resources", () => grant({ resource: [gateway.resource] })],
    ["no sub", () => grant({ sub: undefined })],
    ["an empty sub", () => grant({ sub: "" })],
    ["no exp", () => grant({ exp: undefined })],
    ["exp in the past", () => grant({ exp: soon(-1) })],
    ["a life of days", () => grant({ exp: soon(86_400) })],
    ["no iat", () => grant({ iat: undefined })],
    ["iat in the future", () => grant({ iat: soon(120), exp: soon(180) })],
    ["no jti", () => grant({ jti: undefined })],
    ["cnf", () => grant({ cnf: { jkt: "x" } })],
    ["authorization_details", () => grant({ authorization_details: [{ type: "x" }] })],
    ["an actor", () => grant({ act: { sub: "x" } })],
    ["garbage", () => "garbage"],
    ["20 KB", () => grant({ padding: "x".repeat(20_000) })],
  ])("%s", async (_what, make) => {
    expect(await errorOf(await present(await make()))).toBe("400 invalid_grant");
  });

  it("a resource in the request other than in the assertion", async () => {
    const both = await registerProgram(gateway, {
      grantTypes: [JWT_BEARER],
      services: ["echo", "other"],
    });
    const assertion = await grant({ client_id: both.clientId });
    const response = await present(assertion, { resource: other() }, both);
    expect(await errorOf(response)).toBe("400 invalid_grant");
    expect((await present(assertion, { resource: gateway.resource }, both)).status).toBe(200);
  });

  it("a service the client has no access to, or nobody has", async () => {
    for (const resource of [other(), "https://mcp.example.com/mcp"]) {
      expect(await errorOf(await present(await grant({ resource })))).toBe("400 invalid_target");
    }
  });

  it("an assertion a second time, also of 20 at the same moment", async () => {
    const assertion = await grant();
    const answers = await Promise.all(Array.from({ length: 20 }, () => present(assertion)));
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([200, ...Array.from({ length: 19 }, () => 400)]);
    gateway.clock.advance(59);
    expect(await errorOf(await present(assertion))).toBe("400 invalid_grant");
    gateway.clock.advance(61);
    expect(await errorOf(await present(assertion))).toBe("400 invalid_grant");
  });

  it("an assertion of another client, whoever stole it", async () => {
    const thief = await registerProgram(gateway, { grantTypes: [JWT_BEARER], services: ["echo"] });
    const assertion = await grant();
    expect(await errorOf(await present(assertion, {}, thief))).toBe("400 invalid_grant");
    expect((await present(assertion)).status).toBe(200);
  });

  it("a client that proves nothing of itself", async () => {
    const form = { grant_type: JWT_BEARER, assertion: await grant(), client_id: agent.clientId };
    expect(await errorOf(await requestToken(gateway, form))).toBe("401 invalid_client");
    const app = await registered(gateway);
    const asApp = { ...form, client_id: app.client_id };
    expect(await errorOf(await requestToken(gateway, asApp))).toBe("400 unauthorized_client");
  });
});

it("no assertion and no e-mail is in the log, at level trace (A30)", async () => {
  const assertion = await grant();
  await present(assertion);
  await present(assertion);
  const [, payload = "", signature = ""] = assertion.split(".");
  const seen = gateway.logged() + JSON.stringify(gateway.events);
  expect(seen).toContain("assertion: ");
  for (const secret of [payload, signature, "ada@acme.example"]) expect(seen).not.toContain(secret);
});

describe("without trusted issuers", () => {
  it("the grant type does not exist", async () => {
    const plain = await startGateway();
    try {
      const client = await registerProgram(plain, { grantTypes: [JWT_BEARER] });
      const form = { grant_type: JWT_BEARER, assertion: await grant() };
      const response = await requestToken(plain, form, secretOf(client));
      expect(await errorOf(response)).toBe("400 unsupported_grant_type");
      const url = `${plain.url}/.well-known/oauth-authorization-server`;
      const metadata = await jsonOf<Record<string, string[]>>(await ask(url));
      expect(metadata.grant_types_supported).not.toContain(JWT_BEARER);
      expect(metadata).not.toHaveProperty("authorization_grant_profiles_supported");
    } finally {
      await plain.close();
    }
  });
});
