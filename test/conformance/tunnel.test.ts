/**
 * `dev --tunnel` as a process, with programs in the place of ssh and ngrok that speak their command lines: the address is tried
 * before anybody is told of it, and behind it stands the same gateway as everywhere.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { freePort } from "../support/bearer-proxy.ts";
import { createFormBrowser } from "../support/form-browser.ts";
import { bin, spawnGateway, type GatewayProcess } from "../support/gateway-process.ts";
import { fixture } from "../support/gateway.ts";
import { TestOAuthProvider } from "../support/oauth-provider.ts";
import { runCommand } from "../support/run-command.ts";

const PATIENCE = { timeout: 20_000, interval: 50 };
const ECHO = ["--", process.execPath, fixture("echo.js")];

/** A folder with its own `ssh` and `ngrok` first on PATH. @param fault what the tunnel spoils */
function folder(fault = ""): { cwd: string; env: Record<string, string>; pid: () => number } {
  const cwd = mkdtempSync(join(tmpdir(), "tunnel-"));
  for (const name of ["ssh", "ngrok"]) {
    const line = `exec '${process.execPath}' '${fixture("tunnel-program.js")}' ${name} "$@"`;
    writeFileSync(join(cwd, name), `#!/bin/sh\n${line}\n`);
    chmodSync(join(cwd, name), 0o755);
  }
  const file = join(cwd, "pid");
  const env = { PATH: `${cwd}:${process.env["PATH"]}`, FAULT: fault, PID_FILE: file };
  return { cwd, env, pid: () => Number(readFileSync(file, "utf8")) };
}

/** A person at the terminal of the gateway, who reads the code there. */
class PersonAtTerminal extends TestOAuthProvider {
  readonly gateway: GatewayProcess;
  constructor(gateway: GatewayProcess) {
    super();
    this.gateway = gateway;
  }
  override redirectToAuthorization = async (url: URL): Promise<void> => {
    const browser = createFormBrowser();
    const login = await browser.open(url);
    const code = await vi.waitFor(() => {
      const [, shown] = /One-time login code: (\S+)/.exec(this.gateway.stderr()) ?? [];
      if (shown === undefined) throw new Error("no code yet");
      return shown;
    }, PATIENCE);
    const consent = await browser.press(login, /Continue/, { code });
    const done = await browser.press(consent, /Allow/);
    this.callback = done.left!.searchParams;
  };
}

describe("dev --tunnel ssh://", () => {
  it("lets an SDK client elsewhere log in with the code of the terminal and call, also after ssh was killed", async () => {
    const { cwd, env, pid } = folder();
    const remote = await freePort();
    const url = `http://localhost:${remote}`;
    const flags = ["--tunnel", `ssh://me@host.example:2222?remote=${remote}&url=${url}`];
    const gateway = await spawnGateway({ cwd, env, flags });
    try {
      expect(gateway.url).toBe(url);
      const provider = new PersonAtTerminal(gateway);
      const endpoint = new URL(gateway.resource);
      expect(endpoint.origin).toBe(url);
      const first = new StreamableHTTPClientTransport(endpoint, { authProvider: provider });
      const client = new Client({ name: "far", version: "1" });
      await expect(client.connect(first)).rejects.toThrow(/Unauthorized/);
      await first.finishAuth(provider.callback!.get("code")!);
      await client.connect(new StreamableHTTPClientTransport(endpoint, { authProvider: provider }));
      const tools = async (): Promise<number> => (await client.listTools()).tools.length;
      expect(await tools()).toBeGreaterThan(0);

      process.kill(pid(), "SIGKILL");
      await vi.waitFor(() => expect(gateway.stderr()).toMatch(/Tunnel: ssh ended with/), PATIENCE);
      await vi.waitFor(async () => expect(await tools()).toBeGreaterThan(0), PATIENCE);
      await client.close();
    } finally {
      await gateway.kill("SIGTERM");
    }
    await vi.waitFor(() => expect(() => process.kill(pid(), 0)).toThrow(/ESRCH/), PATIENCE);
  });
});

describe("dev --tunnel ngrok", () => {
  it.each([
    ["events", /Tunnel: events are kept back/],
    ["browser", /Tunnel: browsers see a page of the tunnel/],
  ])("tells that it spoils the %s, and ends when the address is gone", async (fault, expected) => {
    const { cwd, env, pid } = folder(fault);
    const gateway = await spawnGateway({ cwd, env, flags: ["--tunnel", "ngrok"] });
    expect(gateway.stderr()).toMatch(expected);
    const gone = once(gateway.child, "exit");
    await vi.waitFor(() => expect(gateway.stderr()).toMatch(/is open to everybody/), PATIENCE);
    process.kill(pid(), "SIGKILL");
    expect(await gone).toEqual([1, null]);
  });

  it("leaves no program behind when it is ended while the tunnel opens", async () => {
    const { cwd, env, pid } = folder("silence");
    const argv = [bin, "dev", "--port", "0", "--tunnel", "ngrok", ...ECHO];
    const dev = spawn(process.execPath, argv, { cwd, env: { ...process.env, ...env } });
    const gone = once(dev, "exit");
    await vi.waitFor(() => expect(pid()).toBeGreaterThan(0), PATIENCE);
    dev.kill("SIGTERM");
    expect(await gone).toEqual([130, null]);
    await vi.waitFor(() => expect(() => process.kill(pid(), 0)).toThrow(/ESRCH/), PATIENCE);
  });

  it.each([
    ["host", /Host header arrives as elsewhere\.example/],
    ["authorization", /Authorization header is taken away/],
  ])("is refused when it spoils the %s", async (fault, expected) => {
    const { cwd, env, pid } = folder(fault);
    const argv = ["dev", "--port", "0", "--tunnel", "ngrok", ...ECHO];
    const { code, stderr } = await runCommand(argv, { cwd, env });
    expect(stderr).toMatch(expected);
    expect(code).toBe(1);
    await vi.waitFor(() => expect(() => process.kill(pid(), 0)).toThrow(/ESRCH/), PATIENCE);
  });
});
