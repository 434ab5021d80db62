/** Secrets that each person enters for themselves: who gets them, who does not, and that they stand nowhere. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import type { CredentialSource } from "../../src/bridge/bridge.ts";
import { startBridge } from "../support/bridge-server.ts";
import { filesOf } from "../support/drawn-secrets.ts";
import { createFormBrowser, type FormBrowser } from "../support/form-browser.ts";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";
import { initialize, openSession, post } from "../support/mcp-session.ts";
import { callMcp, logIn } from "../support/strict-client.ts";
import { legacyAnswer, sendJson, startUpstream } from "../support/upstream.ts";

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each.close();
});

const asks = { GITHUB_TOKEN: { label: "GitHub token", help: "From your settings." } };
const echo = {
  command: process.execPath,
  args: [fixture("workbench.js")],
  era: "legacy" as const,
  credentials: asks,
};
const SECRET = 'ada\'s <very> own "token"';

async function enter(gateway: TestGateway, browser: FormBrowser, value: string) {
  const page = await browser.open(`${gateway.url}/credentials?service=echo`);
  return browser.press(page, /Save/, { "value.GITHUB_TOKEN": value });
}

const tool = (name: string) => ({
  jsonrpc: "2.0",
  id: 7,
  method: "tools/call",
  params: { name, arguments: {} },
});

async function say(gateway: TestGateway, token: string, session: string, name: string) {
  const headers = { "mcp-session-id": session };
  const response = await callMcp(gateway.resource, token, tool(name), headers);
  return { status: response.status, text: await response.text() };
}

it("are asked for, reach the person's own program, end its sessions when they change, and stand nowhere", async () => {
  const stateDirectory = mkdtempSync(join(tmpdir(), "mcpg-"));
  const config = { services: { echo } };
  let gateway = await startGateway({ config, stateDirectory });
  const browser = createFormBrowser();
  const { tokens } = await logIn(gateway.resource, { browser });
  const token = tokens.access_token;

  const refused = await (await callMcp(gateway.resource, token)).json();
  expect(refused.error.code).toBe(-32_000);
  expect(refused.error.message).toContain(`${gateway.url}/credentials?service=echo`);
  const able = initialize("2025-11-25", { elicitation: { url: {} } });
  const asked = await (await callMcp(gateway.resource, token, able)).json();
  expect(asked.error).toMatchObject({
    code: -32_042,
    data: { elicitations: [{ mode: "url", url: `${gateway.url}/credentials?service=echo` }] },
  });
  expect(gateway.events.filter(({ type }) => type === "service.started")).toEqual([]);

  const stranger = await createFormBrowser().open(`${gateway.url}/credentials`);
  expect(stranger.url.pathname).toBe("/login");
  const shown = await enter(gateway, browser, SECRET);
  expect(shown.text).toContain("<strong>Set</strong>");
  expect(shown.text).not.toContain("very");

  const first = (await callMcp(gateway.resource, token)).headers.get("mcp-session-id")!;
  const env = JSON.parse(
    (await say(gateway, token, first, "env")).text.replace(/^[^{]*data: /s, ""),
  );
  expect(JSON.parse(env.result.content[0].text).env.GITHUB_TOKEN).toBe(SECRET);

  await enter(gateway, browser, "another one");
  expect((await say(gateway, token, first, "pid")).status).toBe(404);
  await enter(gateway, browser, SECRET);
  expect(JSON.stringify(gateway.events)).not.toContain("very");
  expect(gateway.logged()).not.toContain("very");
  await gateway.close();
  for (const text of Object.values(filesOf(stateDirectory))) expect(text).not.toContain("very");

  const port = Number(new URL(gateway.url).port);
  gateway = await startGateway({
    config: { ...config, publicUrl: gateway.url, listen: { host: "localhost", port } },
    stateDirectory,
  });
  const second = (await callMcp(gateway.resource, token)).headers.get("mcp-session-id")!;
  expect((await say(gateway, token, second, "env")).text).toContain("very");

  const page = await browser.open(`${gateway.url}/credentials`);
  const forged = await browser.press(page, /Remove/, { csrf: "no" });
  expect(forged.status).toBe(403);
  const removed = await browser.press(page, /Remove GitHub token/);
  expect(removed.text).toContain("Not set");
  expect((await say(gateway, token, second, "pid")).status).toBe(404);
  expect((await (await callMcp(gateway.resource, token)).json()).error.code).toBe(-32_000);
  await gateway.close();
  rmSync(stateDirectory, { recursive: true });
}, 60_000);

/** What two people have entered, kept in memory. */
function source(values: Record<string, Record<string, string>>): CredentialSource {
  const of = (subject: string) => values[subject] ?? {};
  return {
    state: async (_service, subject) => ({
      version: JSON.stringify(of(subject)),
      names: new Set(Object.keys(of(subject))),
    }),
    values: async (_service, subject) => new Map(Object.entries(of(subject))),
    page: (service) => `https://gw.example.com/credentials?service=${service}`,
  };
}

const subjects = async (endpoint: (service: string) => string, service: string) => {
  const found: Record<string, string> = {};
  for (const caller of ["ada", "bob"]) {
    const session = await openSession(endpoint(service), { caller });
    found[caller] = (await session.tool("env")).env.GITHUB_TOKEN;
  }
  return found;
};

it.each(["session", "user"] as const)(
  "of two people meet in no program (isolation %s)",
  async (isolation) => {
    const ada = { GITHUB_TOKEN: "token of ada" };
    const values: Record<string, Record<string, string>> = {};
    const server = await startBridge({
      services: { one: { ...echo, isolation } },
      credentials: source(values),
    });
    open.push(server);
    const who = server.events;
    const refused = await post(server.endpoint("one"), initialize());
    expect((await refused.json()).error.message).toContain("https://gw.example.com/credentials");
    const authOf = who.find(({ type }) => type === "request.finished") as { subject: string };
    values[authOf.subject] = ada;
    values[authOf.subject.replace("ada", "bob")] = { GITHUB_TOKEN: "token of bob" };
    expect(await subjects((name) => server.endpoint(name), "one")).toEqual({
      ada: "token of ada",
      bob: "token of bob",
    });
    values[authOf.subject] = { GITHUB_TOKEN: "newer" };
    expect((await subjects((name) => server.endpoint(name), "one"))["ada"]).toBe("newer");
  },
);

it("are headers of that person's requests to a server elsewhere, and of nobody else's", async () => {
  const upstream = await startUpstream((_request, response, body) => {
    const answer = legacyAnswer(body);
    if (answer) sendJson(response, answer);
    else response.writeHead(202).end();
  });
  open.push(upstream);
  const values: Record<string, Record<string, string>> = {};
  const far = {
    url: upstream.url,
    credentials: {
      token: { label: "Token", header: "Authorization", format: "Bearer {value}" },
      team: { label: "Team", header: "X-Team", optional: true },
    },
  };
  const server = await startBridge({ services: { far }, credentials: source(values) });
  open.push(server);
  const refused = await post(server.endpoint("far"), initialize());
  expect((await refused.json()).error.code).toBe(-32_000);
  expect(upstream.requests).toEqual([]);
  const { subject } = server.events.find(({ type }) => type === "request.finished") as {
    subject: string;
  };
  values[subject] = { token: "token-of-ada", team: "red" };
  values[subject.replace("ada", "bob")] = { token: "token-of-bob" };
  for (const [caller, team] of [
    ["ada", "red"],
    ["bob", undefined],
  ] as const) {
    upstream.requests.length = 0;
    const session = await openSession(server.endpoint("far"), { caller });
    await session.request("ping");
    expect(upstream.requests.length).toBeGreaterThan(1);
    for (const { headers } of upstream.requests) {
      expect(headers.authorization).toBe(`Bearer token-of-${caller}`);
      expect(headers["x-team"]).toBe(team);
    }
  }
  expect(server.logged()).not.toContain("token-of");
});
