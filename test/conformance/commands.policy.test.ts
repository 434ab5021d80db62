/** Rules about what may be used, on the command line. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runCommand as run } from "../support/run-command.ts";

const cwd = mkdtempSync(join(tmpdir(), "policy-"));
afterAll(() => rmSync(cwd, { recursive: true }));

/** @param rules of the service `files`, from line 6 on */
const write = (rules: string): void =>
  writeFileSync(
    join(cwd, "mcp-gateway.yaml"),
    `publicUrl: http://localhost:8080
identity: { allow: ["local:*", "client:bot"] }
services:
  files:
    command: npx
${rules.replaceAll(/^/gm, "    ")}
`,
  );

describe("config check", () => {
  it("names every rule that can match nobody or nothing, with its line", async () => {
    write(`tools: { allow: ["read *"] }
resources: { deny: ["file:///a/../b"] }
prompts: {}
arguments: { "*": { path: { prefix: [srv] } } }
policies:
  - for: ["github:1"]
  - for: ["somebody"]
  - for: []
  - clients: ["redirect:https://a"]
  - clients: ["redirect:localhost:80"]
  - tools: { alow: [] }`);
    const { code, stderr } = await run(["config", "check"], { cwd });
    expect(code).toBe(2);
    for (const issue of [
      "line 6: services.files.tools.allow.0: a name of visible ASCII characters",
      "line 7: services.files.resources.deny.0: has . or .. between slashes",
      "line 8: services.files.prompts: name what to allow or to deny",
      "line 9: services.files.arguments.*.path.prefix.0: an absolute path",
      "line 12: services.files.policies.1.for.0: write <provider>:<id>",
      "line 13: services.files.policies.2.for: ",
      "line 14: services.files.policies.3.clients.0: write redirect: and a lower-case host",
      "line 15: services.files.policies.4.clients.0: every program on every machine",
      'line 16: services.files.policies.5.tools: Unrecognized key: "alow"',
    ]) {
      expect(stderr).toContain(issue);
    }
    write('policies: [{ for: ["github:1"] }]');
    const late = await run(["config", "check"], { cwd });
    expect(late.stderr).toContain(
      'line 6: services.files.policies.0.for.0: no provider is named "github"',
    );
  });
});

describe("service explain", () => {
  it("says which rule decides, and which policies are for the caller", async () => {
    write(`tools: { allow: ["read_*"], deny: ["*_key"] }
policies: [{ for: ["group:corp/staff", "local:ada"], clients: ["redirect:app.example"] }]`);
    const ada = ["--subject", "local:ada", "--redirect-uri", "https://app.example/x"];
    const explain = (...flags: string[]) =>
      run(["service", "explain", "files", "--tool", ...flags], { cwd });
    expect(await explain("read_x", ...ada)).toMatchObject({ code: 2 }); // nobody is called corp
    write(`tools: { allow: ["read_*"], deny: ["*_key"] }
policies: [{ for: ["local:ada"], clients: ["redirect:app.example"] }]`);
    expect((await explain("read_x", ...ada)).stdout).toBe(
      "Allowed. services.files.policies.0 allows all tools that the service allows.\nPolicies for this caller: services.files.policies.0.\n",
    );
    const { code, stdout } = await explain("read_key", "--subject", "local:bob", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      isAllowed: false,
      rule: "services.files.tools.deny.0",
      policies: [],
    });
    const none = await run(["service", "explain", "x", "--tool", "y"], { cwd });
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining("It has files.") });
  }, 60_000);
});
