/** What happens when one asks too much, and that nobody else notices: rows TK-18, RG-22, A31, DS-09. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ConfigInput } from "../../src/config.ts";
import { createFormBrowser } from "../support/form-browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  ask,
  authorizationUrl,
  errorOf,
  LOOPBACK,
  obtainTokens,
  pageOf,
  post,
  refreshForm,
  register,
  registered,
  requestToken,
  tokensOf,
} from "../support/raw-client.ts";

let gateway: TestGateway;

beforeEach(() => open({}));
afterEach(() => gateway.close());

/** The real limits unless told, with a whole minute before the next window. */
async function open(
  rates: NonNullable<NonNullable<ConfigInput["limits"]>["rates"]>,
  config: Partial<ConfigInput> = {},
): Promise<void> {
  await gateway?.close().catch(() => {});
  gateway = await startGateway({ config: { limits: { rates }, ...config } });
  gateway.clock.advance(60 - (gateway.clock.now() % 60));
}

/** As the proxy on this machine passes on a request of somebody else. */
const from = (address: string): Record<string, string> => ({ "x-forwarded-for": address });

const json = { "content-type": "application/json" };

/** @returns how often each answer was given */
async function tally(answers: Promise<Response>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const answer of await Promise.all(answers)) {
    const text = answer.ok ? String(answer.status) : await errorOf(answer);
    counts[text] = (counts[text] ?? 0) + 1;
  }
  return counts;
}

const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

describe("too many wrong secrets (TK-18)", () => {
  const secret = { redirect_uris: [LOOPBACK], token_endpoint_auth_method: "client_secret_post" };

  it("are answered 429 with Retry-After in the shape of OAuth", async () => {
    const client = await registered(gateway, secret);
    const form = refreshForm(client, "x", { client_secret: "wrong" });
    expect(await tally(times(100, () => requestToken(gateway, form)))).toEqual({
      "401 invalid_client": 60,
      "429 temporarily_unavailable": 40,
    });
    const response = await requestToken(gateway, form);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(Number(response.headers.get("retry-after"))).toBeLessThanOrEqual(60);
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(response.headers.get("access-control-expose-headers")).toContain("Retry-After");
    gateway.clock.advance(60);
    expect(await errorOf(await requestToken(gateway, form))).toBe("401 invalid_client");
  });

  it("of one client from one address harm neither that client, nor others, nor other addresses", async () => {
    const client = await registered(gateway, secret);
    const other = await registered(gateway, secret);
    const tokens = await obtainTokens(gateway, client);
    const wrong = refreshForm(client, "x", { client_secret: "wrong" });
    await tally(times(100, () => requestToken(gateway, wrong)));
    const right = refreshForm(client, tokens.refresh_token, {
      client_secret: client.client_secret,
    });
    await tokensOf(await requestToken(gateway, right));
    await obtainTokens(gateway, other);
    for (const [fields, headers] of [
      [refreshForm(other, "x", { client_secret: "wrong" }), {}],
      [wrong, from("203.0.113.9")],
    ] as const) {
      expect(await errorOf(await requestToken(gateway, fields, headers))).toBe(
        "401 invalid_client",
      );
    }
  });

  it("from one address in many names are stopped, too, and clients beside it go on", async () => {
    const client = await registered(gateway, secret);
    const tokens = await obtainTokens(gateway, client);
    const guesses = times(700, (index) =>
      requestToken(gateway, { grant_type: "refresh_token", client_id: `guess-${index}` }),
    );
    expect(await tally(guesses)).toEqual({
      "401 invalid_client": 600,
      "429 temporarily_unavailable": 100,
    });
    const right = refreshForm(client, tokens.refresh_token, {
      client_secret: client.client_secret,
    });
    await tokensOf(await requestToken(gateway, right));
  });

  it("count at revocation, pushed requests and registration management, too (A31)", async () => {
    const fields = { client_id: "unknown", token: "x" };
    for (const path of ["/revoke", "/par"]) {
      expect(await tally(times(40, () => post(gateway, path, fields)))).toHaveProperty(
        "401 invalid_client",
      );
    }
    expect(await errorOf(await post(gateway, "/revoke", fields))).toBe(
      "429 temporarily_unavailable",
    );
    const guess = (): Promise<Response> =>
      ask(`${gateway.url}/register/${"A".repeat(22)}`, {
        headers: { authorization: "Bearer x", ...from("203.0.113.9") },
      });
    expect(await tally(times(70, guess))).toEqual({
      "401 invalid_token": 60,
      "429 temporarily_unavailable": 10,
    });
  });
});

describe("too many registrations (RG-22)", () => {
  it("from one address are answered 429; others register on", async () => {
    const body = JSON.stringify({ redirect_uris: [LOOPBACK] });
    const send = (address: string): Promise<Response> =>
      ask(`${gateway.url}/register`, {
        method: "POST",
        headers: { ...json, ...from(address) },
        body,
      });
    const answers = await tally(times(1000, () => send("203.0.113.9")));
    expect(answers).toEqual({ "201": 200, "429 temporarily_unavailable": 800 });
    expect((await send("203.0.113.10")).status).toBe(201);
    gateway.clock.advance(60);
    expect((await send("203.0.113.9")).status).toBe(201);
  });

  it("cannot be hidden by writing X-Forwarded-For oneself, nor by moving within a /64 (DS-09)", async () => {
    await open({ registrations: 5 });
    const send = (forwarded: string): Promise<Response> =>
      register(gateway, { redirect_uris: [LOOPBACK] }, { ...json, "x-forwarded-for": forwarded });
    expect(await tally(times(10, (index) => send(`8.8.8.${index}, 203.0.113.9`)))).toEqual({
      "201": 5,
      "429 temporarily_unavailable": 5,
    });
    expect(await tally(times(10, (index) => send(`2001:db8:1:2::${index}`)))).toEqual({
      "201": 5,
      "429 temporarily_unavailable": 5,
    });
    expect((await send("2001:db8:1:3::1")).status).toBe(201);
  });

  it("and the header of a peer that is no proxy means nothing (DS-09)", async () => {
    await open({ registrations: 5 }, { trustedProxies: [] });
    const send = (index: number): Promise<Response> =>
      register(
        gateway,
        { redirect_uris: [LOOPBACK] },
        { ...json, "x-forwarded-for": `203.0.113.${index}` },
      );
    expect(await tally(times(10, send))).toEqual({ "201": 5, "429 temporarily_unavailable": 5 });
  });
});

describe("too many logins (A31)", () => {
  it("begun for one client from one address get a page with Retry-After; others go on", async () => {
    await open({ authorizations: 3 });
    const client = await registered(gateway);
    const other = await registered(gateway, { client_name: "Another" });
    const begin = (of: typeof client, headers = {}): Promise<Response> =>
      ask(authorizationUrl(gateway, of), { headers });
    for (let i = 0; i < 3; i++) expect((await begin(client)).status).toBe(303);
    const response = await begin(client);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await pageOf(response)).toBe(429);
    expect((await begin(other)).status).toBe(303);
    expect((await begin(client, from("203.0.113.9"))).status).toBe(303);
  });

  it("cannot fill the terminal with one-time codes", async () => {
    await open({ logins: 4 }, { listen: { host: "0.0.0.0", port: 0 } });
    const client = await registered(gateway);
    const browser = createFormBrowser();
    const page = await browser.open(authorizationUrl(gateway, client));
    expect(page.status).toBe(200);
    const statuses = [];
    for (let i = 0; i < 10; i++) statuses.push((await browser.open(page.url)).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429, 429, 429, 429, 429, 429]);
    expect(gateway.codes).toHaveLength(4);
  });
});
