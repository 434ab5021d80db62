/** A gateway whose configuration changes while it runs. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";
import { post } from "../support/mcp-session.ts";
import { callMcp, logIn } from "../support/strict-client.ts";
import { reloaded } from "../support/reload.ts";

const folder = mkdtempSync(join(tmpdir(), "reload-"));
const file = join(folder, "mcp-gateway.yaml");
const server = (more: object = {}) => ({
  command: process.execPath,
  args: [fixture("workbench.js")],
  permissions: "all",
  ...more,
});

let gateway: TestGateway;
/** Access token of each service. */
const tokens = new Map<string, string>();

function write(services: object, more: object = {}): void {
  const config = {
    publicUrl: "http://localhost:0",
    listen: { host: "localhost", port: 0 },
    store: { type: "lowdb", path: folder },
    services,
    ...more,
  };
  writeFileSync(file, stringify(config));
}

/** Write it and wait until it is in force. */
async function change(services: object, more: object = {}): Promise<void> {
  await reloaded(gateway, () => write(services, more));
}

const reloads = () => gateway.events.filter(({ type }) => type === "config.reloaded");
const endpoint = (service: string) => `${gateway.url}/${service}/mcp`;

async function open(service: string): Promise<string> {
  if (!tokens.has(service)) {
    tokens.set(service, (await logIn(endpoint(service))).tokens.access_token);
  }
  const opened = await callMcp(endpoint(service), tokens.get(service));
  expect(opened.status).toBe(200);
  return opened.headers.get("mcp-session-id")!;
}

async function tool(service: string, session: string, name: string): Promise<unknown> {
  const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: {} } };
  const headers = {
    authorization: `Bearer ${tokens.get(service)}`,
    "mcp-session-id": session,
  };
  const response = await post(endpoint(service), call, { headers });
  if (response.status !== 200) return response.status;
  return JSON.parse((await response.json()).result.content[0].text);
}

beforeAll(async () => {
  write({ stays: server(), other: server({ env: { WORD: "one" } }) });
  gateway = await startGateway({ file, stateDirectory: folder });
});
afterAll(async () => {
  await gateway.close();
  rmSync(folder, { recursive: true });
});

describe("a change of the configuration file", () => {
  it("adds a service and leaves running sessions alone", async () => {
    const session = await open("stays");
    expect(await tool("stays", session, "count")).toBe(1);
    expect((await fetch(endpoint("added"))).status).toBe(404);
    await change({ stays: server(), other: server({ env: { WORD: "one" } }), added: server() });
    expect(reloads().at(-1)).toMatchObject({ added: ["added"], removed: [], changed: [] });
    expect(await tool("stays", session, "count")).toBe(2);
    const metadata = `${gateway.url}/.well-known/oauth-protected-resource/added/mcp`;
    expect(await (await fetch(metadata)).json()).toMatchObject({ resource: endpoint("added") });
    expect(await tool("added", await open("added"), "count")).toBe(1);
  });

  it("serves new sessions of a changed service with what is new, old ones as they were", async () => {
    const old = await open("other");
    const next = { WORD: "one", MORE: "two" };
    await change({ stays: server(), other: server({ env: next }), added: server() });
    expect(await tool("other", old, "env")).not.toHaveProperty("env.MORE");
    expect(await tool("other", await open("other"), "env")).toHaveProperty("env.MORE", "two");
  });

  it("ends sessions that had more rights than the service has now", async () => {
    const old = await open("other");
    await change({ stays: server(), other: server({ env: { MORE: "two" } }), added: server() });
    expect(await tool("other", old, "env")).toBe(404);
    expect(await tool("other", await open("other"), "env")).not.toHaveProperty("env.WORD");
    expect(gateway.events.flatMap((event) => ("reason" in event ? event.reason : []))).toContain(
      "the service may do less than before",
    );
  });

  it("takes a service away with its sessions", async () => {
    const kept = await open("stays");
    await open("added");
    await change({ stays: server(), other: server({ env: { MORE: "two" } }) });
    const answer = await callMcp(endpoint("added"), tokens.get("added"));
    expect(answer.status).toBe(404);
    expect((await callMcp(endpoint("stays"), tokens.get("added"))).status).toBe(401);
    expect(await tool("stays", kept, "count")).toBe(1);
    expect(gateway.events.flatMap((event) => ("reason" in event ? event.reason : []))).toContain(
      "the service was removed",
    );
  });

  it("with a mistake changes nothing and says where it is", async () => {
    const session = await open("stays");
    writeFileSync(file, "services:\n  stays:\n    comand: node\n");
    await expect.poll(() => gateway.logged(), { timeout: 10_000 }).toContain("stays as it was");
    expect(gateway.logged()).toContain("line 3");
    expect(await tool("stays", session, "count")).toBe(1);
    await open("other");
  });

  it("names what only a restart can change, and applies the rest", async () => {
    await change(
      { stays: server(), other: server(), third: server() },
      { tokens: { accessToken: "5m" }, limits: { sessionsPerUser: 1 } },
    );
    expect(gateway.logged()).toContain("Changes of tokens need a restart of the gateway");
    expect((await callMcp(endpoint("stays"), tokens.get("stays"))).status).toBe(429);
  });
});
