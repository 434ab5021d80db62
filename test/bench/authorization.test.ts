/**
 * The authorization server and the token check against their peers, on durable writes on our side.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { fixture } from "../support/gateway.ts";
import { bin } from "../support/gateway-process.ts";
import { logIn, type LoggedIn } from "../support/strict-client.ts";
import { compare, print, runLoad, startServer, takeTurns, type Row, type Server } from "./load.ts";

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const CHAINS = 16;
const rows: Row[] = [];
let directory: string;
let gateway: Server;
let url: string;
let login: LoggedIn;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "mcpg-bench-"));
  // One source makes all the load here; what protects a gateway from that is not what is measured.
  const config = {
    publicUrl: "http://localhost:8080",
    services: {
      echo: { command: process.execPath, args: [fixture("echo.js")], permissions: "all" },
    },
    registration: { clients: 10_000_000 },
    limits: { rates: { registrations: 10_000_000, failures: 10_000_000, lookups: 10_000_000 } },
  };
  writeFileSync(join(directory, "mcp-gateway.yaml"), JSON.stringify(config)); // JSON is YAML
  const command = [process.execPath, bin, "dev", "--json", "--port", "0"];
  gateway = await startServer(command, { cwd: directory });
  url = String(gateway.ready.url);
  login = await logIn(`${url}/mcp`);
});

afterAll(async () => {
  print("Authorization (ours against the peer)", rows);
  await gateway.stop();
  rmSync(directory, { recursive: true });
});

const keep = (row: Row): void => {
  rows.push(row);
  expect(row.ratio).toBeGreaterThan(0);
};

it("/verify against a bare node:http handler that answers 204", async () => {
  const bare = await startServer([process.execPath, script("servers.js"), "bare"]);
  const { host } = new URL(url);
  const headers = {
    authorization: `Bearer ${login.tokens.access_token}`,
    "x-forwarded-method": "POST",
    "x-forwarded-proto": "http",
    "x-forwarded-host": host,
    "x-forwarded-uri": "/mcp",
  };
  keep(
    await compare(
      "/verify | bare node:http",
      { url: `${url}/verify`, headers },
      { url: String(bare.ready.url), headers },
    ),
  );
  await bare.stop();
});

it("the token endpoint and registration against oidc-provider in memory", async () => {
  const peer = await startServer([process.execPath, script("servers.js"), "oidcProvider"]);
  const peerUrl = String(peer.ready.url);
  const chains = [
    {
      url,
      clientId: login.client.client_id,
      refreshTokens: [login.tokens.refresh_token] as unknown[],
    },
    {
      url: peerUrl,
      clientId: String(peer.ready.clientId),
      refreshTokens: peer.ready.refreshTokens as unknown[],
    },
  ] as const;
  while (chains[0].refreshTokens.length < CHAINS) {
    chains[0].refreshTokens.push(
      (await logIn(`${url}/mcp`, { client: login.client })).tokens.refresh_token,
    );
  }
  const refreshing = (chain: (typeof chains)[number]) => async (seconds: number) => {
    const result = await runLoad(script("chains.js"), { ...chain, seconds });
    chain.refreshTokens.splice(0, CHAINS, ...(result.refreshTokens as unknown[]));
    return Number(result.perSecond);
  };
  keep(
    await takeTurns(
      "refresh with rotation | oidc-provider",
      refreshing(chains[0]),
      refreshing(chains[1]),
    ),
  );

  const registration = {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      redirect_uris: ["https://example.com/cb"],
      token_endpoint_auth_method: "none",
      id_token_signed_response_alg: "ES256", // the peer's only key; it would refuse otherwise
    }),
  };
  keep(
    await compare(
      "registration | oidc-provider",
      { ...registration, url: `${url}/register` },
      { ...registration, url: `${peerUrl}/reg` },
    ),
  );
  await peer.stop();
});

it("client credentials and introspection against oidc-provider in memory", async () => {
  const peer = await startServer([process.execPath, script("servers.js"), "oidcProvider"]);
  const peerUrl = String(peer.ready.url);
  const form = (fields: Record<string, string>) => ({
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(fields).toString(),
  });
  const ours = registerProgram();
  const theirs = peer.ready.program as { id: string; secret: string };
  const grant = ({ id, secret }: { id: string; secret: string }, resource: string) =>
    form({
      grant_type: "client_credentials",
      client_id: id,
      client_secret: secret,
      resource,
      scope: "mcp",
    });
  keep(
    await compare(
      "client credentials | oidc-provider",
      { ...grant(ours, `${url}/mcp`), url: `${url}/token` },
      { ...grant(theirs, "http://resource.test/mcp"), url: `${peerUrl}/token` },
    ),
  );

  const tokenOf = async (at: string, request: { headers: Record<string, string>; body: string }) =>
    ((await (await fetch(at, { ...request, method: "POST" })).json()) as { access_token: string })
      .access_token;
  const introspect = ({ id, secret }: { id: string; secret: string }, token: string) =>
    form({ client_id: id, client_secret: secret, token });
  const [our, their] = [
    introspect(ours, await tokenOf(`${url}/token`, grant(ours, `${url}/mcp`))),
    introspect(
      theirs,
      await tokenOf(`${peerUrl}/token`, grant(theirs, "http://resource.test/opaque")),
    ),
  ];
  for (const [at, request] of [
    [`${url}/introspect`, our],
    [`${peerUrl}/token/introspection`, their],
  ] as const) {
    expect(await (await fetch(at, request)).json()).toMatchObject({ active: true });
  }
  keep(
    await compare(
      "introspection | oidc-provider",
      { ...our, url: `${url}/introspect` },
      { ...their, url: `${peerUrl}/token/introspection` },
    ),
  );
  await peer.stop();
});

function registerProgram(): { id: string; secret: string } {
  const flags = [
    "--grant",
    "client_credentials",
    "--service",
    "echo",
    "--confidential",
    "--secret-in",
    "body",
  ];
  const command = [bin, "client", "register", "--json", "--name", "bench", ...flags];
  const output = execFileSync(process.execPath, command, { cwd: directory, encoding: "utf8" });
  const { clientId, clientSecret } = JSON.parse(output) as {
    clientId: string;
    clientSecret: string;
  };
  return { id: clientId, secret: clientSecret };
}
