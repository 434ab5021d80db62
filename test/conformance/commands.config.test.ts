/**
 * Commands that read mcp-gateway.yaml: `serve` and `config`, as processes.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bin } from "../support/gateway-process.ts";
import { runCommand as run } from "../support/run-command.ts";

/** @returns a new folder with this configuration */
const folderWith = (text: string): string => {
  const cwd = mkdtempSync(join(tmpdir(), "serve-"));
  writeFileSync(join(cwd, "mcp-gateway.yaml"), text);
  return cwd;
};

describe("serve", () => {
  it.each([
    [
      "publicUrl: https://gw.example.com\nservices: { a: { command: a } }\n",
      "The local identity provider lets in",
    ],
    [
      "publicUrl: http://localhost:1\nlisten: { host: 0.0.0.0 }\nservices: { a: { command: a } }\n",
      "The local identity provider lets in",
    ],
    [
      "publicUrl: http://gw.example.com\nservices: { a: { command: a } }\n",
      "line 1: publicUrl: must be https",
    ],
    ["publicUrl: https://gw.example.com\n", "services"],
    ["services: [\n", "mistake"],
  ])("refuses %j with exit 2 before it starts anything (SE-03)", async (text, sentence) => {
    const cwd = folderWith(text);
    const { code, stdout, stderr } = await run(["serve"], { cwd });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(sentence);
    expect(stderr).toMatch(/\n {2}Next: .+\n$/);
    expect(existsSync(join(cwd, ".mcp-gateway"))).toBe(false);
  });

  it("needs a configuration", async () => {
    const { code, stderr } = await run(["serve"], { cwd: mkdtempSync(join(tmpdir(), "none-")) });
    expect(code).toBe(1);
    expect(stderr).toContain("No mcp-gateway.yaml here or above");
  });

  it("serves what the file says, from any folder below it, and ends gracefully", async () => {
    const cwd = folderWith(
      "publicUrl: http://localhost:0\nlisten: { host: localhost, port: 0 }\nservices: { a: { command: a, permissions: all } }\n",
    );
    const below = join(cwd, "below");
    mkdirSync(below);
    const child = spawn(process.execPath, [bin, "serve", "--json"], {
      cwd: below,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const ready = JSON.parse(line.toString()) as { event: string; url: string };
    expect(ready.event).toBe("ready");
    expect(JSON.parse((await run(["status", "--json"], { cwd: below })).stdout)).toMatchObject({
      url: ready.url,
      pid: child.pid,
    });
    child.kill("SIGTERM");
    expect(await once(child, "close")).toEqual([0, null]);
    expect(await run(["status"], { cwd: below })).toMatchObject({ code: 3 });
  });
});

describe("config", () => {
  const cwd = mkdtempSync(join(tmpdir(), "config-"));
  const write = (text: string) => writeFileSync(join(cwd, "mcp-gateway.yaml"), text);

  it("check names mistakes with their lines, for people and programs", async () => {
    write("publicUrl: http://gw.example.com\nservices:\n  files: { command: npx, arg: [] }\n");
    const text = await run(["config", "check"], { cwd });
    expect(text.code).toBe(2);
    expect(text.stderr).toContain("has 2 mistakes:\n  line 1: publicUrl: must be https");
    const { code, stdout } = await run(["config", "check", "--json"], { cwd });
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ valid: false, issues: [{ line: 1 }, { line: 3 }] });
  });

  it("show prints a valid configuration with every default", async () => {
    write(
      "publicUrl: https://gw.example.com\nservices:\n  files: { command: npx, env: { KEY: '${SECRET_KEY}' } }\n",
    );
    const { code, stdout } = await run(["config", "show"], { cwd, env: { SECRET_KEY: "hunter2" } });
    expect(code).toBe(0);
    expect(stdout).toContain("accessToken: 1h");
    expect(stdout).toContain("requestBody: 4mb");
    expect(stdout).toContain("path: .mcp-gateway");
    expect(stdout).toContain("${SECRET_KEY}");
    expect(stdout).not.toContain("hunter2");
    write(stdout);
    expect(await run(["config", "check"], { cwd })).toMatchObject({ code: 0 });
    expect((await run(["config", "show"], { cwd })).stdout).toBe(stdout);
  });

  it("schema is JSON Schema", async () => {
    const { stdout } = await run(["config", "schema"], { cwd });
    expect(JSON.parse(stdout)).toMatchObject({ title: "mcp-gateway.yaml", type: "object" });
  });
});
