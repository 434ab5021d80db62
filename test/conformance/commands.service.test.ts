/**
 * `service`: what stands behind the gateway, added, listed, restarted, read and removed, as processes.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { fixture } from "../support/gateway.ts";
import { bin, spawnGateway, type GatewayProcess } from "../support/gateway-process.ts";
import { runCommand, type Result } from "../support/run-command.ts";
import { callMcp, logIn } from "../support/strict-client.ts";

const WRITTEN = `# Ours.
publicUrl: http://localhost:8080   # here

services:
  # The first one.
  echo: { command: node, args: [echo.js], permissions: {} }
`;

describe("service add and remove", () => {
  let cwd: string;
  let file: string;
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), "service-"));
    file = join(cwd, "mcp-gateway.yaml");
    writeFileSync(file, WRITTEN);
  });
  afterEach(() => rmSync(cwd, { recursive: true }));
  const run = (...argv: string[]): Promise<Result> => runCommand(["service", ...argv], { cwd });
  const text = (): string => readFileSync(file, "utf8");
  const entry = (name: string): unknown =>
    (parse(text()) as { services: Record<string, unknown> }).services[name];

  it("adds a command with what it may reach, and keeps the file as it is", async () => {
    const { code, stdout, stderr } = await run(
      ...["add", "notes", "--allow-read", "notes", "--allow-net", "--allow-env", "LANG"],
      ...["--allow-run", "git", "--env", "KEY=${NOTES_KEY}", "--isolation", "user"],
      ...["--", "node", "notes.js", "--quiet"],
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: `Added notes to ${file}.\n` });
    expect(text()).toBe(`${WRITTEN}  notes:
    command: node
    args: [notes.js, --quiet]
    env:
      KEY: \${NOTES_KEY}
    permissions:
      read: [${join(cwd, "notes")}]
      env: [LANG]
      run: [git]
      net: true
    isolation: user
`);
    expect(stderr).toContain("It needs the environment variable NOTES_KEY, which is not set here.");
    expect(stderr).toContain("Start the gateway: mcp-gateway serve");
  });

  it("adds a server elsewhere", async () => {
    const url = "https://mcp.example.com/mcp";
    const header = "Authorization=Bearer ${REMOTE_TOKEN}";
    expect(await run("add", "far", "--url", url, "--header", header)).toMatchObject({ code: 0 });
    const headers = { Authorization: "Bearer ${REMOTE_TOKEN}" };
    expect(entry("far")).toEqual({ url, headers });
  });

  it("fills in what an entry of the catalogue asks for, under another name", async () => {
    mkdirSync(join(cwd, "folder"));
    const added = await run(
      ...["add", "filesystem", "--as", "files", "--param", "folder=folder", "--no-install"],
    );
    expect(added).toMatchObject({ code: 0 });
    expect(added.stderr).toContain("What it reaches: The folder");
    expect(added.stderr).toContain("It may use the network, so that npx can fetch it.");
    expect(entry("files")).toEqual({
      command: "npx",
      args: [
        "-y",
        expect.stringMatching(/^@modelcontextprotocol\/server-filesystem@[\d.]+$/),
        join(cwd, "folder"),
      ],
      isolation: "session",
      permissions: { write: [join(cwd, "folder")], net: true },
    });
  });

  it("installs a package beside the configuration and starts it from there", async () => {
    const name = "sequential-thinking";
    const added = await run("add", name);
    expect(added, added.stderr).toMatchObject({ code: 0 });
    expect(added.stderr).toContain(`into mcp-servers/${name} ...`);
    const { command, args } = entry(name) as { command: string; args: [string] };
    expect(command).toBe("node");
    expect(args).toEqual([expect.stringMatching(/^mcp-servers\/.*\.js$/)]);
    expect(existsSync(join(cwd, args[0]))).toBe(true);
    expect(readFileSync(join(cwd, "mcp-servers/.gitignore"), "utf8")).toBe("*\n");
    await run("remove", name, "--yes");
    const again = await run("add", name);
    expect(again.stderr).not.toContain("Installing");
  });

  it("shows with --dry-run what it would do, and does nothing", async () => {
    const { code, stdout, stderr } = await run("add", "memory", "--dry-run");
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^\.\.\.\n {4}# The first one\.\n {4}echo: .*\n\+ {3}memory:\n\+ {5}command: node\n/,
    );
    expect(stderr).toMatch(/It would install @modelcontextprotocol\/server-memory/);
    expect(text()).toBe(WRITTEN);
    expect(existsSync(join(cwd, "mcp-memory"))).toBe(false);
    const json = await run("remove", "echo", "--dry-run", "--json");
    expect(json.code).toBe(2);
    expect(JSON.parse(json.stdout).error.message).toContain("name at least one service");
  });

  it("begins a configuration where there is none", async () => {
    rmSync(file);
    expect(await run("add", "echo")).toMatchObject({ code: 0 });
    expect(await runCommand(["config", "check"], { cwd })).toMatchObject({ code: 0 });
  });

  it.each([
    [["add", "nothing-like-it"], "The catalogue has no nothing-like-it"],
    [["add", "filesystem"], "filesystem needs a value for folder"],
    [["add", "filesystem", "--param", "folder=missing"], "There is no folder"],
    [["add", "filesystem", "--param", "folder"], "has no value"],
    [["add", "memory", "--param", "colour=red"], "memory has no parameter colour"],
    [["add", "echo"], "has a service echo already"],
    [["add", "x", "node", "x.js"], "node is not understood"],
    [["add", "x", "--url", "https://a.example/", "--", "node"], "a command or a URL, not both"],
    [["add", "x", "--url", "http://a.example/"], "would have 1 mistake"],
    [
      ["add", "x", "--url", "https://a.example/", "--allow-net"],
      "neither environment nor permissions",
    ],
    [["add", "token", "--", "node"], "the name of one of the gateway's own paths"],
    [["add", "x", "--param", "a=b", "--", "node"], "Parameters are for servers of the catalogue"],
    [["remove", "nothing", "--yes"], "has no service nothing"],
  ])("refuses %j with exit 2 and the file as it was", async (argv, sentence) => {
    const { code, stdout, stderr } = await run(...argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(sentence);
    expect(stderr).toMatch(/\n {2}Next: .+\n$/);
    expect(text()).toBe(WRITTEN);
  });

  it("removes what was added, after a yes", async () => {
    await run("add", "notes", "--", "node");
    expect(await run("remove", "notes")).toMatchObject({ code: 2 });
    const removed = await run("remove", "notes", "--yes", "--json");
    expect(JSON.parse(removed.stdout)).toMatchObject({ service: "notes", state: "not running" });
    expect(text()).toBe(WRITTEN);
  });

  it("lists what is configured while nothing runs", async () => {
    const { stdout } = await run("list", "--json");
    expect(JSON.parse(stdout)).toMatchObject([
      { service: "echo", state: "configured", isolation: "session", children: [] },
    ]);
    expect((await run("list")).stdout).toMatch(/^echo +configured +- +auto +session +nothing +-/m);
  });
});

describe("service catalog", () => {
  const cwd = tmpdir();

  it("lists every entry, and shows one in full", async () => {
    const all = await runCommand(["service", "catalog", "--json"], { cwd });
    const names = (JSON.parse(all.stdout) as { name: string }[]).map(({ name }) => name);
    for (const name of ["everything", "filesystem", "memory", "fetch", "time", "tmux", "echo"]) {
      expect(names).toContain(name);
    }
    const one = await runCommand(["service", "catalog", "filesystem"], { cwd });
    expect(one.stdout).toMatch(/^what it reaches +The folder/m);
    expect(one.stdout).toContain("mcp-gateway service add filesystem --param folder=...");
  });

  it("needs no configuration and knows no others", async () => {
    const { code, stderr } = await runCommand(["service", "catalog", "../everything"], { cwd });
    expect(code).toBe(2);
    expect(stderr).toContain("The catalogue has no ../everything");
  });
});

describe("services of a gateway that runs", () => {
  let directory: string;
  let gateway: GatewayProcess;
  const run = (...argv: string[]): Promise<Result> =>
    runCommand(["service", ...argv], { cwd: directory });
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "services-"));
    const command = [process.execPath, fixture("noisy.js")];
    gateway = await spawnGateway({ cwd: directory, command, flags: ["--name", "noisy"] });
  });
  afterAll(async () => {
    await gateway.kill("SIGTERM");
    rmSync(directory, { recursive: true });
  });

  it.each(["list", "logs noisy", "restart noisy"])(
    "%s exits 3 or says so without one",
    async (line) => {
      const cwd = mkdtempSync(join(tmpdir(), "nothing-"));
      const { code, stdout } = await runCommand(["service", ...line.split(" ")], { cwd });
      expect({ code, stdout }).toEqual({ code: line === "list" ? 1 : 3, stdout: "" });
      rmSync(cwd, { recursive: true });
    },
  );

  it.each(["add", "catalog", "list", "logs", "remove", "restart"])(
    "%s has help with examples",
    async (name) => {
      const { code, stdout } = await run(name, "--help");
      expect(code).toBe(0);
      expect(stdout).toContain(`EXAMPLES\n  $ mcp-gateway service ${name}`);
    },
  );

  it("shows state and processes, what they wrote, and starts them afresh", async () => {
    const { tokens } = await logIn(gateway.resource);
    const opened = await callMcp(gateway.resource, tokens.access_token);
    expect(opened.status).toBe(200);
    const [listed] = JSON.parse((await run("list", "--json")).stdout);
    expect(listed).toMatchObject({ service: "noisy", state: "running", isolation: "session" });
    expect(listed.children).toHaveLength(1);
    expect(listed.urls).toContain(gateway.resource);

    const lines = JSON.parse((await run("logs", "noisy", "--json")).stdout);
    expect(lines.length).toBeGreaterThan(0);
    const last = await run("logs", "noisy", "--limit", "1");
    expect(last.stdout.trimEnd().split("\n")).toHaveLength(1);
    expect(last.stdout).toMatch(/^\d\d:\d\d:\d\d \d+ {2}\S/);

    const restarted = JSON.parse((await run("restart", "noisy", "--json")).stdout);
    expect(restarted).toEqual({ service: "noisy", sessions: 1, children: 1 });
    const session = { "mcp-session-id": opened.headers.get("mcp-session-id")! };
    const ping = { jsonrpc: "2.0", id: 9, method: "ping" };
    const gone = await callMcp(gateway.resource, tokens.access_token, ping, session);
    expect(gone.status).toBe(404);
    expect((await callMcp(gateway.resource, tokens.access_token)).status).toBe(200);
    expect(await run("restart", "other")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("There is no service other"),
    });
  });

  it("follows what is written until it is stopped", async () => {
    const follower = spawn(
      process.execPath,
      [bin, "service", "logs", "noisy", "-f", "--limit", "0", "--json"],
      {
        cwd: directory,
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    const lines = createInterface({ input: follower.stdout })[Symbol.asyncIterator]();
    const first = lines.next();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const { tokens } = await logIn(gateway.resource);
    await callMcp(gateway.resource, tokens.access_token);
    const { value } = await first;
    expect(JSON.parse(String(value))).toMatchObject({
      number: expect.any(Number),
      stream: expect.any(String),
    });
    follower.kill("SIGTERM");
    await once(follower, "close");
  });
});

describe("a gateway that serves the file", () => {
  it("takes up what is added and lets go of what is removed, without a restart", async () => {
    const cwd = mkdtempSync(join(tmpdir(), "served-"));
    writeFileSync(
      join(cwd, "mcp-gateway.yaml"),
      `publicUrl: http://localhost:0\nlisten: { host: localhost, port: 0 }\nservices:\n  first: { command: ${process.execPath}, args: [${fixture("echo.js")}], permissions: {} }\n`,
    );
    const serving = spawn(process.execPath, [bin, "serve", "--json"], {
      cwd,
      stdio: ["ignore", "pipe", "ignore"],
    });
    await once(createInterface({ input: serving.stdout }), "line");
    const added = await runCommand(["service", "add", "echo", "--json"], { cwd });
    const { state, url } = JSON.parse(added.stdout) as { state: string; url: string };
    expect(state).toBe("in effect");
    const { tokens } = await logIn(url);
    expect((await callMcp(url, tokens.access_token)).status).toBe(200);
    const removed = await runCommand(["service", "remove", "echo", "--yes", "--json"], { cwd });
    expect(JSON.parse(removed.stdout)).toMatchObject({ state: "in effect" });
    expect((await callMcp(url, tokens.access_token)).status).not.toBe(200);
    serving.kill("SIGTERM");
    await once(serving, "close");
    rmSync(cwd, { recursive: true });
  });
});
