/**
 * The commands as people and scripts meet them: processes with text, JSON, exit codes, pipes, and no terminal.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bin, spawnGateway, type GatewayProcess } from "../support/gateway-process.ts";
import { fixture } from "../support/gateway.ts";
import { runCommand, type Result } from "../support/run-command.ts";
import { logIn, type LoggedIn } from "../support/strict-client.ts";

let directory: string;
let gateway: GatewayProcess;

const run = (
  argv: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; uid?: number } = {},
): Promise<Result> => runCommand(argv, { cwd: directory, ...options });

const json = async <T>(argv: string[]): Promise<T> =>
  JSON.parse((await run([...argv, "--json"])).stdout) as T;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "commands-"));
  gateway = await spawnGateway({ cwd: directory });
});
afterAll(async () => {
  await gateway.kill("SIGTERM");
  rmSync(directory, { recursive: true });
});

describe("without a gateway", () => {
  it.each([
    ["status"],
    ["client list"],
    ["client show x"],
    ["client revoke x --yes"],
    ["client register --name x --redirect-uri https://a.example/cb"],
    ["token list"],
    ["token revoke x --yes"],
    ["token inspect x"],
    ["grant list"],
    ["grant revoke x --yes"],
    ["session list"],
    ["session end x --yes"],
  ])("%s says so and exits 3", async (line) => {
    const cwd = mkdtempSync(join(tmpdir(), "nothing-"));
    const { code, stdout, stderr } = await run(line.split(" "), { cwd });
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toMatch(/^Error: No gateway is running for .*\n {2}Next: .*\n$/);
  });
});

describe("somebody else's gateway", () => {
  it.skipIf(process.getuid?.() !== 0)("cannot be asked: exit 4", async () => {
    chmodSync(directory, 0o755);
    const { code, stderr } = await run(["status"], { uid: 65_534 });
    expect(code).toBe(4);
    expect(stderr).toContain("belongs to another user");
  });
});

describe("the program", () => {
  it.each([
    ["nonsense", "There is no command nonsense"],
    ["client nonsense", "There is no command client nonsense"],
    ["status --nonsense", "Nonexistent flag: --nonsense"],
    ["client show", "Missing 1 required arg"],
    ["dev nonsense", "nonsense is not understood"],
    ["dev --port x", "--port"],
  ])("%s: exit 2 and a sentence", async (line, sentence) => {
    const { code, stdout, stderr } = await run(line.split(" "));
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(`Error: `);
    expect(stderr).toContain(sentence);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it.each(["--version", "-v", "version"])("%s prints the version", async (flag) => {
    const { code, stdout } = await run([flag]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^mcp-gateway\/\d+\.\d+\.\d+ \w+-\w+ node-v\d+\.\d+\.\d+\n$/);
  });

  it("has help with examples for every command", async () => {
    const { stdout } = await run(["--help"]);
    expect(stdout).toContain("dev");
    for (const command of [
      "dev",
      "serve",
      "status",
      "client list",
      "client register",
      "client revoke",
      "client show",
      "token list",
      "token revoke",
      "token inspect",
      "grant list",
      "grant revoke",
      "session list",
      "session end",
      "config check",
      "config schema",
      "config show",
    ]) {
      const { code, stdout: help } = await run([...command.split(" "), "--help"]);
      expect(code, command).toBe(0);
      expect(help, command).toContain(`EXAMPLES\n  $ mcp-gateway ${command}`);
    }
  });
});

describe("a client's life", () => {
  it("is registered, listed, shown and revoked", async () => {
    const { code, stdout } = await run([
      "client",
      "register",
      "--name",
      "n8n",
      "--redirect-uri",
      "https://n8n.example.com/cb",
      "--confidential",
    ]);
    expect(code).toBe(0);
    const [, id = ""] = /client id +(\S+)/.exec(stdout)!;
    expect(stdout).toMatch(/client secret {2}[\w-]{43}\n/);
    expect((await run(["client", "list"])).stdout).toMatch(
      new RegExp(
        `^${id}  n8n +confidential +n8n\\.example\\.com +\\d+s ago +- +registered by command$`,
        "m",
      ),
    );
    expect((await run(["client", "show", id.slice(0, 8)])).stdout).toContain(
      "https://n8n.example.com/cb",
    );
    expect(await run(["client", "prune"])).toMatchObject({
      code: 0,
      stdout: "No client is stale and older than 7d.\n",
    });
    expect(await run(["client", "revoke", id])).toMatchObject({ code: 2, stdout: "" });
    expect(await run(["client", "revoke", id, "--yes"])).toMatchObject({ code: 0 });
    expect(await run(["client", "show", id])).toMatchObject({ code: 1, stdout: "" });
  });

  it("keeps its secret in a file that only we can read", async () => {
    const argv = [
      "client",
      "register",
      "--name",
      "ci",
      "--redirect-uri",
      "https://ci.example.com/cb",
      "--confidential",
      "--secret-file",
      "ci.secret",
    ];
    const { stdout } = await run(argv);
    const secret = readFileSync(join(directory, "ci.secret"), "utf8").trim();
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(stdout).not.toContain(secret);
    expect((statSync(join(directory, "ci.secret")).mode & 0o777).toString(8)).toBe("600");
    expect(await run(argv)).toMatchObject({ code: 2, stdout: "" });
  });

  it("cannot begin with a redirect nobody may use", async () => {
    const { code, stderr } = await run([
      "client",
      "register",
      "--name",
      "x",
      "--redirect-uri",
      "http://example.com/cb",
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain("http://example.com/cb must be https");
  });
});

/** Opens an MCP session. */
const call = (login: LoggedIn) =>
  fetch(gateway.resource, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      authorization: `Bearer ${login.tokens.access_token}`,
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: {
        protocolVersion: "2025-11-25",
        capabilities: {},
        clientInfo: { name: "t", version: "1" },
      },
    }),
  });

describe("revocation", () => {
  it("of a client ends its tokens and sessions at once", async () => {
    const login = await logIn(gateway.resource);
    expect((await call(login)).status).toBe(200);
    const id = login.client.client_id;
    const sessions = await json<{ clientId: string }[]>(["session", "list"]);
    expect(sessions).toMatchObject([
      { clientId: id, service: "echo", requests: expect.any(Number) as number },
    ]);
    expect((await run(["token", "list"])).stdout).toContain("Strict client");
    expect(await json(["client", "revoke", id, "--yes"])).toEqual({
      clientId: id,
      grants: 1,
      accessTokens: 1,
      sessions: 1,
    });
    expect((await call(login)).status).toBe(401);
    expect(await json(["session", "list"])).toEqual([]);
    expect(
      (await json<{ clientId: string }[]>(["token", "list"])).filter(
        ({ clientId }) => clientId === id,
      ),
    ).toEqual([]);
  });

  it("of one access token leaves the client its grant", async () => {
    const login = await logIn(gateway.resource);
    const tokens = await json<{ tokenId: string; clientId: string }[]>(["token", "list"]);
    const { tokenId } = tokens.find(({ clientId }) => clientId === login.client.client_id)!;
    expect(await run(["token", "revoke", tokenId, "--yes"])).toMatchObject({
      code: 0,
      stdout: `Revoked ${tokenId}.\n`,
    });
    expect((await call(login)).status).toBe(401);
    expect(await json(["client", "show", login.client.client_id])).toMatchObject({
      grants: 1,
      accessTokens: 0,
    });
  });

  it("stands in the audit log, and no token does", () => {
    const text = readFileSync(join(directory, ".mcp-gateway", "audit.jsonl"), "utf8");
    const types = text
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { type: string }).type);
    expect(types).toEqual(
      expect.arrayContaining([
        "client.registered",
        "login.succeeded",
        "consent.given",
        "token.issued",
        "client.revoked",
        "token.revoked",
      ]),
    );
    expect(text).not.toMatch(/eyJ/);
  });
});

describe("output", () => {
  it("fits 40 columns", async () => {
    await run([
      "client",
      "register",
      "--name",
      "Narrow",
      "--redirect-uri",
      "cursor://anysphere.cursor-mcp/oauth/callback",
    ]);
    const { stdout } = await run(["client", "list"], { env: { COLUMNS: "40" } });
    expect(stdout).toMatch(/^name +Narrow$/m);
  });

  it("has no colour for a program", async () => {
    for (const argv of [["status"], ["client", "list"], ["status", "--json"], ["nonsense"]]) {
      const { stdout, stderr } = await run(argv);
      expect(stdout + stderr).not.toContain("\u001B");
    }
  });

  it("may be cut off by a closed pipe", async () => {
    const child = spawn(
      "sh",
      ["-c", `"${process.execPath}" "${bin}" config schema; echo "exit $?" >&2`],
      { cwd: directory },
    );
    child.stdout.destroy();
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    await once(child, "close");
    expect(stderr).toBe("exit 0\n");
  });
});

describe("a gateway that is asked to stop", () => {
  it("ends with 0 at once after it has said that it is ready, also when it waits for a process", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mcpg-stop-"));
    const silent = await spawnGateway({
      cwd: folder,
      command: [process.execPath, fixture("forever.js")],
    });
    await silent.kill("SIGTERM");
    expect(silent.child.exitCode).toBe(0);
    rmSync(folder, { recursive: true });
  });
});
