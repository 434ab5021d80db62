/**
 * Redis killed under two gateways, again and again, while clients work: what was acknowledged is there afterwards, what was
 * revoked stays dead, and in between everybody is told to come back later (ST-01, ST-12, ST-14).
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../support/bearer-proxy.ts";
import { bin } from "../support/gateway-process.ts";
import { ACCEPT, initialize } from "../support/mcp-session.ts";
import {
  errorOf,
  LOOPBACK,
  obtainCode,
  obtainTokens,
  opens,
  query,
  refreshForm,
  registered,
  tokensOf,
  type Code,
  type Fields,
  type RawClient,
  type Tokens,
} from "../support/raw-client.ts";
import { startReplicas, type Replicas } from "../support/replicas.ts";

const ROUNDS = 5;
const LINEAGES = 6;
const LONGEST_ANSWER = 4_000; // ms: whoever asks a dead store must not wait for it

let replicas: Replicas;
let client: RawClient;

beforeAll(async () => {
  replicas = await startReplicas(2, { tokens: { refreshGrace: "10m" } });
  client = await registered(replicas.gateway);
}, 60_000);
afterAll(() => replicas?.close());

const post = (replica: number, path: string, fields: Fields): Promise<Response> =>
  replicas.ask(replica, path, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: query(fields),
  });

const mcp = (replica: number, token: string, init: { body?: unknown; session?: string } = {}) =>
  replicas.ask(replica, new URL(replicas.gateway.resource).pathname, {
    method: init.body === undefined ? "GET" : "POST",
    headers: {
      authorization: `Bearer ${token}`,
      accept: init.body === undefined ? "text/event-stream" : ACCEPT,
      "content-type": "application/json",
      ...(init.session !== undefined && { "mcp-session-id": init.session }),
    },
    ...(init.body !== undefined && { body: JSON.stringify(init.body) }),
  });

async function bothReady(): Promise<void> {
  for (const replica of [0, 1]) {
    while ((await replicas.ask(replica, "/readyz")).status !== 200) await sleep(20);
  }
}

/** What clients were told; all of it must hold whatever happens to Redis. */
interface Acknowledged {
  clients: string[];
  lineages: Tokens[];
  revoked: Tokens[];
  redeemed: Code[];
}

/** Clients at work until `isOver`. Anything but success and "come back later" is kept in `surprises`. */
async function work(
  known: Acknowledged,
  stock: { revoke: Tokens[]; redeem: Code[] },
  isOver: () => boolean,
): Promise<{ surprises: string[]; refusals: number }> {
  const surprises: string[] = [];
  let refusals = 0;
  let turn = 0;

  async function ask(path: string, fields: Fields | object): Promise<Response | undefined> {
    const begun = performance.now();
    const replica = turn++ % 2;
    const response =
      path === "/register"
        ? await replicas.ask(replica, path, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify(fields),
          })
        : await post(replica, path, fields as Fields);
    const took = performance.now() - begun;
    if (took > LONGEST_ANSWER) surprises.push(`${path} took ${took} ms`);
    if (response.status < 300) return response;
    const error = await errorOf(response);
    if (error !== "503 temporarily_unavailable") surprises.push(`${path}: ${error}`);
    if (!response.headers.has("retry-after")) surprises.push(`${path}: no Retry-After`);
    refusals += 1;
    await sleep(20);
    return undefined;
  }

  const refreshing = known.lineages.map(async (_, at) => {
    while (!isOver()) {
      const response = await ask("/token", refreshForm(client, known.lineages[at]!.refresh_token));
      if (response) known.lineages[at] = await tokensOf(response);
    }
  });
  const registering = (async () => {
    for (let count = 0; !isOver(); count += 1) {
      const metadata = {
        redirect_uris: [LOOPBACK],
        client_name: `chaos ${performance.now()} ${count}`,
      };
      const response = await ask("/register", metadata);
      if (response) known.clients.push(((await response.json()) as RawClient).client_id);
    }
  })();
  const revoking = (async () => {
    for (const tokens of stock.revoke) {
      const fields = { token: tokens.refresh_token, client_id: client.client_id };
      while (!(await ask("/revoke", fields)));
      known.revoked.push(tokens);
      await sleep(15);
    }
  })();
  const redeeming = (async () => {
    for (const code of stock.redeem) {
      // One try: a code that may have been used up is not tried again by an honest client.
      if (await ask("/token", code.form)) known.redeemed.push(code);
      await sleep(15);
    }
  })();
  await Promise.all([...refreshing, registering, revoking, redeeming]);
  return { surprises, refusals };
}

describe("Redis killed with SIGKILL under load", () => {
  it("loses nothing that was acknowledged and revives nothing", { timeout: 240_000 }, async () => {
    const known: Acknowledged = { clients: [], lineages: [], revoked: [], redeemed: [] };
    for (let at = 0; at < LINEAGES; at += 1) {
      known.lineages.push(await obtainTokens(replicas.gateway, client));
    }
    for (let round = 0; round < ROUNDS; round += 1) {
      const stock = {
        revoke: await Promise.all(Array.from({ length: 8 }, () => obtainTokens(replicas.gateway, client))),
        redeem: await Promise.all(Array.from({ length: 8 }, () => obtainCode(replicas.gateway, client))),
      }; // prettier-ignore
      let isOver = false;
      const working = work(known, stock, () => isOver);
      await sleep(50 + Math.random() * 150);
      await replicas.redis.signal("SIGKILL");
      for (const replica of [0, 1]) {
        const ready = await replicas.ask(replica, "/readyz");
        expect(ready.status).toBe(503);
        expect(Number(ready.headers.get("retry-after"))).toBeGreaterThan(0);
        expect((await replicas.ask(replica, "/healthz")).status).toBe(200);
      }
      await sleep(300);
      await replicas.redis.restart();
      await bothReady();
      await sleep(200);
      isOver = true;
      const { surprises, refusals } = await working;
      expect(surprises).toEqual([]);
      expect(refusals).toBeGreaterThan(0);

      for (const [at, tokens] of known.lineages.entries()) {
        expect(await opens(replicas.gateway, tokens.access_token)).toBe(true);
        const again = await post(at % 2, "/token", refreshForm(client, tokens.refresh_token));
        known.lineages[at] = await tokensOf(again);
      }
      for (const tokens of known.revoked) {
        expect(await opens(replicas.gateway, tokens.access_token)).toBe(false);
        const refresh = await post(1, "/token", refreshForm(client, tokens.refresh_token));
        expect(await errorOf(refresh)).toBe("400 invalid_grant");
      }
      for (const code of known.redeemed.splice(0)) {
        expect(await errorOf(await post(0, "/token", code.form))).toBe("400 invalid_grant");
      }
    }
    expect(known.revoked.length).toBe(8 * ROUNDS);
    expect(known.clients.length).toBeGreaterThan(ROUNDS);
    const { inside } = replicas.redis;
    for (const id of known.clients) {
      expect(await inside.exists(`{mcp-gateway}:r:client:${id}`), id).toBe(1);
    }
  });
});

describe("a replica that could not hear the others", () => {
  it("ends what lost its right meanwhile as soon as it listens again", async () => {
    const tokens = await obtainTokens(replicas.gateway, client);
    const kept = await obtainTokens(replicas.gateway, client);
    const streams = [];
    for (const { access_token } of [tokens, kept]) {
      const opened = await mcp(1, access_token, { body: initialize() });
      await opened.text();
      const session = opened.headers.get("mcp-session-id")!;
      const body = { jsonrpc: "2.0", method: "notifications/initialized" };
      await mcp(1, access_token, { session, body });
      streams.push({ session, stream: await mcp(1, access_token, { session }) });
    }
    await replicas.redis.inside.client("KILL", "TYPE", "pubsub");
    const [, listeners] = (await replicas.redis.inside.pubsub("NUMSUB", "{mcp-gateway}:events")) as [string, number]; // prettier-ignore
    expect(listeners).toBe(0);
    const fields = { token: tokens.refresh_token, client_id: client.client_id };
    expect((await post(0, "/revoke", fields)).status).toBe(200);
    await streams[0]!.stream.text().catch(() => "cut"); // hangs while it is open
    const alive = await mcp(1, kept.access_token, {
      session: streams[1]!.session,
      body: { jsonrpc: "2.0", id: 9, method: "ping" },
    });
    expect(alive.status).toBe(200);
    await alive.body?.cancel();
    await streams[1]!.stream.body?.cancel();
  }, 30_000);
});

describe("a gateway without its Redis", () => {
  it("does not start, says why, and keeps the password to itself", async () => {
    const cwd = mkdtempSync(join(tmpdir(), "mcpg-no-redis-"));
    const port = await freePort();
    writeFileSync(
      join(cwd, "mcp-gateway.yaml"),
      "publicUrl: http://localhost:9\nlisten: { port: 0 }\nservices: { a: { command: 'true', permissions: all } }\n" +
        'store: { type: redis, url: "${REDIS_URL}" }\n',
    );
    const env = { ...process.env, REDIS_URL: `redis://me:hunter2hunter2@127.0.0.1:${port}` };
    const { status, stdout, stderr } = spawnSync(process.execPath, [bin, "serve"], {
      cwd,
      env,
      encoding: "utf8",
    });
    rmSync(cwd, { recursive: true });
    expect(status).toBe(1);
    expect(stderr).toContain(`127.0.0.1:${port}`);
    expect(stderr).toContain("ECONNREFUSED");
    expect(stderr + stdout).not.toMatch(/hunter2|\bat .*:\d+:\d+/);
  });
});
