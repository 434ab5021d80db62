import { describe, expect, it } from "vitest";
import { explainDecision, type Explained } from "../../../src/policy/explain.ts";

const config: Explained = {
  identity: { allow: ["local:*", "client:bot"] },
  services: {
    files: {
      tools: { allow: ["read_*"], deny: ["*_key"] },
      arguments: { "read_*": { path: { prefix: ["/srv"] } } },
      policies: [
        { for: ["local:ada"], tools: { deny: ["read_mail"] } },
        { clients: ["redirect:app.example"], prompts: { allow: ["a"] } },
      ],
    },
    open: { allow: ["local:ada"] },
  },
};

/** @returns the sentence, and what decided */
function explain(
  subject: string | undefined,
  question: Parameters<typeof explainDecision>[3],
  service = "files",
): string {
  const caller = {
    ...(subject !== undefined && { identity: { subject } }),
    clientId: "x",
    redirectUris: subject === undefined ? ["https://app.example/x"] : [],
  };
  const { isAllowed, because, rule } = explainDecision(config, service, caller, question);
  return `${isAllowed ? "yes" : "no"}: ${because} (${rule ?? ""})`;
}

describe("an explanation", () => {
  const tool = (name: string, given?: Record<string, unknown>) =>
    ({ kind: "tools", name, ...(given && { arguments: given }) }) as const;

  it.each<[string | undefined, Parameters<typeof explainDecision>[3], string]>([
    [
      "local:ada",
      tool("read_x"),
      "yes: services.files.policies.0 allows all tools that the service allows. (services.files.policies.0)",
    ],
    [
      "local:ada",
      tool("read_key"),
      "no: *_key, services.files.tools.deny.0, denies it. (services.files.tools.deny.0)",
    ],
    [
      "local:ada",
      tool("read_mail"),
      "no: read_mail, services.files.policies.0.tools.deny.0, denies it. (services.files.policies.0.tools.deny.0)",
    ],
    [
      "local:ada",
      tool("write"),
      "no: Nothing in services.files.tools.allow fits it. (services.files.tools.allow)",
    ],
    [
      "local:ada",
      tool("read_x", { path: "/etc" }),
      "no: The argument path does not keep services.files.arguments.read_*.path. (services.files.arguments.read_*.path)",
    ],
    [
      "local:ada",
      { kind: "resources", name: "file:///a/../b" },
      'no: "file:///a/../b" can be misread, so no rule can allow it. (services.files.resources)',
    ],
    [
      "local:bob",
      tool("read_x"),
      "no: None of services.files.policies is for this caller. (services.files.policies)",
    ],
    [
      "other:bob",
      tool("read_x"),
      "no: No rule of identity.allow lets this caller in. (identity.allow)",
    ],
    [
      undefined,
      { kind: "prompts", name: "a" },
      "yes: a, services.files.policies.1.prompts.allow.0, allows it. (services.files.policies.1.prompts.allow.0)",
    ],
  ])("for %s of %j", (subject, question, expected) =>
    expect(explain(subject, question)).toBe(expected),
  );

  it("names what stands before a service", () => {
    expect(explain("local:ada", tool("x"), "open")).toBe(
      "yes: Nothing under services.open keeps it from this caller. ()",
    );
    expect(explain("local:bob", tool("x"), "open")).toBe(
      "no: No rule of services.open.allow lets this caller in. (services.open.allow)",
    );
  });
});
