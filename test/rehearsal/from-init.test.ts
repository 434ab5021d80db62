/**
 * From nothing to the first authorised call, as an operator goes: `init`, the files on a plain host, its `install.sh`, an account,
 * a client that logs in. Nothing is written by hand but the address of the certificate authority, which is not Let's Encrypt here.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { enter, PASSWORD, setPassword } from "../support/accounts.ts";
import { eraClient } from "../support/era-client.ts";
import { createFormBrowser } from "../support/form-browser.ts";
import { ACME, certified, openInternet, type Internet } from "../support/rehearsal/internet.ts";
import type { Running } from "../support/rehearsal/network.ts";
import { runCommand } from "../support/run-command.ts";
import { logIn } from "../support/strict-client.ts";
import { traefikProgram } from "../support/traefik.ts";

const DOMAIN = "gw.test";
const script = fileURLToPath(new URL("../support/rehearsal/plain-host/enter.sh", import.meta.url));
const root = fileURLToPath(new URL("../../", import.meta.url));

const directory = mkdtempSync(join(tmpdir(), "mcpg-from-init-"));
const undo: (() => unknown)[] = [];
let internet: Internet;
let machine: Running;

beforeAll(async () => {
  internet = await openInternet(directory, { deployment: [DOMAIN] }, [], undo);
  const host = internet.network.hosts["deployment"]!;
  const { file } = internet.authority;
  const words = [script, directory, process.execPath, root, traefikProgram(), file];
  machine = host.start("sh", words);
  await machine.says(/the host is up/);
}, 120_000);
afterAll(async () => {
  for (const step of undo.toReversed()) await step();
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

/** A command on that host, as its administrator types it. */
async function there(command: string): Promise<string> {
  const words = ["-t", `${machine.child.pid}`, "-m", "-n", "sh", "-c", command];
  const env = { ...process.env, PATH: `/opt/bin:${process.env["PATH"]}` };
  const { stdout } = await promisify(execFile)("nsenter", words, { env });
  return stdout;
}

const init = (...answers: string[]) =>
  runCommand(["init", "gateway", "--target", "systemd", "--yes", ...answers], { cwd: directory });

it("is one way without a wrong turn", { timeout: 180_000 }, async () => {
  const answers = ["--domain", DOMAIN, "--identity", "accounts", "--service", "echo"];
  expect(await init(...answers)).toMatchObject({ code: 0 });
  const file = join(directory, "gateway", "mcp-gateway.yaml");
  const written = readFileSync(file, "utf8");
  const theirs = written.replace(/^( +)email: .*$/m, `$&\n$1caServer: ${ACME}`);
  expect(theirs).not.toBe(written);
  writeFileSync(file, theirs);
  expect(await init()).toMatchObject({ code: 0 });

  await there(`sh ${join(directory, "gateway", "install.sh")}`);
  const log = () => readFileSync(join(directory, "var/log/traefik.log"), "utf8");
  await certified(internet.network, DOMAIN, internet.trusted, log);
  const added = await there("mcp-gateway user add ada -c /etc/mcp-gateway/mcp-gateway.yaml");
  const [link = ""] = /https:\/\/\S+/.exec(added) ?? [];
  await setPassword(link);

  const browser = createFormBrowser();
  const gateway = { url: `https://${DOMAIN}`, resource: `https://${DOMAIN}/mcp` };
  await enter(gateway, "ada", PASSWORD, browser);
  const { tokens } = await logIn(gateway.resource, { browser });
  const client = await eraClient(gateway.resource, tokens.access_token, "2025-11-25");
  const { result } = await client.ask("tools/call", { name: "echo", arguments: { text: "first" } });
  expect(result).toMatchObject({
    content: [{ type: "text", text: expect.stringContaining("first") as string }],
  });
});
