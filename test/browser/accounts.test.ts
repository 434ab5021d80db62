/**
 * An account of the gateway's own, from the invitation to the consent: a real browser, JavaScript switched off, no mouse. With
 * PICTURES=<directory> the pages are kept as pictures.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ACCOUNTS, addAccount, PASSWORD } from "../support/accounts.ts";
import { authorizationUrl, createPerson, launchBrowser } from "../support/browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";

const keep = process.env["PICTURES"];

let browser: Browser;
let gateway: TestGateway;
beforeAll(async () => {
  if (keep !== undefined) mkdirSync(keep, { recursive: true });
  [browser, gateway] = await Promise.all([
    launchBrowser(),
    startGateway({ config: { identity: ACCOUNTS } }),
  ]);
});
afterAll(async () => {
  await browser?.close();
  await gateway?.close();
});

const focused = (page: Page): Promise<string | null> => page.locator(":focus").getAttribute("id");

async function type(page: Page, ...words: string[]): Promise<void> {
  for (const [index, word] of words.entries()) {
    if (index > 0) await page.keyboard.press("Tab");
    await page.keyboard.type(word);
  }
  await page.keyboard.press("Enter");
}

async function fits(page: Page, name: string): Promise<void> {
  const wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
  expect(wide, name).toBe(false);
  if (keep !== undefined) {
    await page.screenshot({ path: join(keep, `${name}.png`), fullPage: true });
  }
}

describe("an invited person with nothing but a keyboard", () => {
  it("sets a password, mistypes it at the login, and gets in", async () => {
    const { invitation } = await addAccount(gateway, { name: "ada", fullName: "Ada Lovelace" });
    const { page, complaints, close } = await createPerson(browser, {
      viewport: { width: 320, height: 640 },
    });
    await page.goto(invitation!.url);
    expect(await page.title()).toBe("Set your password - mcp-gateway");
    expect(await focused(page)).toBe("password");
    await fits(page, "invitation-narrow");
    await type(page, PASSWORD, `${PASSWORD}!`);
    await page.getByRole("alert").waitFor();
    expect(await page.title()).toBe("Try again: Set your password - mcp-gateway");
    expect(await focused(page)).toBe("password");
    await fits(page, "invitation-problem");
    await type(page, PASSWORD, PASSWORD);
    await page.getByRole("heading", { name: "Your password is set" }).waitFor();
    await fits(page, "invitation-done");

    await page.goto(await authorizationUrl(gateway, "http://127.0.0.1:1/callback"));
    expect(await focused(page)).toBe("username");
    await fits(page, "login-password");
    await type(page, "ada", "a wrong password");
    await page.getByRole("alert").waitFor();
    // The name is kept; only the password is to be written again.
    expect(await page.locator("#username").inputValue()).toBe("ada");
    expect(await page.locator("#password").inputValue()).toBe("");
    expect(await focused(page)).toBe("password");
    await fits(page, "login-password-problem");
    await type(page, PASSWORD);
    await page.waitForURL(/\/consent/);
    expect(await page.locator("main").innerText()).toContain("Ada Lovelace");
    expect(complaints).toEqual([]);
    await close();
  });

  it("finds fields that password managers understand", async () => {
    const { invitation } = await addAccount(gateway, { name: "bob" });
    const { page, close } = await createPerson(browser, { colorScheme: "dark" });
    const hints = (): Promise<(string | null)[]> =>
      page
        .locator("input:not([type=hidden])")
        .evaluateAll((inputs) => inputs.map((input) => input.getAttribute("autocomplete")));
    await page.goto(invitation!.url);
    expect(await hints()).toEqual(["username", "new-password", "new-password"]);
    await fits(page, "invitation-dark");
    await page.goto(await authorizationUrl(gateway, "http://127.0.0.1:1/callback"));
    expect(await hints()).toEqual(["username", "current-password"]);
    await fits(page, "login-password-dark");
    await close();
  });
});
