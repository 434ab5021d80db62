/** What people have entered for services, as an operator sees and ends it: `credential list`, `credential remove`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { CredentialSummary } from "../../src/control/answers.ts";
import { createFormBrowser } from "../support/form-browser.ts";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";
import { runCommand, type Result } from "../support/run-command.ts";
import { callMcp, logIn } from "../support/strict-client.ts";

const VALUE = "a-token-of-adas-own";
const folder = mkdtempSync(join(tmpdir(), "credentials-"));
let gateway: TestGateway;
beforeAll(async () => {
  const program = { command: process.execPath, args: [fixture("workbench.js")] };
  const credentials = { GITHUB_TOKEN: { label: "GitHub token" } };
  gateway = await startGateway({
    stateDirectory: join(folder, ".mcp-gateway"),
    config: { services: { echo: { ...program, credentials }, plain: program } },
  });
});
afterAll(async () => {
  await gateway.close();
  rmSync(folder, { recursive: true });
});

const run = (...argv: string[]): Promise<Result> =>
  runCommand(["credential", ...argv], { cwd: folder });
const list = async (...flags: string[]) =>
  JSON.parse((await run("list", "--json", ...flags)).stdout) as CredentialSummary[];

it("an operator sees who has entered what, and never what it is, and removes it", async () => {
  const browser = createFormBrowser();
  const { tokens } = await logIn(gateway.resource, { browser });
  const initialized = () => callMcp(gateway.resource, tokens.access_token);
  expect(await list()).toEqual([]);
  const page = await browser.open(`${gateway.url}/credentials`);
  await browser.press(page, /Save/, { "value.GITHUB_TOKEN": VALUE });
  const session = { "mcp-session-id": (await initialized()).headers.get("mcp-session-id")! };

  const [entered] = (await list("--service", "echo", "--limit", "5")) as [CredentialSummary];
  expect(entered).toMatchObject({ service: "echo", subject: expect.stringMatching(/^[a-z]+:/) });
  expect(Object.keys(entered.entered)).toEqual(["GITHUB_TOKEN"]);
  expect(await list("--subject", "nobody")).toEqual([]);
  const { stdout } = await run("list", "--subject", entered.subject);
  expect(stdout).toContain("GITHUB_TOKEN");
  expect(stdout).not.toContain(VALUE);

  const id = entered.credentialId.slice(0, 10);
  expect(await run("remove")).toMatchObject({ code: 2, stdout: "" });
  expect(await run("remove", id)).toMatchObject({ code: 2, stdout: "" });
  expect(await run("remove", "none-begins-so", "--yes")).toMatchObject({ code: 1, stdout: "" });
  expect(await list()).toEqual([entered]);
  const removed = await run("remove", id, "--yes");
  expect(removed.stdout).toBe(`Removed GITHUB_TOKEN of ${entered.subject} for echo.\n`);
  expect(await list()).toEqual([]);
  const ping = { jsonrpc: "2.0", id: 2, method: "ping" };
  const gone = await callMcp(gateway.resource, tokens.access_token, ping, session);
  expect(gone.status).toBe(404);
  expect((await (await initialized()).json()).error.code).toBe(-32_000);
  expect((await run("remove", "--service", "echo", "--yes", "--json")).stdout).toBe("[]\n");
}, 120_000);
