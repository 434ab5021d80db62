/**
 * Every page under axe-core, light, dark and narrow: nothing that it can find stands in the way of a person who does not see,
 * or does not see well. Only here is JavaScript on and our policy off, so that it can be brought into the page.
 */
import axe, { type AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { authorizationUrl, launchBrowser } from "../support/browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";

const LOOKS = [
  { look: "light", colorScheme: "light", viewport: { width: 1100, height: 900 } },
  { look: "dark", colorScheme: "dark", viewport: { width: 1100, height: 900 } },
  { look: "narrow", colorScheme: "light", viewport: { width: 360, height: 640 } },
] as const;

const REDIRECTS = {
  loopback: "http://localhost:33418/callback",
  web: "https://claude.ai/api/mcp/auth_callback",
  app: "cursor://anysphere.cursor-mcp/oauth/callback",
};

let browser: Browser;
let gateway: TestGateway;
/** Asks for a code from its terminal. */
let reachable: TestGateway;
/** Has several providers, and lets nobody in. */
let choosing: TestGateway;
beforeAll(async () => {
  process.env["AXE_SECRET"] = "secret";
  const oidc = {
    type: "oidc",
    issuer: "https://accounts.example.com",
    clientId: "x",
    clientSecret: "${AXE_SECRET}",
  } as const;
  [browser, gateway, reachable, choosing] = await Promise.all([
    launchBrowser(),
    startGateway(),
    startGateway({ config: { listen: { host: "0.0.0.0", port: 0 } } }),
    startGateway({
      config: {
        identity: { providers: [oidc, { type: "local" }], allow: ["email:*@example.com"] },
      },
    }),
  ]);
});
afterAll(async () => {
  delete process.env["AXE_SECRET"];
  await browser?.close();
  await Promise.all([gateway?.close(), reachable?.close(), choosing?.close()]);
});

async function findings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>("axe.run()");
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

it("axe finds what stands in the way", async () => {
  const page = await browser.newPage({ bypassCSP: true });
  await page.setContent("<main><h1>Bad</h1><input /></main>");
  expect((await findings(page)).join()).toMatch(/html-has-lang.*label: <input>/s);
  await page.close();
});

describe.each(LOOKS)("$look pages", ({ look: _look, ...options }) => {
  async function visit(walk: (page: Page) => Promise<void>): Promise<void> {
    const context = await browser.newContext({ ...options, bypassCSP: true });
    await walk(await context.newPage());
    await context.close();
  }

  const check = async (page: Page, title: string): Promise<void> => {
    await page.getByRole("heading", { level: 1, name: title }).waitFor();
    expect(await findings(page)).toEqual([]);
  };

  it.each(["loopback", "web", "app"] as const)(
    "stand in nobody's way: login and consent for %s",
    (kind) =>
      visit(async (page) => {
        await page.goto(await authorizationUrl(gateway, REDIRECTS[kind]));
        await check(page, "Log in");
        await page.getByRole("button", { name: /Continue as/ }).click();
        await check(page, "asks to use");
      }),
  );

  it("stand in nobody's way: a wrong code", () =>
    visit(async (page) => {
      await page.goto(await authorizationUrl(reachable, REDIRECTS.web));
      await page.getByLabel("Code in the terminal").fill("BCDF-GHJK");
      await page.keyboard.press("Enter");
      await page.getByRole("alert").waitFor();
      expect(await findings(page)).toEqual([]);
    }));

  it("stand in nobody's way: the choice of a provider, and a person who is not allowed", () =>
    visit(async (page) => {
      await page.goto(await authorizationUrl(choosing, REDIRECTS.web));
      await check(page, "Log in");
      await page.getByRole("link", { name: "Continue with local" }).click();
      await page.getByRole("button", { name: /Continue as/ }).click();
      await check(page, "You may not use this");
    }));

  it("stand in nobody's way: the account", () =>
    visit(async (page) => {
      await page.goto(await authorizationUrl(gateway, REDIRECTS.loopback));
      await page.getByRole("button", { name: /Continue as/ }).click();
      await page.goto(`${gateway.url}/account`);
      await page.getByRole("heading", { level: 1 }).waitFor();
      expect(await findings(page)).toEqual([]);
    }));

  it("stand in nobody's way: device, connect and error pages", () =>
    visit(async (page) => {
      for (const url of [
        `${gateway.url}/device`,
        `${gateway.url}/device?user_code=BCDF-GHJK`,
        gateway.resource,
        `${gateway.url}/consent?interaction=gone`,
        `${gateway.url}/authorize?client_id=gone`,
      ]) {
        await page.goto(url);
        await page.getByRole("heading", { level: 1 }).waitFor();
        expect(await findings(page), url).toEqual([]);
      }
    }));
});
