/**
 * `init` in a real terminal, by somebody who types nonsense first.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bin } from "../support/gateway-process.ts";
import { openTerminal, type Terminal } from "../support/terminal.ts";

describe("init in a terminal", () => {
  let cwd: string;
  let terminal: Terminal;
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), "init-"));
    terminal = openTerminal([process.execPath, bin, "init", "gw"], cwd);
  });
  afterEach(() => {
    terminal.close();
    rmSync(cwd, { recursive: true });
  });

  it("asks five questions, each again with the reason, and writes what was answered", async () => {
    const questions: [prompt: string, nonsense: string, reason: string, answer: string][] = [
      ["Domain: ", "http://10.0.0.1", "logins would travel unprotected", "gw.example.com"],
      ["Identity provider [github]: ", "facebook", "write one of github", ""],
      ["Who may come in: ", "me", "me: write <provider>:<id>", "@octocat *@example.com"],
      ["Services [echo]: ", "rm -rf /", "the catalogue has no rm", "echo, notes=node notes.js"],
      ["Store [lowdb]: ", "a database", "write lowdb or redis", "redis"],
    ];
    for (const [prompt, nonsense, reason, answer] of questions) {
      const waiting = (count: number): RegExp =>
        new RegExp(`(?:${prompt.replaceAll(/[[\]]/g, String.raw`\$&`).trimEnd()}[^]*){${count}}$`);
      await terminal.see(waiting(1));
      terminal.type(nonsense);
      await terminal.see(reason);
      await terminal.see(waiting(2));
      terminal.type(answer);
    }
    const screen = await terminal.see("ended with 0");
    expect(screen).toContain("Fill in GITHUB_CLIENT_SECRET in .env.");
    expect(screen).toMatch(/Next:\n {2}cd .*\/gw\n {2}docker compose up --detach --wait\n/);
    const text = readFileSync(join(cwd, "gw", "mcp-gateway.yaml"), "utf8");
    expect(text).toContain("allow: [github:@octocat, email:*@example.com]");
    expect(text).toContain("type: redis");
    expect(text).toContain("command: node");
  });

  it.each([
    ["Ctrl-C", "C-c"],
    ["Ctrl-D", "C-d"],
  ])("leaves nothing behind after %s", async (_, key) => {
    await terminal.see("Domain: ");
    terminal.type("gw.example.com");
    await terminal.see("Identity provider");
    terminal.press(key);
    expect(await terminal.see("ended with 130")).toContain("Error: Nothing was changed");
    expect(readdirSync(cwd)).toEqual([]);
  });
});
