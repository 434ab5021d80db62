import { describe, expect, it } from "vitest";
import { createGitHubProvider } from "../../../../src/server/identity/github.ts";

/** The addresses asked during a login at this base URL. */
async function asked(baseUrl: string): Promise<string[]> {
  const addresses: string[] = [];
  const provider = createGitHubProvider({
    name: "github",
    clientId: "app",
    clientSecret: "secret",
    baseUrl,
    needs: () => ({ organizations: ["acme", "acme/a b"], groups: [], email: false }),
    fetch: async (url) => {
      addresses.push(String(url));
      return Response.json({
        ...{ access_token: "token", token_type: "bearer", scope: "read:org" },
        ...{ id: 1, login: "octocat", name: null, state: "active" },
      });
    },
  });
  const callback = new URL("https://gw.example.com/callback/github?state=s&code=c");
  const identity = await provider.finish(callback, {});
  expect(identity.organizations).toEqual(["acme", "acme/a b"]);
  return addresses;
}

describe("the API of a GitHub", () => {
  it.each([
    ["https://github.com", "https://api.github.com"],
    ["https://github.com/", "https://api.github.com"],
    ["https://acme.ghe.com", "https://api.acme.ghe.com"],
    ["https://git.acme.com", "https://git.acme.com/api/v3"],
    ["https://acme.com/github/", "https://acme.com/github/api/v3"],
  ])("at %s is %s", async (baseUrl, api) => {
    expect(await asked(baseUrl)).toEqual([
      `${baseUrl.replace(/\/$/, "")}/login/oauth/access_token`,
      `${api}/user`,
      `${api}/user/memberships/orgs/acme`,
      `${api}/orgs/acme/teams/a%20b/memberships/octocat`,
    ]);
  });
});
