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
  it("says which rule decides", async () => {
    write(`tools: { allow: ["read_*"], deny: ["*_key"] }
arguments: { "read_*": { path: { prefix: [/srv] } } }
policies:
  - { for: ["local:ada"], tools: { deny: ["read_mail"] } }
  - { clients: ["redirect:app.example"] }`);
    const ada = ["--subject", "local:ada"];
    for (const [flags, sentences] of [
      [
        ["--tool", "read_x", ...ada],
        ["Allowed. services.files.policies.0 allows", "this caller: services.files.policies.0."],
      ],
      [
        ["--tool", "read_key", ...ada],
        ["Not allowed. *_key, services.files.tools.deny.0, denies it."],
      ],
      [
        ["--tool", "read_mail", ...ada, "--json"],
        ['"rule": "services.files.policies.0.tools.deny.0"'],
      ],
      [
        ["--tool", "read_x", ...ada, "--argument", "path=/etc"],
        ["The argument path does not keep services.files.arguments.read_*.path"],
      ],
      [
        ["--tool", "read_x", "--subject", "local:bob"],
        ["None of services.files.policies is for this caller", "caller: none."],
      ],
      [
        ["--tool", "read_x", "--subject", "other:bob"],
        ["No rule of identity.allow lets this caller in."],
      ],
      [
        ["--prompt", "any", "--client", "bot", "--redirect-uri", "https://app.example/x"],
        ["Allowed."],
      ],
    ] as const) {
      const { code, stdout } = await run(["service", "explain", "files", ...flags], { cwd });
      expect(code).toBe(0);
      for (const sentence of sentences) expect(stdout).toContain(sentence);
    }
    const { code, stderr } = await run(["service", "explain", "x", "--tool", "y"], { cwd });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("It has files.") });
  }, 60_000);
});
