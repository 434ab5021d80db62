/**
 * How long a metadata document is believed: cache rules, the week without its site, and what changes when it changes.
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connectControl } from "../../src/control.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  ask,
  authorizationUrl,
  errorOf,
  LOOPBACK,
  obtainCode,
  obtainTokens,
  opens,
  pageOf,
  refreshForm,
  requestToken,
  tokensOf,
  type Fields,
  type Tokens,
} from "../support/raw-client.ts";
import { startTlsSite, type Answer, type TlsSite } from "../support/tls-site.ts";

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

let site: TlsSite;
let gateway: TestGateway;
let client: { client_id: string; redirect_uris: string[] };
let path: string;

beforeEach(async () => {
  site = await startTlsSite();
  gateway = await startGateway({ certificates: [site.certificate] });
  path = `/${randomBytes(6).toString("hex")}.json`;
  client = { client_id: `${site.origin}${path}`, redirect_uris: [LOOPBACK] };
});
afterEach(async () => {
  await gateway.close();
  await site.close();
});

function publish(
  members: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): void {
  const body = { ...client, client_name: "A described client", ...members };
  site.serve(path, { headers, body });
}
const fail = (answer: Answer = { status: 503 }): string => site.serve(path, answer);
const fetches = (): number => site.requests.filter((request) => request.path === path).length;
const begin = async (fields: Fields = {}): Promise<Response> =>
  ask(authorizationUrl(gateway, client, fields));

async function renew(tokens: Tokens): Promise<Tokens> {
  return tokensOf(await requestToken(gateway, refreshForm(client, tokens.refresh_token)));
}

describe("a document", () => {
  it.each([
    ["a day at most", { "cache-control": "max-age=31536000" }, DAY],
    ["five minutes at least", { "cache-control": "no-store" }, 5 * MINUTE],
    ["as long as its headers say", { "cache-control": "max-age=7200" }, 2 * HOUR],
    ["an hour when they do not say", {}, HOUR],
  ])("is kept for %s", async (_, headers, seconds) => {
    publish({}, headers);
    await begin();
    gateway.clock.advance(seconds - 5);
    expect((await begin()).status).toBe(303);
    expect(fetches()).toBe(1);
    gateway.clock.advance(10);
    expect((await begin()).status).toBe(303);
    expect(fetches()).toBe(2);
  });

  it("is the new truth once it was fetched anew", async () => {
    publish();
    expect((await begin()).status).toBe(303);
    publish({ redirect_uris: ["http://127.0.0.1/new"] });
    gateway.clock.advance(HOUR + 1);
    expect(await pageOf(await begin())).toBe(400);
    expect((await begin({ redirect_uri: "http://127.0.0.1/new" })).status).toBe(303);
  });
});

describe("failures", () => {
  it.each([201, 304, 404, 500])("with status %s are not remembered (CI-06)", async (status) => {
    fail({ status });
    expect(await pageOf(await begin())).toBe(400);
    publish();
    expect((await begin()).status).toBe(303);
    expect(fetches()).toBe(2);
  });

  it("are slowed down: 60 a minute of one host, and only those of unknown documents", async () => {
    publish();
    await begin();
    const known = client;
    client = { ...client, client_id: `${site.origin}/missing.json` };
    // Windows are those of the clock: stay within one.
    gateway.clock.advance(MINUTE + 1 - (gateway.clock.now() % MINUTE));
    const answers: number[] = [];
    for (let n = 0; n < 65; n += 1) answers.push(await pageOf(await begin()));
    expect(answers.filter((status) => status === 400)).toHaveLength(60);
    expect(answers.filter((status) => status === 429)).toHaveLength(5);
    gateway.clock.advance(HOUR + 1);
    for (let n = 0; n < 65; n += 1) await begin();
    client = known;
    expect((await begin()).status).toBe(303);
    expect(fetches()).toBe(2);
  });
});

describe("a document that was usable once (N5)", () => {
  it.each([
    ["answers 503", { status: 503 }],
    ["answers 404", { status: 404 }],
    ["answers HTML", { headers: { "content-type": "text/html" }, body: "<html>" }],
    ["names another client", { body: { client_id: "https://other.example.com/x" } }],
  ] satisfies [string, Answer][])("is believed for a week while its site %s", async (_, answer) => {
    publish();
    let tokens = await obtainTokens(gateway, client);
    fail(answer);
    for (let day = 1; day < 7; day += 1) {
      gateway.clock.advance(DAY);
      tokens = await renew(tokens);
      expect(await opens(gateway, tokens.access_token)).toBe(true);
    }
    gateway.clock.advance(DAY + 1);
    const refused = await requestToken(gateway, refreshForm(client, tokens.refresh_token));
    expect(await errorOf(refused)).toBe("401 invalid_client");

    // Nothing was ended: when the site is back, so is the client.
    publish();
    tokens = await renew(tokens);
    expect(await opens(gateway, tokens.access_token)).toBe(true);
  });

  it("is asked for once a minute while its site is down", async () => {
    publish();
    let tokens = await obtainTokens(gateway, client);
    fail();
    gateway.clock.advance(DAY);
    for (let n = 0; n < 3; n += 1) tokens = await renew(tokens);
    expect(fetches()).toBe(2);
    gateway.clock.advance(MINUTE + 1);
    tokens = await renew(tokens);
    expect(fetches()).toBe(3);
    publish();
    gateway.clock.advance(MINUTE + 1);
    await renew(tokens);
    expect(fetches()).toBe(4);
  });

  it("is not believed any more once its site says that it is gone (410)", async () => {
    publish();
    const tokens = await obtainTokens(gateway, client);
    fail({ status: 410 });
    gateway.clock.advance(DAY);
    const refused = await requestToken(gateway, refreshForm(client, tokens.refresh_token));
    expect(await errorOf(refused)).toBe("401 invalid_client");
    fail();
    expect(await pageOf(await begin())).toBe(400);
  });

  it("is forgotten after a day when nobody ever allowed it anything", async () => {
    publish();
    await begin();
    fail();
    gateway.clock.advance(DAY + 1);
    expect(await pageOf(await begin())).toBe(400);
  });
});

describe("what an operator can do", () => {
  it("is listed, shown and revoked like any client, and may come back by a new login", async () => {
    publish();
    const tokens = await obtainTokens(gateway, client);
    const control = connectControl(gateway.stateDirectory);
    expect(await control.client(client.client_id)).toMatchObject({ via: "document", grants: 1 });
    expect(await control.revokeClient(client.client_id)).toMatchObject({ grants: 1 });
    expect(await opens(gateway, tokens.access_token)).toBe(false);
    const refused = await requestToken(gateway, refreshForm(client, tokens.refresh_token));
    expect(await errorOf(refused)).toBe("400 invalid_grant");
    const again = await obtainTokens(gateway, client);
    expect(await opens(gateway, again.access_token)).toBe(true);
  });
});

describe("a document with keys", () => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const keys = {
    jwks: { keys: [{ ...publicKey.export({ format: "jwk" }), kid: "k1", alg: "ES256" }] },
  };

  async function assertion(): Promise<Fields> {
    const jwt = await new SignJWT({ jti: randomBytes(8).toString("hex") })
      .setProtectedHeader({ alg: "ES256", kid: "k1" })
      .setIssuer(client.client_id)
      .setSubject(client.client_id)
      .setAudience(gateway.url)
      .setIssuedAt(Math.floor(gateway.clock.now()))
      .setExpirationTime(Math.floor(gateway.clock.now()) + 60)
      .sign(privateKey);
    return {
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: jwt,
    };
  }

  it("authenticates by private_key_jwt, and then by nothing less", async () => {
    publish({ ...keys, token_endpoint_auth_method: "private_key_jwt" });
    const { form } = await obtainCode(gateway, client);
    expect(await errorOf(await requestToken(gateway, form))).toBe("401 invalid_client");
    await tokensOf(await requestToken(gateway, { ...form, ...(await assertion()) }));
  });

  it("may use either method when it offers both", async () => {
    const methods = { token_endpoint_auth_methods_supported: ["none", "private_key_jwt"] };
    publish({ ...keys, ...methods, token_endpoint_auth_method: "private_key_jwt" });
    const first = await obtainCode(gateway, client);
    await tokensOf(await requestToken(gateway, first.form));
    const second = await obtainCode(gateway, client);
    await tokensOf(await requestToken(gateway, { ...second.form, ...(await assertion()) }));
  });

  it("never acts for itself: client_credentials is not for clients nobody vouches for", async () => {
    publish({
      ...keys,
      token_endpoint_auth_method: "private_key_jwt",
      grant_types: ["authorization_code", "client_credentials"],
    });
    await begin();
    const fields = { grant_type: "client_credentials", resource: gateway.resource };
    const refused = await requestToken(gateway, { ...fields, ...(await assertion()) });
    expect(await errorOf(refused)).toBe("400 unauthorized_client");
  });
});
