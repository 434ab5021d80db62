/** How long clients live that registered themselves, and how many there may be: RFC 7591 §5, rows RG-22, RG-24, DS-05. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ConfigInput } from "../../src/config.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  ask,
  authorizationUrl,
  errorOf,
  jsonOf,
  LOOPBACK,
  obtainTokens,
  pageOf,
  refreshForm,
  register,
  registered,
  requestToken,
  tokensOf,
  type RawClient,
} from "../support/raw-client.ts";

const HOUR = 3600;
const DAY = 24 * HOUR;
let gateway: TestGateway;

beforeEach(() => open());
afterEach(() => gateway.close());

async function open(registration: NonNullable<ConfigInput["registration"]> = {}): Promise<void> {
  await gateway?.close().catch(() => {});
  gateway = await startGateway({ config: { registration } });
}

const isKnown = async (client: RawClient): Promise<boolean> =>
  (await errorOf(await requestToken(gateway, refreshForm(client, "x")))) === "400 invalid_grant";

describe("a client that is never used", () => {
  it("is gone after a day: 401 at the token endpoint, a page at the authorization endpoint", async () => {
    const client = await registered(gateway);
    gateway.clock.advance(DAY - 1);
    expect(await isKnown(client)).toBe(true);
    gateway.clock.advance(1);
    expect(await errorOf(await requestToken(gateway, refreshForm(client, "x")))).toBe(
      "401 invalid_client",
    );
    const page = await ask(authorizationUrl(gateway, client));
    expect(await page.clone().text()).toMatch(/no longer registered|not registered/);
    expect(await pageOf(page)).toBe(400);
  });

  it("is not kept alive by logins that are never finished", async () => {
    const client = await registered(gateway);
    gateway.clock.advance(DAY - 60);
    expect((await ask(authorizationUrl(gateway, client))).status).toBe(303);
    gateway.clock.advance(60);
    expect(await isKnown(client)).toBe(false);
  });
});

describe("a client that is used", () => {
  it("lives on from its last token, and no token outlives it", async () => {
    const client = await registered(gateway);
    let tokens = await obtainTokens(gateway, client);
    for (let month = 0; month < 5; month++) {
      gateway.clock.advance(29 * DAY);
      const response = await requestToken(gateway, refreshForm(client, tokens.refresh_token));
      tokens = await tokensOf(response);
    }
    gateway.clock.advance(90 * DAY);
    expect(await isKnown(client)).toBe(true); // counted to the hour
    gateway.clock.advance(2 * HOUR);
    expect(await isKnown(client)).toBe(false);
  });

  it("never dies before its refresh token, however short idleClient is", async () => {
    await open({ idleClient: "1m" });
    const client = await registered(gateway);
    const tokens = await obtainTokens(gateway, client);
    gateway.clock.advance(30 * DAY - 1);
    await tokensOf(await requestToken(gateway, refreshForm(client, tokens.refresh_token)));
  });
});

describe("the number of clients (RG-22, DS-05)", () => {
  it("is bounded: those never used go first, oldest first, those with grants never", async () => {
    await open({ clients: 10 });
    const used = await registered(gateway);
    const tokens = await obtainTokens(gateway, used);
    const others: RawClient[] = [];
    for (let i = 0; i < 30; i++) {
      gateway.clock.advance(1);
      others.push(await registered(gateway));
    }
    const known = await Promise.all(others.map(isKnown));
    expect(known.filter(Boolean)).toHaveLength(9);
    expect(known.slice(-9)).not.toContain(false);
    await tokensOf(await requestToken(gateway, refreshForm(used, tokens.refresh_token)));
  });

  it("when all are in use, is a 503 that says when to come back", async () => {
    await open({ clients: 2 });
    for (let i = 0; i < 2; i++) await obtainTokens(gateway, await registered(gateway));
    const response = await register(gateway, { redirect_uris: [LOOPBACK] });
    expect(response.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(await errorOf(response)).toBe("503 temporarily_unavailable");
  });

  it("holds when many come at once", async () => {
    await open({ clients: 10 });
    const clients = await Promise.all(Array.from({ length: 50 }, () => registered(gateway)));
    const known = await Promise.all(clients.map(isKnown));
    expect(known.filter(Boolean).length).toBeLessThanOrEqual(10);
  });
});

describe("the same registration twice (RG-24)", () => {
  const SOURCE = { "content-type": "application/json", "x-forwarded-for": "203.0.113.9" };
  const claude = {
    redirect_uris: ["https://claude.ai/api/mcp/auth_callback"],
    client_name: "Claude",
  };
  const hosted = { ...claude, token_endpoint_auth_method: "none" };
  const again = async (metadata: unknown, headers = SOURCE): Promise<RawClient> => {
    const response = await register(gateway, metadata, headers);
    expect(response.status).toBe(201);
    return jsonOf<RawClient>(response);
  };

  it("of a public client from one source makes one record, which nobody can manage any more", async () => {
    const first = await again(hosted);
    const second = await again(hosted);
    expect(second.client_id).toBe(first.client_id);
    expect(second).not.toHaveProperty("registration_access_token");
    expect(second).not.toHaveProperty("registration_client_uri");
    const headers = { authorization: `Bearer ${String(first["registration_access_token"])}` };
    for (const method of ["GET", "PUT", "DELETE"]) {
      const response = await ask(String(first["registration_client_uri"]), { method, headers });
      expect(await errorOf(response)).toBe("401 invalid_token");
    }
    expect((await again(hosted)).client_id).toBe(first.client_id);
    await obtainTokens(gateway, second);
  });

  it.each<[string, (first: RawClient) => unknown]>([
    ["with a secret", () => again({ ...claude, token_endpoint_auth_method: "client_secret_post" })],
    ["from another source", () => again(hosted, { ...SOURCE, "x-forwarded-for": "203.0.113.10" })],
    ["with other metadata", () => again({ ...hosted, client_name: "Other" })],
    ["after ten minutes", () => (gateway.clock.advance(600), again(hosted))],
    ["after its first token", async (first) => (await obtainTokens(gateway, first), again(hosted))],
    [
      "after its owner has changed it",
      async (first) => {
        await ask(String(first["registration_client_uri"]), {
          method: "PUT",
          headers: {
            "content-type": "application/json",
            authorization: `Bearer ${String(first["registration_access_token"])}`,
          },
          body: JSON.stringify({ ...hosted, client_id: first.client_id, client_name: "Mine" }),
        });
        return again(hosted);
      },
    ],
  ])("%s makes another client", async (_, second) => {
    const first = await again(hosted);
    const { client_id: id } = (await second(first)) as RawClient;
    expect(id).not.toBe(first.client_id);
    expect(id).toMatch(/^[A-Za-z0-9][\w-]{21}$/);
  });

  it("of a client with a secret never shares it", async () => {
    const clients = [await again(claude), await again(claude)];
    expect(clients[0]!.client_id).not.toBe(clients[1]!.client_id);
    expect(clients[0]!.client_secret).not.toBe(clients[1]!.client_secret);
  });
});

describe("a gateway whose operator registers the clients", () => {
  it("says so, and advertises no registration", async () => {
    await open({ dynamic: false });
    const response = await register(gateway, { redirect_uris: [LOOPBACK] });
    expect(await errorOf(response)).toBe("403 access_denied");
    const metadata = await ask(`${gateway.url}/.well-known/oauth-authorization-server`);
    expect(await metadata.json()).not.toHaveProperty("registration_endpoint");
  });
});
