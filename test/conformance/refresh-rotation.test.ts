/** Refresh tokens as a stranger sees them: RFC 6749 §6, rotation and reuse detection of RFC 9700 §4.14.2. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectControl } from "../../src/control.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  errorOf,
  obtainTokens,
  opens,
  post,
  refreshForm,
  registered,
  requestToken,
  tokensOf,
  type Fields,
  type RawClient,
  type Tokens,
} from "../support/raw-client.ts";

let gateway: TestGateway;
let client: RawClient;
const GRACE = 30; // seconds

beforeAll(async () => {
  gateway = await startGateway();
  client = await registered(gateway);
});
afterAll(() => gateway.close());

const ask = (token: string, fields: Fields = {}): Promise<Response> =>
  requestToken(gateway, refreshForm(client, token, fields));
const refresh = async (token: string, fields: Fields = {}): Promise<Tokens> =>
  tokensOf(await ask(token, fields));
const refused = async (token: string, fields: Fields = {}): Promise<string> =>
  errorOf(await ask(token, fields));

describe("rotation", () => {
  it("gives a new refresh token each time, and an access token that works (RF-01, A13)", async () => {
    const first = await obtainTokens(gateway, client);
    const second = await refresh(first.refresh_token);
    const third = await refresh(second.refresh_token);
    const all = [first, second, third];
    expect(new Set(all.map(({ refresh_token }) => refresh_token)).size).toBe(3);
    for (const { access_token } of all) expect(await opens(gateway, access_token)).toBe(true);
  });

  it("answers a retry two seconds later with the same successor (RF-03, RF-18)", async () => {
    const first = await obtainTokens(gateway, client);
    const lost = await refresh(first.refresh_token);
    gateway.clock.advance(2);
    const again = await refresh(first.refresh_token);
    expect(again.refresh_token).toBe(lost.refresh_token);
    await refresh(again.refresh_token);
  });

  it("counts the grace from the first use, not from the last (RF-04)", async () => {
    const first = await obtainTokens(gateway, client);
    await refresh(first.refresh_token);
    gateway.clock.advance(GRACE - 5);
    const { refresh_token } = await refresh(first.refresh_token);
    gateway.clock.advance(10);
    expect(await refused(first.refresh_token)).toBe("400 invalid_grant");
    expect(await refused(refresh_token)).toBe("400 invalid_grant");
  });

  it("ends the whole family when an old token comes back after the grace (RF-02, JW-24, A13, SB19)", async () => {
    const first = await obtainTokens(gateway, client);
    const second = await refresh(first.refresh_token);
    gateway.clock.advance(GRACE + 1);
    expect(await refused(first.refresh_token)).toBe("400 invalid_grant");
    expect(await refused(second.refresh_token)).toBe("400 invalid_grant");
    for (const { access_token } of [first, second])
      expect(await opens(gateway, access_token)).toBe(false);
  });

  it("ends it for an older ancestor within its grace, too (RF-05)", async () => {
    const first = await obtainTokens(gateway, client);
    const second = await refresh(first.refresh_token);
    const third = await refresh(second.refresh_token);
    expect(await refused(first.refresh_token)).toBe("400 invalid_grant");
    expect(await refused(third.refresh_token)).toBe("400 invalid_grant");
  });

  it("keeps one line of descent under 200 parallel uses (RF-06)", async () => {
    const first = await obtainTokens(gateway, client);
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => refresh(first.refresh_token)),
    );
    expect(new Set(answers.map(({ refresh_token }) => refresh_token)).size).toBe(1);
  });
});

describe("what a refresh may ask for (RFC 6749 §6)", () => {
  it("less, and all of it again the next time (RF-11)", async () => {
    const first = await obtainTokens(gateway, client, { scope: "mcp offline_access" });
    const narrow = await refresh(first.refresh_token, { scope: "mcp" });
    expect(narrow.scope).toBe("mcp");
    expect((await refresh(narrow.refresh_token)).scope).toBe("mcp offline_access");
  });

  it("not more, and the token is still unused then (RF-10, RF-12, A13)", async () => {
    const first = await obtainTokens(gateway, client, { scope: "mcp" });
    expect(await refused(first.refresh_token, { scope: "mcp offline_access" })).toBe(
      "400 invalid_scope",
    );
    expect(await refused(first.refresh_token, { resource: "https://elsewhere.example/mcp" })).toBe(
      "400 invalid_target",
    );
    gateway.clock.advance(GRACE + 1);
    await refresh(first.refresh_token);
  });
});

describe("a refresh token", () => {
  it("is worth nothing to another client, and stays its owner's (RF-09)", async () => {
    const first = await obtainTokens(gateway, client);
    for (const other of [
      await registered(gateway),
      await registered(gateway, { token_endpoint_auth_method: "client_secret_post" }),
    ]) {
      const fields = { client_id: other.client_id, client_secret: other.client_secret };
      expect(await refused(first.refresh_token, fields)).toBe("400 invalid_grant");
    }
    await refresh(first.refresh_token);
  });

  it("lives through weeks of silence", async () => {
    const { refresh_token } = await obtainTokens(gateway, client);
    gateway.clock.advance(29 * 86_400);
    const { access_token } = await refresh(refresh_token);
    expect(await opens(gateway, access_token)).toBe(true);
  });

  it("dies of thirty idle days (RF-13)", async () => {
    const { refresh_token } = await obtainTokens(gateway, client);
    gateway.clock.advance(30 * 86_400 + 1);
    expect(await refused(refresh_token)).toBe("400 invalid_grant");
  });

  it("is not revived by a refresh that races with its revocation (RF-07)", async () => {
    for (let round = 0; round < 10; round += 1) {
      const { refresh_token } = await obtainTokens(gateway, client);
      const [answer] = await Promise.all([
        ask(refresh_token),
        post(gateway, "/revoke", { client_id: client.client_id, token: refresh_token }),
      ]);
      if (answer.status !== 200) continue;
      const next = await tokensOf(answer);
      expect(await refused(next.refresh_token)).toBe("400 invalid_grant");
      expect(await opens(gateway, next.access_token)).toBe(false);
    }
  });

  it("makes its client register again when that was revoked (invalid_client, RF-21)", async () => {
    const doomed = await registered(gateway);
    const { refresh_token } = await obtainTokens(gateway, doomed);
    await connectControl(gateway.stateDirectory).revokeClient(doomed.client_id);
    const response = await requestToken(gateway, refreshForm(doomed, refresh_token));
    expect(await errorOf(response)).toBe("401 invalid_client");
  });
});
