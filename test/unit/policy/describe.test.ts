import { expect, it } from "vitest";
import { describeRules } from "../../../src/policy/describe.ts";

it("says nothing where everything may be used", () => {
  expect(describeRules({})).toEqual({ rules: [], neverUsed: [] });
});

it("says what may be used, by whom", () => {
  const { rules } = describeRules({
    tools: { allow: ["read_*", "list"], deny: ["read_secret"] },
    resources: { deny: ["file:///etc/*"] },
    prompts: { allow: [] },
    arguments: { "*_file": { path: { prefix: ["/srv", "/data"] }, mode: { values: ["r", 1] } } },
    policies: [
      { for: ["group:eng", "local:ada"], tools: { allow: ["read_*"] } },
      { clients: ["redirect:app.example"] },
    ],
  });
  expect(rules).toEqual([
    "tools: only read_*, list; never read_secret; resources: never file:///etc/*; prompts: none; path of *_file: under /srv, /data; mode of *_file: r or 1",
    "policies.0 for group:eng or local:ada: tools: only read_*",
    "policies.1 for everybody with redirect:app.example: everything of that",
    "nothing for whom no policy is",
  ]);
});

it("finds what is allowed and denied as a whole", () => {
  const { neverUsed } = describeRules({
    tools: { allow: ["read_*", "Delete_all", "delete_*", "*"], deny: ["delete_*"] },
    policies: [
      { tools: { allow: ["delete_x", "read_x"] } },
      { tools: { deny: ["*"], allow: ["a"] } },
    ],
  });
  expect(neverUsed).toEqual([
    "tools.allow.1",
    "tools.allow.2",
    "policies.0.tools.allow.0",
    "policies.1.tools.allow.0",
  ]);
});
