/**
 * Every page under axe-core, light, dark and narrow: nothing that it can find stands in the way of a person who does not see,
 * or does not see well. Only here is JavaScript on and our policy off, so that it can be brought into the page.
 */
import axe, { type AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ACCOUNTS, addAccount, PASSWORD } from "../support/accounts.ts";
import { authorizationUrl, launchBrowser, plugIn } from "../support/browser.ts";
import { createDevices, registerDevice } from "../support/device.ts";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";
import { LOOKS } from "../support/looks.ts";

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
/** Has accounts of its own, and a service that wants something of each person. */
let inviting: TestGateway;
beforeAll(async () => {
  process.env["AXE_SECRET"] = "secret";
  const oidc = {
    type: "oidc",
    issuer: "https://accounts.example.com",
    clientId: "x",
    clientSecret: "${AXE_SECRET}",
  } as const;
  const asking = {
    command: process.execPath,
    args: [fixture("echo.js")],
    credentials: {
      GITHUB_TOKEN: { label: "GitHub token", help: "Settings, Developer settings, Tokens." },
      TEAM: { label: "Team", optional: true },
    },
  };
  [browser, gateway, reachable, choosing, inviting] = await Promise.all([
    launchBrowser(),
    startGateway(),
    startGateway({ config: { listen: { host: "0.0.0.0", port: 0 } } }),
    startGateway({
      config: {
        identity: { providers: [oidc, { type: "local" }], allow: ["email:*@example.com"] },
      },
    }),
    startGateway({ config: { identity: ACCOUNTS, services: { echo: asking } } }),
  ]);
});
afterAll(async () => {
  delete process.env["AXE_SECRET"];
  await browser?.close();
  await Promise.all([gateway, reachable, choosing, inviting].map((it) => it?.close()));
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

describe.each(LOOKS)("$look pages", ({ look, ...options }) => {
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

  it("stand in nobody's way: an invitation, a password, credentials", () =>
    visit(async (page) => {
      const name = `ada-${look}`;
      const { invitation } = await addAccount(inviting, { name });
      const set = async (repeated: string): Promise<void> => {
        await page.locator("#password").fill(PASSWORD);
        await page.locator("#repeated").fill(repeated);
        await page.keyboard.press("Enter");
      };
      await page.goto(invitation!.url);
      await check(page, "Set your password");
      await set(`${PASSWORD}!`);
      await page.getByRole("alert").waitFor();
      expect(await findings(page)).toEqual([]);
      await set(PASSWORD);
      await check(page, "Your password is set");
      await page.goto(invitation!.url);
      await page.getByRole("heading", { level: 1 }).waitFor();
      expect(await findings(page), "used before").toEqual([]);

      const logIn = async (password: string): Promise<void> => {
        await page.locator("#username").fill(name);
        await page.locator("#password").fill(password);
        await page.keyboard.press("Enter");
      };
      await page.goto(await authorizationUrl(inviting, REDIRECTS.web));
      await check(page, "Log in");
      await logIn("wrong");
      await page.getByRole("alert").waitFor();
      expect(await findings(page)).toEqual([]);
      await logIn(PASSWORD);
      await check(page, "asks to use");

      await page.goto(`${inviting.url}/account/passkey`);
      await check(page, "Add a passkey");
      const recognise = await plugIn(page);
      await recognise(false);
      await page.getByRole("button", { name: "Add a passkey" }).click();
      await page.getByRole("alert").waitFor();
      expect(await findings(page)).toEqual([]);
      await recognise(true);
      await page.getByRole("button", { name: "Add a passkey" }).click();
      await page.getByRole("status").waitFor();
      await check(page, "Your account");

      await page.goto(`${inviting.url}/credentials`);
      await check(page, "Your credentials");
      await page.getByLabel("GitHub token", { exact: true }).fill("a token");
      await page.keyboard.press("Enter");
      await page.getByRole("status").filter({ hasText: "Saved." }).waitFor();
      expect(await findings(page)).toEqual([]);
    }));

  it("stand in nobody's way: a device and its consent", () =>
    visit(async (page) => {
      const devices = createDevices(gateway, await registerDevice(gateway));
      const { user_code, verification_uri } = await devices.start();
      const enter = async (code: string): Promise<void> => {
        await page.getByLabel("Code on your device").fill(code);
        await page.keyboard.press("Enter");
      };
      await page.goto(verification_uri);
      await enter("BBBB-BBBB");
      await page.getByRole("alert").waitFor();
      expect(await findings(page)).toEqual([]);
      await enter(user_code);
      await page.getByRole("button", { name: /Continue as/ }).click();
      await check(page, "asks to use");
      await page.getByRole("button", { name: "Allow" }).click();
      await check(page, "Your device is connected");
    }));
});
