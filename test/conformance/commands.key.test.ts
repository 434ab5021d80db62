/**
 * `key list` and `key rotate` as processes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { spawnGateway, type GatewayProcess } from "../support/gateway-process.ts";
import { runCommand, type Result } from "../support/run-command.ts";
import { callMcp, logIn } from "../support/strict-client.ts";

let directory: string;
let gateway: GatewayProcess;

const run = (line: string, cwd = directory): Promise<Result> =>
  runCommand(line.split(" "), { cwd });

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "commands-key-"));
  gateway = await spawnGateway({ cwd: directory });
});
afterAll(async () => {
  await gateway.kill("SIGTERM");
  rmSync(directory, { recursive: true });
});

describe("key list and key rotate", () => {
  it.each(["key list", "key rotate --yes"])("%s exits 3 without a gateway", async (line) => {
    const cwd = mkdtempSync(join(tmpdir(), "nothing-"));
    expect(await run(line, cwd)).toMatchObject({ code: 3, stdout: "" });
    rmSync(cwd, { recursive: true });
  });

  it.each(["key list", "key rotate"])("%s has help with examples", async (command) => {
    const { code, stdout } = await run(`${command} --help`);
    expect(code).toBe(0);
    expect(stdout).toContain(`EXAMPLES\n  $ mcp-gateway ${command}`);
  });

  it("asks before anything is replaced, and does nothing where nobody can be asked", async () => {
    for (const line of ["key rotate", "key rotate --emergency"]) {
      const { code, stdout, stderr } = await run(line);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toContain("--yes");
    }
    const { stdout } = await run("key list");
    expect(stdout.trim().split("\n")).toHaveLength(2);
    expect(stdout).toMatch(/^[\w-]{43} +active +\d+s ago +until replaced +until replaced +no$/m);
  });

  it("rotates with an overlap, then ends everything in an emergency", async () => {
    const { tokens } = await logIn(gateway.resource);
    const rotated = await run("key rotate --yes");
    expect(rotated).toMatchObject({ code: 0, stderr: "" });
    expect(rotated.stdout).toMatch(/^Published [\w-]{43}; it signs from 20[\dT:.-]+Z\.\n$/);
    const { stdout } = await run("key list");
    expect(stdout).toMatch(/ active +\d+s ago +until in 1[45]m +until in 1h +no$/m);
    expect(stdout).toMatch(/ published +\d+s ago +from in 1[45]m +until replaced +no$/m);
    expect(await run("key rotate --yes")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("published already"),
    });
    expect((await callMcp(gateway.resource, tokens.access_token)).status).toBe(200);

    const ended = await run("key rotate --emergency --yes --json");
    expect(ended.code).toBe(0);
    const { kid, removed, accessTokens } = JSON.parse(ended.stdout);
    expect({ removed: removed.length, accessTokens }).toEqual({ removed: 2, accessTokens: 1 });
    expect((await callMcp(gateway.resource, tokens.access_token)).status).toBe(401);
    expect(JSON.parse((await run("session list --json")).stdout)).toEqual([]);
    expect(JSON.parse((await run("key list --json")).stdout)).toMatchObject([
      { kid, state: "active", isEncrypted: false },
    ]);
  });
});
