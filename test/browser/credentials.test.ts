/**
 * The credentials page as a person uses it: a real browser, JavaScript switched off, no mouse. With PICTURES=<directory> the
 * pictures are kept.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  authorizationUrl,
  createPerson,
  launchBrowser,
  listenAsClient,
  type ClientListener,
} from "../support/browser.ts";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";

const keep = process.env["PICTURES"];
const VALUE = "what-ada-has-typed";

let browser: Browser;
let gateway: TestGateway;
let client: ClientListener;
beforeAll(async () => {
  if (keep !== undefined) mkdirSync(keep, { recursive: true });
  const credentials = {
    GITHUB_TOKEN: { label: "GitHub token", help: "Settings, Developer settings, Tokens." },
    TEAM: { label: "Team", optional: true },
  };
  const program = { command: process.execPath, args: [fixture("echo.js")], credentials };
  [browser, gateway, client] = await Promise.all([
    launchBrowser(),
    startGateway({ config: { services: { echo: program } } }),
    listenAsClient(),
  ]);
});
afterAll(async () => {
  await browser?.close();
  await gateway?.close();
  await client?.close();
});

/** Press Tab until the control with this name has the focus. */
async function tabTo(page: Page, role: "button" | "link" | "textbox", name: string): Promise<void> {
  const wanted =
    role === "textbox" ? page.getByLabel(name, { exact: true }) : page.getByRole(role, { name });
  for (let presses = 0; presses < 20; presses += 1) {
    await page.keyboard.press("Tab");
    if (await wanted.evaluate((it) => it === document.activeElement)) return;
  }
  throw new Error(`the keyboard does not reach ${name}`);
}

async function type(page: Page, value: string): Promise<void> {
  await tabTo(page, "textbox", "GitHub token");
  await page.keyboard.type(value);
  await page.keyboard.press("Enter");
  await page.getByRole("status").filter({ hasText: "Saved." }).waitFor();
}

const picture = async (page: Page, name: string): Promise<void> => {
  if (keep !== undefined)
    await page.screenshot({ path: join(keep, `${name}.png`), fullPage: true });
};

it("a person with nothing but a keyboard is led to the page, enters, replaces and removes", async () => {
  const { page, complaints, close } = await createPerson(browser);
  await page.goto(await authorizationUrl(gateway, client.redirectUri));
  await page.getByRole("button", { name: /Continue as/ }).press("Enter");
  await page.getByRole("button", { name: "Allow" }).waitFor();
  await picture(page, "consent-credentials");
  const opened = page.context().waitForEvent("page");
  await tabTo(page, "link", "enter them in a new tab");
  await page.keyboard.press("Enter");
  const tab = await opened;
  await tab.getByRole("heading", { name: "Your credentials" }).waitFor();
  await type(tab, VALUE);
  expect(await tab.content()).not.toContain(VALUE);
  await tab.close();

  // The request of the client is still the one that was shown.
  await page.getByRole("button", { name: "Allow" }).press("Enter");
  await page.waitForURL(/\/callback/);
  await page.goto(await authorizationUrl(gateway, client.redirectUri, { name: "Cursor" }));
  await page.getByRole("button", { name: "Allow" }).waitFor();
  expect(await page.getByRole("link", { name: /new tab/ }).count()).toBe(0);

  await page.goto(`${gateway.url}/account`);
  await tabTo(page, "link", "Enter, replace or remove");
  await page.keyboard.press("Enter");
  await page.getByText("leave it empty to keep it").waitFor();
  await picture(page, "credentials");
  const { length } = gateway.events.filter((event) => event.type === "credentials.changed");
  await type(page, `${VALUE} instead`);
  expect(gateway.events.filter((event) => event.type === "credentials.changed")).toHaveLength(
    length + 1,
  );
  expect(await page.content()).not.toContain(VALUE);
  await tabTo(page, "button", "Remove GitHub token");
  await page.keyboard.press("Enter");
  await page.getByRole("status").filter({ hasText: "Removed." }).waitFor();
  expect(await page.getByRole("button", { name: "Remove GitHub token" }).count()).toBe(0);
  expect(await page.getByText("Not set.").count()).toBe(2);
  expect(complaints).toEqual([]);
  await close();
});
