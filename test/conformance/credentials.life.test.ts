/** Secrets of each person where clients are of today, the gateway starts again, or somebody looks at processes. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import type { CredentialSource } from "../../src/bridge/bridge.ts";
import { startBridge } from "../support/bridge-server.ts";
import { createFormBrowser } from "../support/form-browser.ts";
import { fixture, startGateway } from "../support/gateway.ts";
import { openSession } from "../support/mcp-session.ts";
import { modernRequest, postModern } from "../support/modern-request.ts";
import { callMcp, logIn } from "../support/strict-client.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

const program = (name: string) => ({
  command: process.execPath,
  args: [fixture(name)],
  credentials: { GITHUB_TOKEN: { label: "GitHub token" } },
});

/** What people have entered, by the name a test's caller has. */
function source(tokens: Record<string, string>): CredentialSource {
  const tokenOf = (subject: string) =>
    Object.entries(tokens).flatMap(([name, token]) =>
      subject.endsWith(name) ? [["GITHUB_TOKEN", token] as const] : [],
    );
  return {
    state: async (_service, subject) => ({
      version: JSON.stringify(tokenOf(subject)),
      names: new Set(tokenOf(subject).map(([name]) => name)),
    }),
    values: async (_service, subject) => new Map(tokenOf(subject)),
    page: (service) => `https://gw.example.com/credentials?service=${service}`,
  };
}

it.each(["workbench.js", "modern-workbench.js"])(
  "a client of 2026-07-28 is told the address before %s is started, and served after",
  async (name) => {
    const tokens: Record<string, string> = {};
    const bridge = await startBridge({
      services: { one: program(name) },
      credentials: source(tokens),
    });
    undo.push(() => bridge.close());
    const call = () =>
      postModern(
        bridge.endpoint("one"),
        modernRequest("tools/call", { name: "pid", arguments: {} }),
      );
    expect(await (await call()).json()).toMatchObject({
      id: 1,
      error: {
        code: -32_603,
        message: expect.stringContaining("https://gw.example.com/credentials?service=one"),
        data: { url: "https://gw.example.com/credentials?service=one" },
      },
    });
    expect(bridge.events.filter(({ type }) => type === "service.started")).toEqual([]);
    tokens["ada"] = "token-of-ada";
    const answer = await call();
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('"content":');
  },
);

it("a session that goes on after a restart has the secrets of its person", async () => {
  const stateDirectory = mkdtempSync(join(tmpdir(), "mcpg-"));
  undo.push(() => rmSync(stateDirectory, { recursive: true }));
  const services = { echo: program("workbench.js") };
  let gateway = await startGateway({ config: { services }, stateDirectory });
  const browser = createFormBrowser();
  const { access_token: token } = (await logIn(gateway.resource, { browser })).tokens;
  const page = await browser.open(`${gateway.url}/credentials`);
  await browser.press(page, /Save/, { "value.GITHUB_TOKEN": "token-of-before" });
  const opened = await callMcp(gateway.resource, token);
  const session = { "mcp-session-id": opened.headers.get("mcp-session-id")! };
  const tool = async (name: string) => {
    const params = { name, arguments: {} };
    const call = { jsonrpc: "2.0", id: 5, method: "tools/call", params };
    return (await callMcp(gateway.resource, token, call, session)).text();
  };
  const before = await tool("pid");
  await gateway.close();
  const port = Number(new URL(gateway.url).port);
  gateway = await startGateway({
    config: { services, publicUrl: gateway.url, listen: { host: "localhost", port } },
    stateDirectory,
  });
  undo.push(() => gateway.close());
  expect(await tool("env")).toContain("token-of-before");
  expect(await tool("pid")).not.toBe(before);
}, 60_000);

it.runIf(process.platform === "linux")(
  "stand on no command line and in no environment but that of the person's own program",
  async () => {
    const tokens = { ada: "token-of-ada-in-no-list", bob: "token-of-bob-in-no-list" };
    const bridge = await startBridge({
      services: { one: program("workbench.js") },
      credentials: source(tokens),
    });
    undo.push(() => bridge.close());
    const pids: Record<string, number> = {};
    for (const caller of ["ada", "bob"]) {
      const session = await openSession(bridge.endpoint("one"), { caller });
      pids[caller] = await session.tool("pid");
    }
    expect(holders("environ", tokens.ada)).toEqual([pids["ada"]]);
    expect(holders("environ", tokens.bob)).toEqual([pids["bob"]]);
    expect(holders("cmdline", "in-no-list")).toEqual([]);
  },
);

/** Processes of which /proc shows this text. */
function holders(file: "environ" | "cmdline", text: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => read(`/proc/${pid}/${file}`).includes(text))
    .map(Number);
}

/** @returns nothing of a process that has ended, or is somebody else's */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
