import { describe, expect, it } from "vitest";
import type { Identity } from "../../../src/auth-info.ts";
import { matchesRule, parseRule, ruleNeeds } from "../../../src/config/allow.ts";

const matches = (rule: string, identity: Partial<Identity>): boolean =>
  matchesRule(parseRule(rule), {
    identity: { subject: "github:583231", ...identity },
    clientId: "s6BhdRkqt3",
  });

describe("an allow rule", () => {
  it.each<[string, Partial<Identity>]>([
    ["github:583231", {}],
    ["github:*", {}],
    ["client:s6BhdRkqt3", {}],
    ["github:@octocat", { login: "Octocat" }],
    ["github-org:acme", { organizations: ["Acme"] }],
    ["github-team:Acme/platform", { organizations: ["acme", "acme/platform"] }],
    ["group:github//staff/a b", { groups: ["/staff/a b"] }],
    ["email:Ada@ACME.com", { email: "ada@acme.com", emailVerified: true }],
    ["email:*@acme.com", { email: "ada+x@Acme.Com", emailVerified: true }],
  ])("%s lets in whom it names", (rule, identity) => expect(matches(rule, identity)).toBe(true));

  it.each<[string, Partial<Identity>]>([
    ["github:5832", {}],
    ["github:583231", { subject: "corp:583231" }],
    ["github:*", { subject: "github-two:1" }],
    ["github:@octocat", { name: "octocat" }],
    ["github:@octocat", { login: "octocat", subject: "corp:1" }],
    ["github-org:acme", { organizations: ["acme/platform"] }],
    ["github-org:acme", { organizations: ["acme"], subject: "corp:1" }],
    ["github-team:acme/platform", { organizations: ["acme"] }],
    ["group:github/staff", { groups: ["Staff", "staff2"] }],
    ["group:github/staff", { groups: ["staff"], subject: "corp:1" }],
  ])("%s lets in nobody else", (rule, identity) => expect(matches(rule, identity)).toBe(false));

  it.each<[string, Partial<Identity>]>([
    ["not verified", { email: "ada@acme.com" }],
    ["said not to be verified", { email: "ada@acme.com", emailVerified: false }],
    ["with two @", { email: "ada@evil.com@acme.com", emailVerified: true }],
    ["of a domain below", { email: "ada@evil.acme.com", emailVerified: true }],
    ["of a domain that ends alike", { email: "ada@evilacme.com", emailVerified: true }],
    ["with a Kelvin sign", { email: "ada@acme.com\u212a", emailVerified: true }],
    ["with a quoted part", { email: '"a@good"@acme.com ', emailVerified: true }],
    ["named *", { email: "*@acme.com", emailVerified: true }],
  ])("for e-mails takes no address %s (ID-14)", (_what, identity) =>
    expect(matches("email:*@acme.com", identity)).toBe(false),
  );

  it("for one e-mail does not take the same with a plus tag (ID-14)", () => {
    const identity = { email: "ada+x@acme.com", emailVerified: true };
    expect(matches("email:ada@acme.com", identity)).toBe(false);
  });

  it.each([
    "octocat",
    "@octocat",
    "github:",
    "github:@",
    "github: x",
    "github:58*",
    "github-org:acme/platform",
    "github-team:acme",
    "email:acme.com",
    "email:*@*.com",
    "email:a*@acme.com",
    "email:a@b@c",
    "group:engineering",
    "GitHub:1",
    "",
  ])("must have one of the forms: not %j", (rule) => {
    expect(() => parseRule(rule)).toThrow(/^(?:write |\* stands)/);
  });

  it("says what its provider has to find out", () => {
    const rules = ["github-org:Acme", "github-team:acme/x", "corp-org:b", "group:corp/c"];
    const config = {
      identity: { allow: rules },
      services: { a: {}, b: { allow: ["email:*@a.b"] } },
    };
    expect(ruleNeeds({ ...config, services: {} }, "github")).toEqual({
      organizations: ["acme", "acme/x"],
      groups: [],
      email: false,
    });
    expect(ruleNeeds(config, "corp")).toEqual({
      organizations: ["b"],
      groups: ["c"],
      email: true,
    });
  });
});
