/**
 * `user add`, `list`, `reset` and `remove` as processes beside a gateway that runs.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { connectControl } from "../../src/control.ts";
import type { AccountSummary, GivenAccess } from "../../src/control/accounts.ts";
import { ACCOUNTS, enter, PASSWORD, setPassword } from "../support/accounts.ts";
import { createFormBrowser } from "../support/form-browser.ts";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";
import { runCommand, type Result } from "../support/run-command.ts";
import { callMcp, logIn } from "../support/strict-client.ts";

let folder: string;
let gateway: TestGateway;

const run = (line: string, input?: string, cwd = folder): Promise<Result> =>
  runCommand(line.split(" "), { cwd, ...(input !== undefined && { input }) });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "commands-user-"));
  const file = join(folder, "mcp-gateway.yaml");
  const config = {
    publicUrl: "http://localhost:0",
    listen: { host: "localhost", port: 0 },
    store: { type: "lowdb", path: "state" },
    identity: { ...ACCOUNTS, allow: ["accounts:ada"] },
    services: {
      echo: { command: process.execPath, args: [fixture("echo.js")], permissions: "all" },
    },
  };
  writeFileSync(file, stringify(config));
  gateway = await startGateway({ file, stateDirectory: join(folder, "state") });
});
afterAll(async () => {
  await gateway.close();
  rmSync(folder, { recursive: true });
});

describe("user commands", () => {
  it.each(["list", "add ada", "reset ada --yes", "remove ada --yes"])(
    "user %s exits 3 without a gateway",
    async (line) => {
      const cwd = mkdtempSync(join(tmpdir(), "nothing-"));
      expect(await run(`user ${line}`, undefined, cwd)).toMatchObject({ code: 3, stdout: "" });
      rmSync(cwd, { recursive: true });
    },
  );

  it("lead a person from an invitation to a login, and out again", async () => {
    const added = await run("user add ada --email ada@acme.com --json");
    expect(added.code).toBe(0);
    const { invitation, ...account } = JSON.parse(added.stdout) as GivenAccess;
    expect(account).toMatchObject({ subject: "accounts:ada", state: "invited", isAllowed: true });
    expect((await setPassword(invitation!.url)).status).toBe(200);
    const browser = createFormBrowser();
    expect((await enter(gateway, "ada", PASSWORD, browser)).url.pathname).toBe("/consent");
    const { tokens } = await logIn(gateway.resource, { browser });

    const asked = await run("user remove ada");
    expect(asked).toMatchObject({ code: 2, stdout: "" });
    expect(asked.stderr).toContain("--yes");
    expect((await run("user list")).stdout).toMatch(
      /^ada +- +ada@acme\.com +active +yes +0 +1 +\d+s ago$/m,
    );
    const reset = await run("user reset ada --end-grants --yes");
    expect(reset.stdout).toMatch(/^set a password at +http:\S+\/invitation\?code=[\w-]{43}$/m);
    expect(reset.stdout).toMatch(/^ended +1 grants, 1 access tokens, 0 sessions$/m);
    expect((await callMcp(gateway.resource, tokens.access_token)).status).toBe(401);
    expect(await run("user remove ada --yes")).toMatchObject({
      code: 0,
      stdout: "Removed ada: 0 grants, 0 access tokens and 0 sessions ended.\n",
    });
    const gone = await run("user reset ada --yes");
    expect(gone.code).toBe(1);
    expect(gone.stderr).toContain("There is no account ada");
  });

  it("take a password from standard input, under the same rules, and say who is not allowed yet", async () => {
    const bad = await run("user add bob --password-stdin", "bob\n");
    expect(bad.code).toBe(1);
    expect(bad.stderr).toContain("at least 12 characters");
    expect(await run("user add bob --password-stdin", "")).toMatchObject({ code: 2 });
    const good = await run("user add bob --password-stdin", `${PASSWORD}\n`);
    expect(good.code).toBe(0);
    expect(good.stdout).not.toContain("invitation");
    expect(good.stderr).toContain('add "accounts:bob" to it');
    expect((await run("user add bob")).stderr).toContain("There is an account bob already");
    const { stdout } = await run("user list --json");
    const [bob] = JSON.parse(stdout) as AccountSummary[];
    expect(bob).toMatchObject({ name: "bob", state: "active", isAllowed: false, grants: 0 });
    expect((await enter(gateway, "bob", PASSWORD)).status).toBe(403);
  });

  it.each(["Ada", "-ada", "a/b", "ada@acme.com", "x".repeat(64)])(
    "take no name that could be mistaken: %s",
    async (name) => {
      const refused = connectControl(gateway.stateDirectory).addAccount({ name });
      await expect(refused).rejects.toThrow(/lower-case letters, digits/);
    },
  );

  it("say what is missing where the gateway keeps no accounts", async () => {
    const other = await startGateway();
    await expect(connectControl(other.stateDirectory).accounts()).rejects.toMatchObject({
      message: "This gateway has no accounts of its own",
      hint: expect.stringContaining("type: accounts"),
    });
    expect((await createFormBrowser().open(`${other.url}/invitation?code=a`)).status).toBe(404);
    await other.close();
  });
});
