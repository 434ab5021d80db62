/**
 * mcp-remote: many of them at once, and a memory longer than the server's.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { logIn } from "../../src/client/emulation/log-in.ts";
import { refresh } from "../../src/client/emulation/tokens.ts";
import { forgetClients } from "../../src/client/emulation/visit.ts";
import { createFormBrowser, approve } from "../support/form-browser.ts";
import { echo, person, visitAs } from "../support/emulated.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

describe("mcp-remote", () => {
  it("logs in five times at once, each on its own port (mcp-remote#306, #253)", async () => {
    const browser = createFormBrowser();
    const all = [1, 2, 3, 4, 5].map(async (n) => {
      const visit = await visitAs("mcp-remote", gateway.resource, { port: 3334 + n });
      return echo(visit, await logIn(visit, person));
    });
    for (const answer of await Promise.all(all)) expect(answer).toContain("hello");
    // One browser for all, as people have it: the login pages must not take each other's place.
    const pages: URL[] = [];
    const waiting = [6, 7].map(async (n) => {
      const visit = await visitAs("mcp-remote", gateway.resource, { port: 3334 + n });
      return logIn(visit, async ({ url }) => {
        pages.push(url);
        return approve(url, browser);
      });
    });
    await Promise.all(waiting);
    expect(pages).toHaveLength(2);
  });

  it("comes back on another port than it registered (mcp-remote#245)", async () => {
    const visit = await visitAs("mcp-remote", gateway.resource, { port: 3334 });
    const moved = {
      ...visit,
      emulation: {
        ...visit.emulation,
        redirectUri: () => "http://localhost:19876/oauth/callback",
      },
    };
    expect(await echo(moved, await logIn(moved, person))).toContain("hello");
  });

  it("is told invalid_client for an id the server has forgotten (workers-oauth-provider#201)", async () => {
    const visit = await visitAs("mcp-remote", gateway.resource);
    const login = await logIn(visit, person);
    expect(await forgetClients(visit)).toBe(0);
    await expect(refresh(visit, login)).rejects.toThrow(/invalid_client/);
    expect(await echo(visit, await logIn(visit, person))).toContain("hello");
  });
});
