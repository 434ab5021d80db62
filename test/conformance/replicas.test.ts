/**
 * Two gateway processes on one Redis, as a stranger sees them: one authorization server. What races, races between them.
 */
import { decodeProtectedHeader } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ACCEPT, initialize } from "../support/mcp-session.ts";
import {
  errorOf,
  jsonOf,
  obtainCode,
  obtainTokens,
  opens,
  query,
  refreshForm,
  registered,
  tokensOf,
  type Fields,
  type RawClient,
  type Tokens,
} from "../support/raw-client.ts";
import { startReplicas, type Replicas } from "../support/replicas.ts";

let replicas: Replicas;
let client: RawClient;

beforeAll(async () => {
  replicas = await startReplicas(2);
  client = await registered(replicas.gateway);
}, 60_000);
afterAll(() => replicas?.close());

const post = (replica: number, path: string, fields: Fields): Promise<Response> =>
  replicas.ask(replica, path, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: query(fields),
  });

const call = (
  replica: number,
  token: string,
  init: { body?: unknown; session?: string; method?: string } = {},
): Promise<Response> =>
  replicas.ask(replica, new URL(replicas.gateway.resource).pathname, {
    method: init.method ?? "POST",
    headers: {
      authorization: `Bearer ${token}`,
      accept: init.method === "GET" ? "text/event-stream" : ACCEPT,
      "content-type": "application/json",
      ...(init.session !== undefined && { "mcp-session-id": init.session }),
    },
    ...(init.method !== "GET" && {
      body: JSON.stringify(init.body ?? { jsonrpc: "2.0", id: 1, method: "ping" }),
    }),
  });

const sortedCounts = (values: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
};

describe("two replicas on one Redis", () => {
  it("are ready, and know each other's key: they started at once on an empty Redis", async () => {
    const sets = await Promise.all(
      [0, 1].map(async (replica) => {
        expect((await replicas.ask(replica, "/readyz")).status).toBe(200);
        const { jwks_uri } = await jsonOf<{ jwks_uri: string }>(
          await replicas.ask(replica, "/.well-known/oauth-authorization-server"),
        );
        return jsonOf<{ keys: { kid: string }[] }>(
          await replicas.ask(replica, new URL(jwks_uri).pathname),
        );
      }),
    );
    expect(sets[0]).toEqual(sets[1]);
    expect(sets[0]!.keys).toHaveLength(1);
    const tokens = await obtainTokens(replicas.gateway, client);
    expect(decodeProtectedHeader(tokens.access_token).kid).toBe(sets[0]!.keys[0]!.kid);
    for (const replica of [0, 1]) {
      expect((await call(replica, tokens.access_token)).status).not.toBe(401);
    }
  });

  it("redeem a code once of 50 parallel times over both, then end its family (CD-08)", async () => {
    for (let round = 0; round < 3; round += 1) {
      const { form } = await obtainCode(replicas.gateway, client);
      const responses = await Promise.all(
        Array.from({ length: 50 }, (_, at) => post(at % 2, "/token", form)),
      );
      const won = responses.filter(({ status }) => status === 200);
      expect(won).toHaveLength(1);
      const lost = responses.filter((response) => !won.includes(response));
      expect(sortedCounts(await Promise.all(lost.map(errorOf)))).toEqual({
        "400 invalid_grant": 49,
      });
      const tokens = await tokensOf(won[0]!);
      for (const replica of [0, 1]) {
        expect((await call(replica, tokens.access_token)).status).toBe(401);
        const refreshed = await post(replica, "/token", refreshForm(client, tokens.refresh_token));
        expect(await errorOf(refreshed)).toBe("400 invalid_grant");
      }
    }
  }, 60_000);

  it("let 200 parallel refreshes over both yield one lineage (RF-06)", async () => {
    const first = await obtainTokens(replicas.gateway, client);
    const responses = await Promise.all(
      Array.from({ length: 200 }, (_, at) =>
        post(at % 2, "/token", refreshForm(client, first.refresh_token)),
      ),
    );
    const tokens = await Promise.all(
      responses.filter(({ status }) => status === 200).map((response) => tokensOf(response)),
    );
    expect(tokens.length).toBeGreaterThan(0);
    const successors = new Set(tokens.map(({ refresh_token }) => refresh_token));
    expect(successors.size).toBe(1);
    for (const response of responses.filter(({ status }) => status !== 200)) {
      expect(await errorOf(response)).toBe("400 invalid_grant");
    }
    const next = await post(1, "/token", refreshForm(client, [...successors][0]!));
    expect(next.status).toBe(200);
    // The successor was used: the first token is an ancestor now, and its return ends them all.
    expect(await errorOf(await post(0, "/token", refreshForm(client, first.refresh_token)))).toBe(
      "400 invalid_grant",
    );
    expect(await opens(replicas.gateway, (await jsonOf<Tokens>(next)).access_token)).toBe(false);
  }, 60_000);

  it("count one grace and one successor, whichever of them is asked", async () => {
    const first = await obtainTokens(replicas.gateway, client);
    const [a, b] = await Promise.all(
      [0, 1].map(async (replica) =>
        tokensOf(await post(replica, "/token", refreshForm(client, first.refresh_token))),
      ),
    );
    expect(a!.refresh_token).toBe(b!.refresh_token);
  });

  it("refuse at one what was revoked at the other, at the very next request (RV-06)", async () => {
    for (const hint of ["access_token", "refresh_token"] as const) {
      const tokens = await obtainTokens(replicas.gateway, client);
      expect((await call(1, tokens.access_token)).status).not.toBe(401);
      const revoked = await post(0, "/revoke", {
        token: tokens[hint],
        token_type_hint: hint,
        client_id: client.client_id,
      });
      expect(revoked.status).toBe(200);
      expect((await call(1, tokens.access_token)).status).toBe(401);
    }
  });

  it("end sessions and open streams at one when the grant ends at the other", async () => {
    const tokens = await obtainTokens(replicas.gateway, client);
    const opened = await call(1, tokens.access_token, { body: initialize() });
    expect(opened.status).toBe(200);
    await opened.text();
    const session = opened.headers.get("mcp-session-id")!;
    const ready = { jsonrpc: "2.0", method: "notifications/initialized" };
    await call(1, tokens.access_token, { session, body: ready });
    const stream = await call(1, tokens.access_token, { session, method: "GET" });
    expect(stream.status).toBe(200);
    const ended = stream.text().catch(() => "cut");
    const revoked = await post(0, "/revoke", {
      token: tokens.refresh_token,
      client_id: client.client_id,
    });
    expect(revoked.status).toBe(200);
    await ended; // hangs while the stream is open
    const late = await call(1, tokens.access_token, { session });
    expect(late.status).toBe(401);
    const fresh = await obtainTokens(replicas.gateway, client);
    expect((await call(1, fresh.access_token, { session })).status).toBe(404);
  });

  it("keep no secret of any request in Redis or in their logs (ST-09, SE-01)", async () => {
    const { form } = await obtainCode(replicas.gateway, client);
    const tokens = await tokensOf(await post(0, "/token", form));
    const refreshed = await tokensOf(
      await post(1, "/token", refreshForm(client, tokens.refresh_token)),
    );
    const { inside } = replicas.redis;
    let stored = "";
    for (const key of await inside.keys("*")) {
      stored += key;
      if ((await inside.type(key)) === "hash") stored += JSON.stringify(await inside.hgetall(key));
    }
    expect(stored).toContain(client.client_id);
    const logs = replicas.all.map((replica) => replica.stderr()).join("");
    expect(logs).not.toBe("");
    const secrets = [
      form["code"], form["code_verifier"], tokens.access_token, tokens.refresh_token,
      refreshed.access_token, refreshed.refresh_token,
    ]; // prettier-ignore
    for (const secret of secrets) {
      expect(secret).toBeTruthy();
      expect(stored).not.toContain(secret);
      expect(logs).not.toContain(secret);
    }
  });
});
