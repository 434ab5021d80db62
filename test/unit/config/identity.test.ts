import { describe, expect, it } from "vitest";
import { configSchema } from "../../../src/config.ts";

const github = { type: "github", clientId: "x", clientSecret: "${SECRET}" };
const problems = (identity: object, more: object = {}): string[] =>
  (
    configSchema.safeParse({
      publicUrl: "https://gw.example.com",
      services: { files: { command: "npx", ...more } },
      identity,
    }).error?.issues ?? []
  ).map(({ path, message }) => `${path.join(".")}: ${message}`);

describe("identity in the configuration", () => {
  it("takes providers with rules about them", () => {
    const allow = ["github:1", "corp:@ada", "github-org:acme", "email:*@acme.com", "group:corp/x"];
    const providers = [github, { ...github, name: "corp", baseUrl: "https://git.acme.com" }];
    expect(problems({ providers, allow }, { allow: ["corp-team:a/b"] })).toEqual([]);
  });

  it("is never open to everybody with an account somewhere because nobody said who may come in", () => {
    expect(problems({ providers: [github] })).toEqual([
      expect.stringMatching(/^identity\.allow: name who may come in/),
    ]);
    expect(problems({ providers: [github], allow: ["github:*"] })).toEqual([]);
  });

  it("finds rules about providers that are not there", () => {
    expect(problems({ allow: ["local:*", "gihtub:1"] }, { allow: ["group:oidc/x"] })).toEqual([
      'identity.allow.1: no provider is named "gihtub"',
      'services.files.allow.0: no provider is named "oidc"',
    ]);
  });

  it("finds rules that are none", () => {
    expect(problems({ allow: ["octocat"] })).toEqual([
      expect.stringMatching(/^identity\.allow\.0: write <provider>:<id>/),
    ]);
  });

  it.each(["email", "group", "acme-org", "acme-team", "A"])("has no provider named %s", (name) =>
    expect(problems({ providers: [{ ...github, name }], allow: [] })).toHaveLength(1),
  );

  it.each([
    ["its secret in the file", { clientSecret: "gho_secret" }],
    ["plain http", { baseUrl: "http://git.acme.com" }],
  ])("refuses a GitHub with %s", (_what, change) => {
    expect(problems({ providers: [{ ...github, ...change }], allow: [] })).toHaveLength(1);
  });
});
