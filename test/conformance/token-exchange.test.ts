/** Token exchange that only narrows, as a stranger sees it: RFC 8693. */
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RegisteredClient } from "../../src/control/answers.ts";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";
import { credentialsToken, registerProgram, secretOf } from "../support/operator.ts";
import {
  errorOf,
  jsonOf,
  obtainTokens,
  opens,
  post,
  registered,
  requestToken,
  tokensOf,
  type Fields,
} from "../support/raw-client.ts";

const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";

let gateway: TestGateway;
let program: RegisteredClient;
let subject: string;

beforeAll(async () => {
  const echo = {
    command: process.execPath,
    args: [fixture("echo.js")],
    scopes: { "files:write": { description: "write files", tools: ["write_*"] } },
  };
  gateway = await startGateway({
    config: { services: { echo, other: echo }, defaultService: "echo" },
  });
  program = await registerProgram(gateway, {
    grantTypes: ["client_credentials", EXCHANGE],
    services: ["echo", "other"],
  });
  subject = await ownToken();
});
afterAll(() => gateway.close());

async function ownToken(): Promise<string> {
  const response = await credentialsToken(gateway, program, { scope: "mcp files:write" });
  return (await tokensOf(response)).access_token;
}

const exchange = (fields: Fields = {}, as = program): Promise<Response> =>
  requestToken(
    gateway,
    { grant_type: EXCHANGE, subject_token: subject, subject_token_type: ACCESS_TOKEN, ...fields },
    secretOf(as),
  );

describe("token exchange, RFC 8693 §2", () => {
  it("gives a token with fewer scopes, of the same grant", async () => {
    const response = await exchange({ scope: "mcp" });
    const tokens = await jsonOf<{ access_token: string }>(response);
    expect(tokens).toEqual({
      access_token: expect.any(String) as string,
      issued_token_type: ACCESS_TOKEN,
      token_type: "Bearer",
      expires_in: expect.any(Number) as number,
      scope: "mcp",
    });
    const [before, after] = [decodeJwt(subject), decodeJwt(tokens.access_token)];
    expect(after).toMatchObject({ aud: before.aud, sub: before.sub, gid: before["gid"] });
    expect(after.jti).not.toBe(before.jti);
    expect(await opens(gateway, tokens.access_token)).toBe(true);
    expect(await opens(gateway, subject)).toBe(true);
  });

  it("takes resource and audience when they name the same, and the type when it is ours", async () => {
    const same = { resource: gateway.resource, audience: `${gateway.resource}/` };
    const response = await exchange({ ...same, requested_token_type: ACCESS_TOKEN });
    expect(await jsonOf(response)).toMatchObject({ scope: "mcp files:write" });
  });

  it("never outlives the token it came from, however often it is exchanged", async () => {
    const first = await ownToken();
    gateway.clock.advance(3000);
    const second = await tokensOf(await exchange({ subject_token: first }));
    expect(second.expires_in).toBeLessThanOrEqual(600);
    const third = await tokensOf(await exchange({ subject_token: second.access_token }));
    expect(decodeJwt(third.access_token).exp).toBe(decodeJwt(first).exp);
    gateway.clock.advance(600);
    for (const token of [first, second.access_token, third.access_token]) {
      expect(await opens(gateway, token)).toBe(false);
    }
    subject = await ownToken();
  });

  it("cannot regain what was given up", async () => {
    const narrow = await tokensOf(await exchange({ scope: "mcp" }));
    const wide = { subject_token: narrow.access_token, scope: "mcp files:write" };
    expect(await errorOf(await exchange(wide))).toBe("400 invalid_scope");
  });

  it("dies with the grant of the token it came from (A25)", async () => {
    const from = await ownToken();
    const to = (await tokensOf(await exchange({ subject_token: from }))).access_token;
    await post(gateway, "/revoke", { token: from }, secretOf(program));
    expect(await opens(gateway, to)).toBe(false);
    const again = await exchange({ subject_token: to });
    expect(await errorOf(again)).toBe("400 invalid_request");
  });

  it("against a revocation at the same moment never leaves a live token", async () => {
    for (let round = 0; round < 5; round += 1) {
      const from = await ownToken();
      const [answer] = await Promise.all([
        exchange({ subject_token: from }),
        post(gateway, "/revoke", { token: from }, secretOf(program)),
      ]);
      const { access_token: to } = await jsonOf<{ access_token?: string }>(answer);
      if (to !== undefined) expect(await opens(gateway, to)).toBe(false);
    }
  });
});

describe("what would widen is refused (TX-01)", () => {
  const other = (): string => `${gateway.url}/other/mcp`;

  it.each<[string, () => Fields, string]>([
    ["a scope that was not granted", () => ({ scope: "mcp offline_access" }), "400 invalid_scope"],
    ["another resource", () => ({ resource: other() }), "400 invalid_target"],
    ["another audience", () => ({ audience: other() }), "400 invalid_target"],
    ["an audience of nobody's", () => ({ audience: "https://b.example/" }), "400 invalid_target"],
    [
      "an actor",
      () => ({ actor_token: subject, actor_token_type: ACCESS_TOKEN }),
      "400 invalid_request",
    ],
    ["the type of an actor", () => ({ actor_token_type: ACCESS_TOKEN }), "400 invalid_request"],
    [
      "an ID token for it",
      () => ({ subject_token_type: "urn:ietf:params:oauth:token-type:id_token" }),
      "400 invalid_request",
    ],
    [
      "a refresh token for it",
      () => ({ subject_token_type: "urn:ietf:params:oauth:token-type:refresh_token" }),
      "400 invalid_request",
    ],
    ["no type", () => ({ subject_token_type: undefined }), "400 invalid_request"],
    ["no token", () => ({ subject_token: undefined }), "400 invalid_request"],
    [
      "a refresh token in return",
      () => ({ requested_token_type: "urn:ietf:params:oauth:token-type:refresh_token" }),
      "400 invalid_request",
    ],
    [
      "a JWT in return",
      () => ({ requested_token_type: "urn:ietf:params:oauth:token-type:jwt" }),
      "400 invalid_request",
    ],
    ["garbage", () => ({ subject_token: "a.b.c" }), "400 invalid_request"],
    [
      "a tampered token",
      () => ({ subject_token: `${subject.slice(0, -4)}AAAA` }),
      "400 invalid_request",
    ],
    ["20 KB", () => ({ subject_token: "x.".repeat(10_000) }), "400 invalid_request"],
  ])("%s", async (_what, fields, error) => {
    expect(await errorOf(await exchange(fields()))).toBe(error);
  });

  it("an expired token", async () => {
    const token = await ownToken();
    gateway.clock.advance(3601);
    expect(await errorOf(await exchange({ subject_token: token }))).toBe("400 invalid_request");
    subject = await ownToken();
  });

  it("a token of another client, which stays as it is", async () => {
    const app = await registered(gateway);
    const { access_token: token, refresh_token: refresh } = await obtainTokens(gateway, app);
    for (const subject_token of [token, refresh]) {
      expect(await errorOf(await exchange({ subject_token }))).toBe("400 invalid_request");
    }
    expect(await opens(gateway, token)).toBe(true);
  });

  it("from a client that may not exchange (TK-05)", async () => {
    const plain = await registerProgram(gateway);
    expect(await errorOf(await exchange({}, plain))).toBe("400 unauthorized_client");
  });
});
