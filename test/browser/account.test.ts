/**
 * The account page as a person uses it: a real browser, JavaScript switched off, no mouse. With PICTURES=<directory> the pictures
 * are kept.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  authorizationUrl,
  createPerson,
  launchBrowser,
  listenAsClient,
  type ClientListener,
} from "../support/browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { LOOKS } from "../support/looks.ts";

const keep = process.env["PICTURES"];

let browser: Browser;
let gateway: TestGateway;
let client: ClientListener;
beforeAll(async () => {
  if (keep !== undefined) mkdirSync(keep, { recursive: true });
  [browser, gateway, client] = await Promise.all([
    launchBrowser(),
    startGateway(),
    listenAsClient(),
  ]);
});
afterAll(async () => {
  await browser?.close();
  await gateway?.close();
  await client?.close();
});

/** Somebody allows a client of this name. */
async function allow(page: Page, name: string): Promise<void> {
  await page.goto(await authorizationUrl(gateway, client.redirectUri, { name }));
  const login = page.getByRole("button", { name: /Continue as/ });
  if ((await login.count()) > 0) await login.press("Enter");
  await page.getByRole("button", { name: "Allow" }).press("Enter");
  await page.waitForURL(/\/callback/);
}

/** Press Tab until the button with this name has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  const button = page.getByRole("button", { name, exact: true });
  for (let presses = 0; presses < 20; presses += 1) {
    await page.keyboard.press("Tab");
    if (await button.evaluate((it) => it === document.activeElement)) return;
  }
  throw new Error(`the keyboard does not reach ${name}`);
}

describe("a person with nothing but a keyboard", () => {
  it("sees who may act in their name, ends one of them, and signs out", async () => {
    const { page, complaints, close } = await createPerson(browser);
    await allow(page, "Claude Code");
    await allow(page, "Cursor");
    await page.goto(`${gateway.url}/account`);
    expect(await page.getByRole("article").count()).toBe(2);
    await tabTo(page, "End access of Claude Code to echo");
    await page.keyboard.press("Enter");
    await page.getByRole("article", { name: "Claude Code" }).waitFor({ state: "detached" });
    expect(await page.getByRole("article", { name: "Cursor" }).count()).toBe(1);
    await tabTo(page, "Sign out");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "You are signed out" }).waitFor();
    expect(complaints).toEqual([]);
    await close();
  });
});

describe.each(LOOKS)("the account page, $look", ({ look, ...options }) => {
  it("fits the screen", async () => {
    const { page, complaints, close } = await createPerson(browser, options);
    await allow(page, "Claude Code");
    await allow(page, "An assistant whose name is longer than anybody would like it to be");
    await page.goto(`${gateway.url}/account`);
    for (const element of await page.locator("main *:visible").all()) {
      const box = await element.boundingBox();
      if (box === null) continue;
      const where = await element.evaluate((it) => it.outerHTML.slice(0, 200));
      expect(box.x + box.width, where).toBeLessThanOrEqual(options.viewport.width);
    }
    if (keep !== undefined) {
      await page.screenshot({ path: join(keep, `account-${look}.png`), fullPage: true });
    }
    expect(complaints).toEqual([]);
    await close();
  });
});
