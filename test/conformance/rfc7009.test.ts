/** Token revocation as a stranger sees it: RFC 7009. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  jsonOf,
  ask,
  basicAuth,
  errorOf,
  obtainCode,
  obtainTokens,
  opens,
  post,
  refreshForm,
  registered,
  requestToken,
  type Fields,
  type RawClient,
  type Tokens,
} from "../support/raw-client.ts";

let gateway: TestGateway;
let client: RawClient;
let confidential: RawClient;

beforeAll(async () => {
  gateway = await startGateway();
  client = await registered(gateway);
  confidential = await registered(gateway, { token_endpoint_auth_method: "client_secret_basic" });
});
afterAll(() => gateway.close());

const revoke = (fields: Fields, headers?: Record<string, string>): Promise<Response> =>
  post(gateway, "/revoke", { client_id: client.client_id, ...fields }, headers);

async function areAlive(tokens: Tokens, owner = client): Promise<boolean[]> {
  const refreshed = await requestToken(gateway, refreshForm(owner, tokens.refresh_token));
  return [await opens(gateway, tokens.access_token), refreshed.status === 200];
}

describe("revocation, RFC 7009 §2.1", () => {
  it.each(["refresh_token", "access_token"] as const)(
    "by %s ends the whole grant at once (RV-01, RV-06, A25)",
    async (kind) => {
      const tokens = await obtainTokens(gateway, client);
      const response = await revoke({ token: tokens[kind] });
      expect(response.status).toBe(200);
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect(await areAlive(tokens)).toEqual([false, false]);
    },
  );

  it("ends the tokens that came by refreshing, too", async () => {
    const first = await obtainTokens(gateway, client);
    const response = await requestToken(gateway, refreshForm(client, first.refresh_token));
    const second = await jsonOf<Tokens>(response);
    await revoke({ token: first.access_token });
    expect(await areAlive(second)).toEqual([false, false]);
  });

  it("leaves other grants of the client alone", async () => {
    const kept = await obtainTokens(gateway, client);
    await revoke({ token: (await obtainTokens(gateway, client)).refresh_token });
    expect(await areAlive(kept)).toEqual([true, true]);
  });

  it.each(["access_token", "refresh_token", "id_token", "nonsense", ""])(
    "finds the token whatever the hint says: %j (§2.2.1, RV-05)",
    async (token_type_hint) => {
      const tokens = await obtainTokens(gateway, client);
      expect((await revoke({ token: tokens.refresh_token, token_type_hint })).status).toBe(200);
      expect(await areAlive(tokens)).toEqual([false, false]);
    },
  );

  it("is told to the event bus once, with the reason", async () => {
    const tokens = await obtainTokens(gateway, client);
    const before = gateway.events.length;
    await Promise.all([
      revoke({ token: tokens.refresh_token }),
      revoke({ token: tokens.access_token }),
    ]);
    const ends = gateway.events.slice(before).filter(({ type }) => type === "grant.ended");
    expect(ends).toEqual([expect.objectContaining({ reason: "revoked by client" })]);
  });
});

describe("what is not the client's to revoke (§2.1, §2.2)", () => {
  it.each(["x", "__proto__", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "\0", "y".repeat(20_000)])(
    "%j is answered with the same 200 (RV-02)",
    async (token) => expect((await revoke({ token })).status).toBe(200),
  );

  it("a token of another client stays alive (RV-03)", async () => {
    const stranger = await registered(gateway);
    const tokens = await obtainTokens(gateway, client);
    for (const token of [tokens.access_token, tokens.refresh_token]) {
      expect((await revoke({ token, client_id: stranger.client_id })).status).toBe(200);
    }
    expect(await areAlive(tokens)).toEqual([true, true]);
  });

  it("an access token whose signature was tampered with stays alive", async () => {
    const tokens = await obtainTokens(gateway, client);
    const [header, payload] = tokens.access_token.split(".");
    await revoke({ token: `${header}.${payload}.${"A".repeat(86)}` });
    expect(await areAlive(tokens)).toEqual([true, true]);
  });

  it("a confidential client's token needs its secret (RV-04)", async () => {
    const { form } = await obtainCode(gateway, confidential);
    const header = basicAuth(confidential.client_id, confidential.client_secret!);
    const response = await requestToken(gateway, form, header);
    const tokens = await jsonOf<Tokens>(response);
    const fields = { client_id: confidential.client_id, token: tokens.refresh_token };
    expect(await errorOf(await revoke(fields))).toBe("401 invalid_client");
    expect(await errorOf(await revoke(fields, basicAuth(confidential.client_id, "no")))).toBe(
      "401 invalid_client",
    );
    expect(await opens(gateway, tokens.access_token)).toBe(true);
    expect((await revoke(fields, header)).status).toBe(200);
    expect(await opens(gateway, tokens.access_token)).toBe(false);
  });
});

describe("a malformed request", () => {
  it("is refused in the shape of RFC 6749 §5.2", async () => {
    expect(await errorOf(await revoke({}))).toBe("400 invalid_request");
    expect(await errorOf(await revoke({ client_id: undefined, token: "x" }))).toBe(
      "401 invalid_client",
    );
    expect(
      await errorOf(
        await post(gateway, "/revoke", `client_id=${client.client_id}&token=a&token=b`),
      ),
    ).toBe("400 invalid_request");
    expect(await errorOf(await ask(`${gateway.url}/revoke?token=x`))).toBe("405 invalid_request");
  });
});
