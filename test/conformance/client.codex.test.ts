/**
 * Codex: a plain GET first, its own way to the metadata, and every scope there is.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { logIn } from "../../src/client/emulation/log-in.ts";
import { refresh, type Person } from "../../src/client/emulation/tokens.ts";
import { echo, person, visitAs } from "../support/emulated.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

describe("Codex", () => {
  it("probes without Accept, ignores the challenge, asks for all scopes (codex#37830, #42427, #15643)", async () => {
    const visit = await visitAs("codex", gateway.resource);
    const login = await logIn(visit, person);
    expect(login.found.scope!.split(" ")).toEqual(login.found.server.scopes_supported);
    expect(await echo(visit, login)).toContain("hello");
    expect(await echo(visit, { ...login, tokens: await refresh(visit, login) })).toContain("hello");
  });

  it("finds resource in the metadata (codex#41288)", async () => {
    const visit = await visitAs("codex", `${gateway.url}/echo/mcp`);
    const { found } = await logIn(visit, person);
    expect(found.identifier).toBe(`${gateway.url}/echo/mcp`);
  });

  it("is sent the iss that the metadata promises, also when it is refused (codex#41836, #34684)", async () => {
    const visit = await visitAs("codex", gateway.resource);
    const seen: (string | null)[] = [];
    const watching: Person = async (page) => {
      const back = await person(page);
      seen.push(back.searchParams.get("iss"));
      return back;
    };
    const { found } = await logIn(visit, watching);
    expect(found.server.authorization_response_iss_parameter_supported).toBe(true);
    const refused: Person = async ({ url }) => {
      url.searchParams.set("scope", "no-such-scope");
      url.searchParams.set("prompt", "none");
      const response = await fetch(url, { redirect: "manual" });
      const back = new URL(response.headers.get("location")!);
      seen.push(back.searchParams.get("iss"));
      return back;
    };
    await expect(logIn(visit, refused)).rejects.toThrow(/got no token/);
    expect(seen).toEqual([gateway.url, gateway.url]);
  });
});
