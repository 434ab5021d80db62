/**
 * `kill -9` again and again under a load of registrations, code exchanges, refreshes and revocations. Whatever was acknowledged
 * before the kill holds after it: what was registered is known, what was consumed stays consumed, the newest refresh token
 * works, what was revoked is dead.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { freePort } from "../support/bearer-proxy.ts";
import { approve, createFormBrowser } from "../support/form-browser.ts";
import { spawnGateway, type GatewayProcess } from "../support/gateway-process.ts";
import { callMcp, REDIRECT_URI } from "../support/strict-client.ts";

const KILLS = 100;
const WORKERS = 4;
const VERIFIER = "v".repeat(43);

const directory = mkdtempSync(join(tmpdir(), "mcpg-chaos-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** One client's life as its owner knows it: only what the gateway has acknowledged. */
interface Life {
  clientId: string;
  consumedCode?: string;
  refreshToken?: string;
  accessToken?: string;
  revoked?: boolean;
  /** A request was under way when the gateway died: either outcome is right. */
  unsure?: boolean;
}

const post = (url: string, body: Record<string, string>): Promise<Response> =>
  fetch(url, { method: "POST", body: new URLSearchParams(body) });

async function register(url: string): Promise<string> {
  const response = await fetch(`${url}/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ redirect_uris: [REDIRECT_URI], token_endpoint_auth_method: "none" }),
  });
  expect(response.status).toBe(201);
  return ((await response.json()) as { client_id: string }).client_id;
}

/** A worker lives lives until the gateway dies under it. */
async function work(
  url: string,
  resource: string,
  challenge: string,
  lives: Life[],
): Promise<void> {
  const browser = createFormBrowser();
  try {
    for (;;) {
      const life: Life = { clientId: await register(url) };
      lives.push(life);
      const query = new URLSearchParams({
        response_type: "code",
        client_id: life.clientId,
        redirect_uri: REDIRECT_URI,
        code_challenge: challenge,
        code_challenge_method: "S256",
        resource,
      });
      const code = (await approve(`${url}/authorize?${query}`, browser)).searchParams.get("code")!;
      life.unsure = true;
      await redeem(url, life, code);
      life.consumedCode = code;
      life.unsure = false;
      for (let turn = 0; turn < 3; turn++) await rotate(url, life);
      if (lives.length % 2 === 0) await revoke(url, life);
    }
  } catch (error) {
    // fetch says TypeError when the gateway dies under it; whatever was under way stays unsure.
    if (!(error instanceof TypeError)) throw error;
  }
}

async function redeem(url: string, life: Life, code: string): Promise<void> {
  const response = await post(`${url}/token`, {
    grant_type: "authorization_code",
    client_id: life.clientId,
    code,
    redirect_uri: REDIRECT_URI,
    code_verifier: VERIFIER,
  });
  await keepTokens(life, response);
}

async function rotate(url: string, life: Life): Promise<void> {
  const response = await post(`${url}/token`, {
    grant_type: "refresh_token",
    client_id: life.clientId,
    refresh_token: life.refreshToken!,
  });
  await keepTokens(life, response);
}

async function keepTokens(life: Life, response: Response): Promise<void> {
  const body = (await response.json()) as { refresh_token: string; access_token: string };
  expect(response.status).toBe(200);
  life.refreshToken = body.refresh_token;
  life.accessToken = body.access_token;
}

async function revoke(url: string, life: Life): Promise<void> {
  life.unsure = true;
  const response = await post(`${url}/revoke`, {
    client_id: life.clientId,
    token: life.refreshToken!,
  });
  expect(response.status).toBe(200);
  life.revoked = true;
  life.unsure = false;
}

/** What must hold for one life after a restart. Its own use of the tokens is destructive, so it is asked once. */
async function verify(url: string, resource: string, life: Life): Promise<void> {
  // An unknown client is 401 invalid_client; a known one is told that its grant is bad.
  const probe = await post(`${url}/token`, {
    grant_type: "refresh_token",
    client_id: life.clientId,
    refresh_token: "none",
  });
  expect(await probe.json()).toMatchObject({ error: "invalid_grant" });
  if (life.refreshToken === undefined || life.unsure) return;
  if (life.revoked) {
    const dead = {
      grant_type: "refresh_token",
      client_id: life.clientId,
      refresh_token: life.refreshToken,
    };
    expect((await post(`${url}/token`, dead)).status).toBe(400);
    const response = await callMcp(resource, life.accessToken);
    await response.body?.cancel();
    expect(response.status).toBe(401);
    return;
  }
  // A refresh that was under way at the kill is repeated here: the same successor, or the first one.
  await rotate(url, life);
  const again = {
    grant_type: "authorization_code",
    client_id: life.clientId,
    code: life.consumedCode!,
    redirect_uri: REDIRECT_URI,
    code_verifier: VERIFIER,
  };
  expect((await post(`${url}/token`, again)).status).toBe(400);
  // The replayed code has ended the grant.
  const late = {
    grant_type: "refresh_token",
    client_id: life.clientId,
    refresh_token: life.refreshToken,
  };
  expect((await post(`${url}/token`, late)).status).toBe(400);
}

it(`keeps every promise through ${KILLS} kills (ST-01, RF-19)`, { timeout: 900_000 }, async () => {
  const challenge = createHash("sha256").update(VERIFIER).digest("base64url");
  const port = await freePort();
  const seen = { lives: 0, exchanged: 0, revoked: 0 };
  let lives: Life[] = [];
  for (let round = 0; round <= KILLS; round++) {
    const gateway: GatewayProcess = await spawnGateway({ cwd: directory, port });
    for (const life of lives) await verify(gateway.url, gateway.resource, life);
    seen.lives += lives.length;
    seen.exchanged += lives.filter((life) => life.consumedCode !== undefined).length;
    seen.revoked += lives.filter((life) => life.revoked).length;
    lives = [];
    const { url, resource } = gateway;
    const workers = Array.from({ length: WORKERS }, () => work(url, resource, challenge, lives));
    await new Promise((resolve) => setTimeout(resolve, 200 + Math.random() * 600));
    await gateway.kill("SIGKILL");
    await Promise.all(workers);
  }
  console.log(`${KILLS} kills: ${JSON.stringify(seen)}`);
  expect(seen.lives).toBeGreaterThan(KILLS);
  expect(seen.exchanged).toBeGreaterThan(KILLS / 2);
  expect(seen.revoked).toBeGreaterThan(KILLS / 10);
});
