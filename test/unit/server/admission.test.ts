import { describe, expect, it } from "vitest";
import { makeConfig } from "../../../src/config-file.ts";
import { isAdmin } from "../../../src/server/admission.ts";

const configWith = (admins?: string[]) => ({
  config: makeConfig({
    publicUrl: "https://gw.example.com",
    services: { files: { command: "true" } },
    identity: { ...(admins && { admins }) },
  }),
});

const ada = { subject: "local:ada", email: "ada@acme.com" };

describe("isAdmin", () => {
  it("is nobody unless somebody is named", () => {
    expect(isAdmin(configWith(), ada)).toBe(false);
    expect(isAdmin(configWith([]), ada)).toBe(false);
    expect(isAdmin(configWith(["local:bob"]), ada)).toBe(false);
  });

  it("is whoever a rule names, by what the provider has verified", () => {
    expect(isAdmin(configWith(["local:bob", "local:ada"]), ada)).toBe(true);
    const byEmail = configWith(["email:*@acme.com"]);
    expect(isAdmin(byEmail, ada)).toBe(false);
    expect(isAdmin(byEmail, { ...ada, emailVerified: true })).toBe(true);
  });

  it("changes with the list in force", () => {
    const context = configWith(["local:ada"]);
    expect(isAdmin(context, ada)).toBe(true);
    context.config.identity = { ...context.config.identity, admins: ["local:bob"] };
    expect(isAdmin(context, ada)).toBe(false);
  });
});
