import { describe, expect, it } from "vitest";
import type { ServiceRules } from "../../../src/config/policy.ts";
import { parseJson } from "../../../src/mcp/exact-json.ts";
import type { Caller } from "../../../src/policy/caller.ts";
import { decide, policiesFor, type Kind } from "../../../src/policy/decide.ts";

const ADA: Caller = {
  identity: { subject: "oidc:ada", groups: ["engineering"] },
  clientId: "c1",
  redirectUris: ["https://claude.ai/callback"],
};
const PROGRAM: Caller = { clientId: "c1", redirectUris: [] };

/** @returns what decided, with a mark when it was a no */
function ask(
  rules: ServiceRules,
  [kind, name, given]: [Kind, unknown, Record<string, unknown>?],
  caller = ADA,
): string {
  const question = { kind, name, ...(given && { arguments: given }) };
  const { isAllowed, rule } = decide(rules, policiesFor(rules, caller), question);
  return `${isAllowed ? "" : "not: "}${rule}`;
}

describe("the lists of a service", () => {
  const rules: ServiceRules = {
    tools: { allow: ["read_*", "list_*", "*_info"], deny: ["*_secret*"] },
    prompts: { allow: [] },
  };

  it.each<[unknown, string]>([
    ["read_file", "tools.allow.0"],
    ["get_info", "tools.allow.2"],
    ["read_secret", "not: tools.deny.0"],
    ["read_Secret_file", "not: tools.deny.0"],
    ["read_ｓecret", "not: tools.deny.0"],
    ["read_se\u200bcret", "not: tools.deny.0"],
    ["read_\u017fecret", "not: tools.deny.0"],
    ["READ_FILE", "not: tools.allow"],
    ["delete_file", "not: tools.allow"],
    [" read_file", "not: tools.allow"],
    ["", "not: tools"],
    [`read_${"x".repeat(1020)}`, "not: tools"],
    [undefined, "not: tools"],
    [["read_file"], "not: tools"],
    [{ toString: "read_file" }, "not: tools"],
    [parseJson("12345678901234567890"), "not: tools"],
  ])("decide about the tool %j: %s", (name, expected) =>
    expect(ask(rules, ["tools", name])).toBe(expected),
  );

  it("allow nothing when empty, and everything when there is none", () => {
    expect(ask(rules, ["prompts", "any"])).toBe("not: prompts.allow");
    expect(ask(rules, ["resources", "file:///x"])).toBe("");
    expect(ask({ tools: { deny: ["x"] } }, ["tools", "y"])).toBe("");
  });
});

describe("resources", () => {
  const rules: ServiceRules = {
    resources: {
      allow: ["file:///srv/files/*", "db://*/public", "note:exact", "q://x?id=*"],
      deny: ["file:///srv/files/secret*", "note:exact/"],
    },
  };

  it.each([
    ["file:///srv/files/a.txt", "resources.allow.0"],
    ["file:///srv/files/a%20b", "resources.allow.0"],
    ["file:///srv/files/{path}", "resources.allow.0"],
    ["db://people/public", "resources.allow.1"],
    ["q://x?id=7", "resources.allow.3"],
    ["db://people/salaries?/public", "not: resources.allow"],
    ["db://people/salaries#/public", "not: resources.allow"],
    ["db://people/salaries%3F/public", "not: resources.allow"],
    ["db://people/salaries%2523/public", "not: resources.allow"],
    ["file:///srv/files/C%23.md", "resources.allow.0"],
    ["file:///srv/filesX", "not: resources.allow"],
    ["FILE:///srv/files/a", "not: resources.allow"],
    ["file:///srv/files/../../etc/passwd", "not: resources"],
    ["file:///srv/files/%2e%2E/x", "not: resources"],
    ["file:///srv/files/%252e%252e/x", "not: resources"],
    ["file:///srv/files\\..\\x", "not: resources"],
    ["file:///srv/files/.\t./x", "not: resources"],
    ["file:///srv/files/secret", "not: resources.deny.0"],
    ["file:///srv/files/Secret", "not: resources.deny.0"],
    ["file:///srv/files/%73ecret", "not: resources.deny.0"],
    ["file:///srv/files//secret", "not: resources.deny.0"],
    ["file://localhost/srv/files/secret", "not: resources.deny.0"],
    ["file:/srv/files/secret#a", "not: resources.deny.0"],
    ["note:exact?x", "not: resources.deny.1"],
  ])("%s: %s", (uri, expected) => expect(ask(rules, ["resources", uri])).toBe(expected));
});

describe("arguments", () => {
  const rules: ServiceRules = {
    arguments: {
      "*_file": { path: { prefix: ["/srv/files"] } },
      read_file: { mode: { values: ["text", 7, false] } },
    },
  };
  const path = "/srv/files/a";

  it.each<[string, Record<string, unknown>, string]>([
    ["read_file", { path, mode: "text" }, ""],
    ["read_file", { path: [path, path], mode: [7, false], more: 1 }, ""],
    ["list", {}, ""],
    ["read_file", { path }, "not: arguments.read_file.mode"],
    ["read_file", { mode: "text" }, "not: arguments.*_file.path"],
    ["read_file", { path, mode: "7" }, "not: arguments.read_file.mode"],
    ["read_file", { path, mode: { text: 1 } }, "not: arguments.read_file.mode"],
    ["read_file", { path: [], mode: 7 }, "not: arguments.*_file.path"],
    ["read_file", { path: [path, "/etc"], mode: 7 }, "not: arguments.*_file.path"],
    ["read_file", { path: [[path]], mode: 7 }, "not: arguments.*_file.path"],
    ["read_file", { path, Path: "/etc", mode: 7 }, "not: arguments.*_file.path"],
    ["read_file", { Path: path, mode: 7 }, "not: arguments.*_file.path"],
    ["READ_FILE", { path: "/etc", mode: 7 }, "not: arguments.*_file.path"],
  ])("of %s %j: %j", (tool, given, expected) =>
    expect(ask(rules, ["tools", tool, given])).toBe(expected),
  );

  it("that only seem to be there are not", () => {
    const given = JSON.parse('{"__proto__":{"path":"/srv/files/a"}}') as Record<string, unknown>;
    expect(ask(rules, ["tools", "x_file", given])).toBe("not: arguments.*_file.path");
    expect(ask({ arguments: { "*": { toString: { values: [1] } } } }, ["tools", "x", {}])).toBe(
      "not: arguments.*.toString",
    );
  });

  it("do not hide the tool from the list", () =>
    expect(ask(rules, ["tools", "read_file"])).toBe(""));
});

describe("policies", () => {
  const rules: ServiceRules = {
    tools: { allow: ["read_*", "write_*"] },
    policies: [
      { for: ["group:oidc/engineering"], tools: { allow: ["read_*", "delete_*"] } },
      {
        for: ["oidc:*"],
        clients: ["redirect:claude.ai"],
        tools: { allow: ["write_*"], deny: ["read_key"] },
      },
      { for: ["client:bot"] },
    ],
  };
  const other = { ...ADA, redirectUris: ["https://claude.ai/callback", "https://evil.example/cb"] };

  it.each<[string, Caller, string]>([
    ["read_file", ADA, "policies.0.tools.allow.0"],
    ["write_file", ADA, "policies.1.tools.allow.0"],
    ["delete_file", ADA, "not: tools.allow"],
    ["read_key", ADA, "not: policies.1.tools.deny.0"],
    ["read_key", other, "policies.0.tools.allow.0"],
    ["write_file", other, "not: policies.0.tools.allow"],
    ["read_file", { ...ADA, identity: { subject: "oidc:bob" } }, "not: policies.1.tools.allow"],
    ["read_file", PROGRAM, "not: policies"],
    ["write_file", { ...PROGRAM, clientId: "bot" }, "policies.2"],
    ["delete_file", { ...PROGRAM, clientId: "bot" }, "not: tools.allow"],
  ])("%s of %j: %s", (tool, caller, expected) =>
    expect(ask(rules, ["tools", tool], caller)).toBe(expected),
  );

  it("hold for everything they do not name, too: whom none fits gets nothing", () => {
    expect(ask(rules, ["prompts", "any"], PROGRAM)).toBe("not: policies");
    expect(ask(rules, ["prompts", "any"])).toBe("policies.0");
  });

  it("add up with their own arguments, below those of the service", () => {
    const both: ServiceRules = {
      arguments: { "*": { path: { prefix: ["/srv"] } } },
      policies: [
        { arguments: { "*": { path: { prefix: ["/srv/a", "/etc"] } } } },
        { for: ["group:oidc/engineering"], arguments: { "*": { path: { prefix: ["/srv/b"] } } } },
      ],
    };
    expect(ask(both, ["tools", "x", { path: "/srv/a/1" }])).toBe("policies.0");
    expect(ask(both, ["tools", "x", { path: "/srv/b/1" }])).toBe("policies.1");
    expect(ask(both, ["tools", "x", { path: "/srv/b/1" }], PROGRAM)).toMatch(/^not: policies.0/);
    expect(ask(both, ["tools", "x", { path: "/etc/1" }])).toBe("not: arguments.*.path");
  });
});
