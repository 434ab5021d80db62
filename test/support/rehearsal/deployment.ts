/**
 * The internet on one machine: a real ACME authority, an identity provider, a foreign MCP server, and a deployment of a real
 * reverse proxy and real gateways on ports 80 and 443, made with the commands that an operator has. This process is the client: its
 * `fetch` finds the names and trusts the authority.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import type { ConfigInput } from "../../../src/config.ts";
import { bin } from "../gateway-process.ts";
import { fixture } from "../gateway.ts";
import { APP, startGitHub, type GitHub } from "../github.ts";
import { runCommand, type Result } from "../run-command.ts";
import { FRONTS, type Front, type FrontName } from "./fronts.ts";
import { ACME, certified, dial, openInternet } from "./internet.ts";
import type { Network, Running } from "./network.ts";

export interface Deployment {
  readonly publicUrl: string;
  /** MCP endpoints by service. */
  readonly endpoints: { readonly everything: string; readonly wiki: string };
  readonly configFile: string;
  /** PEM of everybody who vouches for a host here. */
  readonly trusted: string;
  readonly network: Network;
  readonly proxy: Front;
  readonly gateways: readonly Running[];
  readonly github: GitHub;
  /** Requests that reached the foreign server so far. */
  foreignRequests(): { method: string; url: string; headers: Record<string, string> }[];
  /** What Traefik's API answers, asked on its own host. */
  api(path: string): Promise<unknown>;
  /** Bytes in, bytes out, over TLS; the connection is ours alone. @param name of SNI */
  raw(name: string, text: string): Promise<string>;
  /** A command of ours, run on the client's side with its names and trust. */
  command(args: string[], env?: Record<string, string>): Promise<Result>;
  close(): Promise<void>;
}

export interface DeploymentOptions {
  proxy: FrontName;
  routing: "path" | "subdomain";
  challenge: "tls-alpn-01" | "http-01";
  provider: "file" | "http";
  gateways: number;
}

const DOMAIN = "gw.test";
const FOREIGN = { host: "wiki.internal", port: 3000, path: "/api/mcp" };
const FIRST_PORT = 8080;

const everything = createRequire(import.meta.url).resolve(
  "@modelcontextprotocol/server-everything/dist/index.js",
);

export async function startDeployment(options: DeploymentOptions): Promise<Deployment> {
  const undo: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    return { ...(await deploy(options, undo)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function deploy(
  { proxy, routing, challenge, provider, gateways: count }: DeploymentOptions,
  undo: (() => unknown)[],
): Promise<Omit<Deployment, "close">> {
  const directory = mkdtempSync(join(tmpdir(), "mcpg-internet-"));
  undo.push(() => rmSync(directory, { recursive: true, force: true }));
  const hosts = [DOMAIN, ...["everything", "wiki"].map((service) => `${service}.${DOMAIN}`)];
  const { network, authority, trusted } = await openInternet(
    directory,
    { deployment: hosts, wiki: [FOREIGN.host] },
    ["github.test"],
    undo,
  );
  const certificate = authority.certify("github.test");
  const github = await startGitHub({ host: "github.test", address: network.address, certificate });
  undo.push(() => github.close());

  const { path, port } = FOREIGN;
  const foreign = network.hosts["wiki"]!.start(process.execPath, [
    ...[fixture("foreign-mcp.js"), "0.0.0.0", String(port), path],
  ]);
  await foreign.says(/^listening$/m);

  const here = network.hosts["deployment"]!;
  let store: ConfigInput["store"] = { type: "lowdb" };
  if (count > 1) {
    const redis = here.start("redis-server", ["--port", "6379", "--save", "", "--dir", directory]);
    await redis.says(/Ready to accept connections/);
    store = { type: "redis", url: "redis://127.0.0.1:6379" };
  }
  const ports = Array.from({ length: count }, (_, index) => FIRST_PORT + index);
  const folder = join(directory, proxy);
  mkdirSync(folder);
  const place = { host: here, folder, authority };
  const used = routing === "subdomain" ? hosts : [DOMAIN];
  const more = FRONTS[proxy].configure(place, used);
  const configs = ports.map((own, index): ConfigInput => ({
    publicUrl: `https://${DOMAIN}`,
    routing,
    defaultService: "everything",
    listen: { port: own, ...(provider === "http" && { internal: { port: 9090 + index } }) },
    identity: {
      providers: [
        {
          type: "github",
          clientId: APP.clientId,
          clientSecret: "${SECRET}",
          baseUrl: github.baseUrl,
        },
      ],
      allow: ["github:583231"],
    },
    store,
    proxy: {
      provider,
      gateways: ports.map((each) => `http://127.0.0.1:${each}`),
      acme: {
        email: "ops@gw.test",
        caServer: ACME,
        challenge,
        storage: join(directory, "acme.json"),
      },
      ...more,
    },
    services: {
      everything: { command: process.execPath, args: [everything, "stdio"], permissions: "all" },
      wiki: { url: `http://${FOREIGN.host}:${port}${path}`, via: "traefik" },
    },
    limits: { rates: { registrations: 10_000, logins: 10_000, authorizations: 10_000 } },
  }));
  const environment = { SECRET: APP.clientSecret, NODE_EXTRA_CA_CERTS: authority.file };
  const gateways = configs.map((config, index) => {
    const home = join(directory, `gateway${index}`);
    mkdirSync(home);
    writeFileSync(join(home, "mcp-gateway.yaml"), stringify(config));
    const serve = [bin, "serve", "--json"];
    return here.start(process.execPath, serve, { cwd: home, env: environment });
  });
  await Promise.all(gateways.map((gateway) => gateway.says(/"event":"ready"/)));

  const configFile = join(directory, "gateway0", "mcp-gateway.yaml");
  const cwd = directory;
  const render = ["proxy", "render", "--target", proxy, "-c", configFile, "--out", folder];
  const { code, stderr } = await runCommand(render, { cwd });
  if (code !== 0) throw new Error(stderr);
  const front = FRONTS[proxy].start(place);
  await Promise.all(used.map((name) => certified(network, name, trusted, () => front.log())));

  const endpoint = (service: string): string =>
    routing === "subdomain"
      ? `https://${service}.${DOMAIN}/mcp`
      : `https://${DOMAIN}/${service}/mcp`;
  return {
    publicUrl: `https://${DOMAIN}`,
    endpoints: { everything: endpoint("everything"), wiki: endpoint("wiki") },
    configFile,
    trusted,
    network,
    proxy: front,
    gateways,
    github,
    foreignRequests: () =>
      foreign
        .output()
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line)),
    async api(path) {
      const script = `fetch("http://127.0.0.1:8082${path}").then((r) => r.text()).then(console.log)`;
      const asked = here.start(process.execPath, ["-e", script]);
      await asked.ended();
      return JSON.parse(asked.output());
    },
    async raw(name, text) {
      const socket = await dial(network, name, trusted);
      socket.write(text);
      let answer = "";
      for await (const chunk of socket) answer += String(chunk);
      return answer;
    },
    command: (args, env) => {
      const environment = { NODE_EXTRA_CA_CERTS: trusted, ...env };
      return runCommand([...args, "-c", configFile], { cwd, env: environment });
    },
  };
}
