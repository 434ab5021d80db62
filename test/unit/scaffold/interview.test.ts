import { describe, expect, it } from "vitest";
import { interview, type InterviewOptions } from "../../../src/scaffold/interview.ts";
import { findTarget } from "../../../src/scaffold/target.ts";

const GOOD = { domain: "gw.example.com", allow: ["*@example.com"] };
const options = (more: Partial<InterviewOptions>): InterviewOptions => ({
  ...{ given: GOOD, earlier: undefined, imported: undefined, person: undefined, isQuick: true },
  target: findTarget(undefined),
  here: { directory: import.meta.dirname, environment: process.env, program: "bin/run.js" },
  ...more,
});

describe("the flags of init", () => {
  it.each([
    [{ domain: "" }, "a domain is needed"],
    [{ domain: "http://gw.example.com" }, "unprotected"],
    [{ domain: "10.0.0.1" }, "a name, not an address"],
    [{ domain: "[::1]" }, "a name, not an address"],
    [{ domain: "localhost" }, "mcp-gateway dev"],
    [{ domain: "gw.example.com:8443" }, "without a port"],
    [{ domain: "gw.example.com/mcp" }, "without a path"],
    [{ domain: "*.example.com" }, "without *"],
    [{ domain: "gw example" }, "no full domain"],
    [{ domain: "gw_1.example.com" }, "no name of a host"],
    [{ domain: "-gw.example.com" }, "no name of a host"],
    [{ identity: "facebook" }, "write one of github, google"],
    [{ identity: "github a b" }, "if you have it, its client ID"],
    [{ identity: "okta" }, "https://acme.okta.com"],
    [{ identity: "http://id.example.com" }, "must be https"],
    [{ identity: "https://login.microsoftonline.com/common/v2.0" }, "must name your tenant"],
    [{ allow: ["octocat"] }, "octocat: write <provider>:<id>"],
    [{ allow: ["google:*"] }, 'google:*: no provider is named "google"'],
    [{ allow: [" , "] }, "name somebody"],
    [{ identity: "google", allow: ["@ada"] }, "google has no logins to rely on"],
    [{ service: ["nonsense"] }, "the catalogue has no nonsense"],
    [
      { service: ["filesystem"] },
      "filesystem needs a value for folder: folder=... (The folder it works in.)",
    ],
    [{ service: ["filesystem folder=/does/not/exist"] }, "There is no folder"],
    [{ service: ["echo color=red"] }, "echo has no parameter color"],
    [{ service: ["echo,echo"] }, "echo is there twice"],
    [{ service: ["admin=node x.js"] }, "cannot be a service's name"],
    [{ service: ["notes="] }, "needs a command or a URL"],
    [{ service: ["far=http://mcp.example.com/mcp"] }, "must be https"],
    [{ service: ["time"] }, "needs python3"],
    [{ store: "mysql" }, "write lowdb or redis"],
  ])("%j are refused with the reason", async (given, reason) => {
    await expect(interview(options({ given: { ...GOOD, ...given } }))).rejects.toThrow(reason);
  });

  it.each([
    ["https://GW.Example.com/", "gw.example.com"],
    [" gw.example.com. ", "gw.example.com"],
    ["gw.bücher.example", "gw.xn--bcher-kva.example"],
  ])("the domain %s is %s", async (domain, expected) => {
    expect(await interview(options({ given: { ...GOOD, domain } }))).toMatchObject({
      domain: expected,
    });
  });

  it.each([
    ["https://acme.okta.com", "okta"],
    ["https://acme.eu.auth0.com/", "auth0"],
    ["https://login.microsoftonline.com/9a1b/v2.0", "entra"],
    ["https://id.example.com/realms/acme", "keycloak"],
    ["https://accounts.google.com", "google"],
    ["https://id.example.com", undefined],
  ])("the issuer %s has the preset %s", async (issuer, preset) => {
    const { identity } = await interview(options({ given: { ...GOOD, identity: issuer } }));
    expect(identity.entry["preset"]).toBe(preset);
    expect(identity.entry).toMatchObject({ type: "oidc", name: preset ?? "oidc", issuer });
  });
});

describe("the questions of init", () => {
  async function answer(...typed: string[]) {
    const said: string[] = [];
    const asked: string[] = [];
    const person = {
      tell: (sentence: string) => void said.push(sentence),
      ask: async (question: string) => {
        asked.push(question);
        const next = typed.shift();
        if (next === undefined) throw new Error("asked once too often");
        return next;
      },
    };
    const answers = await interview(options({ given: {}, isQuick: false, person }));
    return { answers, said, asked };
  }

  it("are five, and an empty answer means what is usual", async () => {
    const { answers, asked } = await answer("gw.example.com", "", "@octocat", "", "");
    expect(asked).toEqual([
      "Domain: ",
      "Identity provider [github]: ",
      "Who may come in: ",
      "Services [echo]: ",
      "Store [lowdb]: ",
    ]);
    expect(answers).toMatchObject({ allow: ["github:@octocat"], store: "lowdb" });
  });

  it("come again with the reason, however often nonsense is typed", async () => {
    const { answers, said, asked } = await answer(
      ...["", "what?", "gw.example.com", "my own", "google 1.apps", "@ada", "ada@example.com"],
      ...["nonsense", "echo, search=https://mcp.example.com/mcp", "a database", "REDIS"],
    );
    expect(asked).toHaveLength(11);
    expect(said.join("\n")).toContain("a domain is needed");
    expect(said.join("\n")).toContain("the catalogue has no nonsense");
    expect(answers).toMatchObject({
      identity: { entry: { preset: "google", clientId: "1.apps" } },
      allow: ["email:ada@example.com"],
      services: { echo: {}, search: {} },
      store: "redis",
    });
  });
});
