/**
 * Every server of the catalogue as somebody would use it: added by command to a fresh configuration, served by a gateway
 * process within the permissions of its entry, and called by an MCP client that logged in.
 *
 * The configuration lies below this project, so that the npm packages are those that are installed here; the Python ones
 * are installed on the first run and kept.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readCatalog } from "../../src/config/catalog.ts";
import { bin } from "../support/gateway-process.ts";
import { TestOAuthProvider } from "../support/oauth-provider.ts";
import { runCommand } from "../support/run-command.ts";

const directory = fileURLToPath(new URL("../../.cache/catalog/", import.meta.url));
const shared = join(directory, "shared");
const INSTALLING = 600_000; // ms; the packages of Python come over the network once

/** What each needs to be added; names that are not here need nothing. */
const PARAMETERS: Readonly<Record<string, string[]>> = {
  filesystem: [`folder=${shared}`],
  fetch: ["options=--ignore-robots-txt --allow-private-ips"],
  // Chromium refuses to build walls of its own for root and within others.
  playwright: ["options=--no-sandbox"],
};

let site: Server;
let page: string;
let gateway: ChildProcess;
let endpoints: { service: string; url: string }[];
const clients: Client[] = [];

async function connect(
  service: string,
): Promise<(name: string, given?: object) => Promise<string>> {
  const url = new URL(endpoints.find((one) => one.service === service)!.url);
  const authProvider = new TestOAuthProvider();
  const client = new Client({ name: "catalog", version: "1" });
  const first = new StreamableHTTPClientTransport(url, { authProvider });
  await expect(client.connect(first)).rejects.toThrow(/unauthorized/i);
  await first.finishAuth(authProvider.callback!.get("code")!);
  await client.connect(new StreamableHTTPClientTransport(url, { authProvider }));
  clients.push(client);
  return async (name, given = {}) => {
    const result = await client.callTool({ name, arguments: { ...given } });
    const texts = (result.content as { text?: string }[]).map(({ text = "" }) => text);
    return `${result.isError ? "isError " : ""}${texts.join("\n")}`;
  };
}

beforeAll(async () => {
  for (const name of ["mcp-gateway.yaml", ".mcp-gateway", "mcp-memory", "mcp-tmux", "shared"]) {
    rmSync(join(directory, name), { recursive: true, force: true });
  }
  mkdirSync(shared, { recursive: true });
  writeFileSync(join(shared, "note.txt"), "what the note says");
  writeFileSync(
    join(directory, "mcp-gateway.yaml"),
    "publicUrl: http://localhost:0\nlisten: { host: localhost, port: 0 }\nservices: {}\n",
  );
  site = createServer((_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end("<html><title>A page</title><body><h1>Read by a machine</h1></body></html>");
  }).listen(0, "127.0.0.1");
  await once(site, "listening");
  page = `http://127.0.0.1:${(site.address() as AddressInfo).port}/`;

  for (const { name } of readCatalog()) {
    const parameters = (PARAMETERS[name] ?? []).flatMap((one) => ["--param", one]);
    const added = await runCommand(["service", "add", name, ...parameters], { cwd: directory });
    expect(added, added.stderr).toMatchObject({ code: 0 });
  }
  gateway = spawn(process.execPath, [bin, "serve", "--json"], {
    cwd: directory,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(createInterface({ input: gateway.stdout! }), "line")) as [string];
  ({ endpoints } = JSON.parse(line) as { endpoints: typeof endpoints });
}, INSTALLING);
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  site?.close();
  if (gateway && gateway.exitCode === null) {
    gateway.kill("SIGTERM");
    await once(gateway, "exit");
  }
});

/** What somebody would try first with each. */
const TRIES: Readonly<Record<string, () => Promise<void>>> = {
  async echo() {
    const call = await connect("echo");
    expect(await call("echo", { text: "hello" })).toBe("hello");
    expect(await call("replay")).toBe("hello");
    const { session } = JSON.parse(await call("session")) as { session: { client: object } };
    expect(session.client).toMatchObject({ name: "catalog" });
    expect(await call("environment")).not.toMatch(/TOKEN|SECRET|npm_/);
  },
  async everything() {
    const call = await connect("everything");
    expect(await call("echo", { message: "hello" })).toBe("Echo: hello");
  },
  async fetch() {
    const call = await connect("fetch");
    expect(await call("fetch", { url: page })).toContain("Read by a machine");
  },
  async filesystem() {
    const call = await connect("filesystem");
    expect(await call("read_text_file", { path: join(shared, "note.txt") })).toBe(
      "what the note says",
    );
    const path = join(shared, "new.txt");
    await call("write_file", { path, content: "written by a client" });
    expect(readFileSync(path, "utf8")).toBe("written by a client");
    expect(await call("list_directory", { path: shared })).toContain("new.txt");
    expect(await call("read_text_file", { path: "/etc/hostname" })).toMatch(/^isError .*denied/i);
  },
  async memory() {
    const call = await connect("memory");
    const entity = { name: "Ada", entityType: "person", observations: ["counts"] };
    await call("create_entities", { entities: [entity] });
    expect(JSON.parse(await call("read_graph"))).toMatchObject({ entities: [entity] });
    expect(existsSync(join(directory, "mcp-memory", "memory.jsonl"))).toBe(true);
  },
  async playwright() {
    const call = await connect("playwright");
    expect(await call("browser_navigate", { url: page })).toContain("A page");
    expect(await call("browser_snapshot")).toContain("Read by a machine");
    expect(await call("browser_close")).not.toContain("isError");
  },
  async "sequential-thinking"() {
    const call = await connect("sequential-thinking");
    const thought = { thought: "first", thoughtNumber: 1, totalThoughts: 2 };
    const answer = await call("sequentialthinking", { ...thought, nextThoughtNeeded: true });
    expect(JSON.parse(answer)).toMatchObject({ thoughtNumber: 1, thoughtHistoryLength: 1 });
  },
  async time() {
    const call = await connect("time");
    const zones = { source_timezone: "Europe/Vienna", target_timezone: "Asia/Tokyo" };
    const answer = await call("convert_time", { ...zones, time: "12:00" });
    expect(answer).toMatch(/T(?:19|20):00:00\+09:00/);
  },
  async tmux() {
    const call = await connect("tmux");
    expect(await call("tmux_create_session", { name: "try" })).toContain("Session 'try' created");
    await call("tmux_send_keys", { target: "try", keys: "echo $((6 * 7)) is the answer" });
    await call("tmux_send_keys", { target: "try", keys: "Enter" });
    await expect
      .poll(() => call("tmux_read_pane", { target: "try" }), { timeout: 10_000 })
      .toContain("42 is the answer");
    await call("tmux_kill", { target: "try", type: "session" });
  },
};

/** Of B19 the v2 SDK of TypeScript is shown by other tests, and Rust by none: no server of it is in the catalogue. */
describe("the catalogue, through the gateway (B19: TypeScript SDK v1, Python SDK v1 and v2)", () => {
  it.each(readCatalog().map(({ name }) => name))("%s answers a client", async (name) => {
    expect(TRIES).toHaveProperty([name]);
    await TRIES[name]!();
  });

  it("is served as its entries say, each within walls", async () => {
    const { stdout } = await runCommand(["service", "list", "--json"], { cwd: directory });
    const listed = JSON.parse(stdout) as Record<string, unknown>[];
    const { services } = parse(readFileSync(join(directory, "mcp-gateway.yaml"), "utf8")) as {
      services: Record<string, { isolation?: string }>;
    };
    expect(listed.map(({ service }) => service)).toEqual(Object.keys(services));
    for (const { service, isolation, sandbox, state, reason } of listed) {
      expect(isolation).toBe(services[String(service)]!.isolation ?? "session");
      expect({ service, sandbox, state, reason }).toMatchObject({ sandbox: "bubblewrap" });
      expect({ service, state, reason }).not.toMatchObject({ state: "failing" });
    }
  });
});
