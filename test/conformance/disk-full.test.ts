/**
 * A full disk, made by the limit that the shell sets on file sizes: the gateway says so in the shape of its specification, answers
 * what it can, and forgets nothing that it has acknowledged.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { spawnGateway } from "../support/gateway-process.ts";
import { REDIRECT_URI } from "../support/strict-client.ts";

const directory = mkdtempSync(join(tmpdir(), "mcpg-full-"));
afterAll(() => rmSync(directory, { recursive: true }));

const register = (url: string): Promise<Response> =>
  fetch(`${url}/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ redirect_uris: [REDIRECT_URI], client_name: "x".repeat(80) }),
  });

it("refuses with 503 when it cannot write, and keeps every promise (RV-08)", async () => {
  const limited = await spawnGateway({ cwd: directory });
  execFileSync("prlimit", ["--fsize=65536", "--pid", String(limited.child.pid)]);
  const known: string[] = [];
  let refused: Response | undefined;
  while (!refused && known.length < 1000) {
    const response = await register(limited.url);
    if (response.status === 201)
      known.push(((await response.json()) as { client_id: string }).client_id);
    else refused = response;
  }
  expect(refused?.status).toBe(503);
  expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await refused?.json()).toMatchObject({ error: "temporarily_unavailable" });
  expect((await fetch(`${limited.url}/.well-known/oauth-authorization-server`)).status).toBe(200);
  await limited.kill("SIGKILL");
  expect(known.length).toBeGreaterThan(10);

  const restarted = await spawnGateway({ cwd: directory });
  for (const clientId of known) {
    const response = await fetch(`${restarted.url}/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "refresh_token",
        client_id: clientId,
        refresh_token: "x",
      }),
    });
    // An unknown client would be 401 invalid_client.
    expect(await response.json()).toMatchObject({ error: "invalid_grant" });
  }
  expect((await register(restarted.url)).status).toBe(201);
  await restarted.kill("SIGTERM");
});
