/**
 * Passkeys as a person has them: a real browser with a device that it believes in, and no mouse. With PICTURES=<directory> the
 * pages are kept as pictures.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ACCOUNTS, addAccount, PASSWORD } from "../support/accounts.ts";
import { authorizationUrl, createPerson, launchBrowser, plugIn } from "../support/browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { LOOKS } from "../support/looks.ts";

const keep = process.env["PICTURES"];

let browser: Browser;
let gateway: TestGateway;
beforeAll(async () => {
  if (keep !== undefined) mkdirSync(keep, { recursive: true });
  [browser, gateway] = await Promise.all([
    launchBrowser(),
    startGateway({ config: { identity: ACCOUNTS } }),
  ]);
  const names = ["ada", ...LOOKS.map(({ look }) => look)];
  for (const name of names) {
    await addAccount(gateway, { name, fullName: "Ada Lovelace", password: PASSWORD });
  }
});
afterAll(async () => {
  await browser?.close();
  await gateway?.close();
});

async function tabTo(page: Page, role: "button" | "link", name: string | RegExp): Promise<void> {
  const wanted = page.getByRole(role, { name });
  for (let presses = 0; presses < 20; presses += 1) {
    if (await wanted.evaluate((it) => it === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`the keyboard does not reach ${String(name)}`);
}

async function press(page: Page, role: "button" | "link", name: string | RegExp): Promise<void> {
  await tabTo(page, role, name);
  await page.keyboard.press("Enter");
}

async function logInByPassword(page: Page, name: string): Promise<void> {
  await page.locator("#username:focus").waitFor();
  await page.keyboard.type(name);
  await page.keyboard.press("Tab");
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");
}

async function fits(page: Page, name: string): Promise<void> {
  const wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
  expect(wide, name).toBe(false);
  if (keep !== undefined) {
    await page.screenshot({ path: join(keep, `${name}.png`), fullPage: true });
  }
}

describe("a person with nothing but a keyboard", () => {
  it("adds a passkey, logs in with it alone, and removes it", async () => {
    const { page, complaints, close } = await createPerson(browser, { javaScriptEnabled: true });
    const recognise = await plugIn(page);
    await page.goto(`${gateway.url}/account`);
    await logInByPassword(page, "ada");
    await page.getByRole("heading", { name: "Your passkeys" }).waitFor();
    await press(page, "link", "Add a passkey");
    await page.getByRole("heading", { name: "Add a passkey" }).waitFor();
    await page.keyboard.type("My laptop");
    await press(page, "button", "Add a passkey");
    await page.getByRole("status").filter({ hasText: "Passkey added." }).waitFor();
    expect(await page.getByRole("article", { name: "My laptop" }).innerText()).toContain(
      "not used yet",
    );
    // The same device has one already, and says so.
    await press(page, "link", "Add a passkey");
    await press(page, "button", "Add a passkey");
    await page.getByRole("alert").filter({ hasText: "has a passkey" }).waitFor();
    await page.goto(`${gateway.url}/account`);
    await press(page, "button", "Sign out");
    await page.getByRole("heading", { name: "You are signed out" }).waitFor();

    await page.goto(await authorizationUrl(gateway, "http://127.0.0.1:1/callback"));
    await recognise(false);
    await press(page, "button", "Log in with a passkey");
    await page.getByRole("alert").filter({ hasText: "No passkey was used" }).waitFor();
    await recognise(true);
    await press(page, "button", "Log in with a passkey");
    await page.waitForURL(/\/consent/);
    expect(await page.locator("main").innerText()).toContain("Ada Lovelace");

    await page.goto(`${gateway.url}/account`);
    expect(await page.getByRole("article", { name: "My laptop" }).innerText()).toContain(
      "last used",
    );
    await press(page, "button", "Remove the passkey My laptop");
    await page.getByRole("status").filter({ hasText: "Passkey removed." }).waitFor();
    await press(page, "button", "Sign out");
    await page.getByRole("heading", { name: "You are signed out" }).waitFor();
    await page.goto(`${gateway.url}/account`);
    await press(page, "button", "Log in with a passkey");
    await page.getByText("does not know that passkey").waitFor();
    await press(page, "link", "Log in again");
    await logInByPassword(page, "ada");
    await page.getByRole("heading", { name: "Your account" }).waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it("logs in by password as before where scripts are switched off", async () => {
    const { page, complaints, close } = await createPerson(browser);
    await page.goto(`${gateway.url}/account/passkey`);
    expect(await page.getByRole("button").allInnerTexts()).toEqual(["Log in"]);
    await logInByPassword(page, "ada");
    await page.getByText("JavaScript is switched off").waitFor();
    expect(await page.getByRole("button").count()).toBe(0);
    expect(complaints).toEqual([]);
    await close();
  });
});

describe.each(LOOKS)("passkeys, $look", ({ look, ...options }) => {
  it("fit the screen", async () => {
    const person = { javaScriptEnabled: true, ...options };
    const { page, complaints, close } = await createPerson(browser, person);
    await plugIn(page);
    await page.goto(`${gateway.url}/account/passkey`);
    await fits(page, `passkey-login-${look}`);
    await logInByPassword(page, look);
    await page.getByRole("heading", { name: "Add a passkey" }).waitFor();
    await fits(page, `passkey-add-${look}`);
    await page.keyboard.type("The telephone with the cracked screen in the kitchen drawer");
    await page.keyboard.press("Enter");
    await page.getByRole("status").filter({ hasText: "Passkey added." }).waitFor();
    await fits(page, `passkey-account-${look}`);
    await page.goto(`${gateway.url}/account/passkey`);
    await page.getByRole("button", { name: "Add a passkey" }).press("Enter");
    await page.getByRole("alert").filter({ hasText: "has a passkey" }).waitFor();
    await fits(page, `passkey-problem-${look}`);
    expect(complaints).toEqual([]);
    await close();
  });
});
