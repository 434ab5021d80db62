import { describe, expect, it } from "vitest";
import { configSchema } from "../../../src/config.ts";

const github = { type: "github", clientId: "x", clientSecret: "${SECRET}" };
const oidc = { type: "oidc", clientId: "x", clientSecret: "${SECRET}" };
const problems = (
  identity: object,
  more: object = {},
  publicUrl = "https://gw.example.com",
): string[] =>
  (
    configSchema.safeParse({
      publicUrl,
      services: { files: { command: "npx", ...more } },
      identity,
    }).error?.issues ?? []
  ).map(({ path, message }) => `${path.join(".")}: ${message}`);

describe("identity in the configuration", () => {
  it("takes providers with rules about them", () => {
    const allow = ["github:1", "corp:@ada", "github-org:acme", "email:*@acme.com", "group:oidc/x"];
    const providers = [
      github,
      { ...github, name: "corp", baseUrl: "https://git.acme.com" },
      { ...oidc, preset: "okta", issuer: "https://acme.okta.com" },
    ];
    expect(problems({ providers, allow }, { allow: ["corp-team:a/b"] })).toEqual([]);
  });

  it("is never open to everybody with an account somewhere because nobody said who may come in", () => {
    expect(problems({ providers: [github] })).toEqual([
      expect.stringMatching(/^identity\.allow: name who may come in/),
    ]);
    expect(problems({ providers: [github], allow: ["github:*"] })).toEqual([]);
  });

  it("lets in whom the operator gave an account, and keeps one set of accounts", () => {
    const accounts = { type: "accounts" };
    expect(problems({ providers: [accounts] })).toEqual([]);
    expect(problems({ providers: [accounts], allow: ["accounts:ada"] })).toEqual([]);
    expect(problems({ providers: [accounts, github] })).toEqual([
      expect.stringMatching(/^identity\.allow: name who may come in/),
    ]);
    expect(problems({ providers: [accounts, { ...accounts, name: "more" }] })).toEqual([
      "identity.providers.1.type: the gateway keeps one set of accounts; name the type accounts once",
    ]);
    expect(problems({ providers: [{ ...accounts, passwordLength: 7 }] })).toHaveLength(1);
  });

  it("promises no passkeys where browsers do none", () => {
    const providers = [{ type: "accounts", passkeys: true }];
    const at = (publicUrl: string) => problems({ providers }, {}, publicUrl);
    expect([...at("https://gw.example.com"), ...at("http://localhost:8080")]).toEqual([]);
    for (const publicUrl of ["http://127.0.0.1:8080", "http://[::1]:8080", "https://192.0.2.1"]) {
      expect(at(publicUrl)).toEqual([
        "identity.providers.0.passkeys: browsers take no passkeys at an IP address: name a host in publicUrl",
      ]);
    }
    expect(at("nowhere").join()).toContain("publicUrl");
    expect(problems({ providers: [{ type: "accounts" }] }, {}, "http://127.0.0.1:1")).toEqual([]);
  });

  it("finds rules about providers that are not there", () => {
    expect(problems({ allow: ["local:*", "gihtub:1"] }, { allow: ["group:oidc/x"] })).toEqual([
      'identity.allow.1: no provider is named "gihtub"',
      'services.files.allow.0: no provider is named "oidc"',
    ]);
  });

  it("finds rules that could match nobody", () => {
    const providers = [{ type: "local" }, { ...oidc, issuer: "https://id.acme.com" }];
    const allow = ["local:@ada", "oidc-org:acme", "group:oidc/engineering", "oidc:248289"];
    expect(problems({ providers, allow })).toEqual([
      "identity.allow.0: local has no logins to rely on",
      "identity.allow.1: oidc has no organisations to rely on",
      "identity.allow.2: oidc names no groups; set its groupsClaim",
    ]);
  });

  it("holds admins to the same, and takes no client for one", () => {
    expect(problems({ admins: ["local:ada", "email:*@acme.com"] })).toEqual([]);
    expect(problems({ admins: ["ada"] })).toEqual([
      expect.stringMatching(/^identity\.admins\.0: write /),
    ]);
    expect(problems({ admins: ["local:@ada", "github:1", "client:abc"] })).toEqual([
      "identity.admins.0: local has no logins to rely on",
      'identity.admins.1: no provider is named "github"',
      "identity.admins.2: an admin is a person: name one, not a client",
    ]);
  });

  it.each([
    ["no issuer", {}, /is needed/],
    ["no issuer, for a preset that has none", { preset: "okta" }, /is needed/],
    ["plain http", { issuer: "http://id.acme.com" }, /must be https/],
    ["everybody's tenant", { issuer: "https://login.microsoftonline.com/common/v2.0" }, /tenant/],
    ["a scope without openid", { preset: "google", scope: "email profile" }, /openid/],
  ])("refuses an OpenID provider with %s", (_what, change, message) => {
    const found = problems({ providers: [{ ...oidc, ...change }], allow: ["oidc:1"] });
    expect(found).toEqual([expect.stringMatching(message)]);
  });

  it.each([{ preset: "google" }, { issuer: "https://login.microsoftonline.com/0a1b/v2.0" }])(
    "takes an OpenID provider with %j",
    (change) => {
      expect(problems({ providers: [{ ...oidc, ...change }], allow: ["oidc:1"] })).toEqual([]);
    },
  );

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
