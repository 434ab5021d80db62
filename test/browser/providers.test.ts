/** A login at an identity provider elsewhere, in a real browser: no form of ours stands in the way of getting there. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  authorizationUrl,
  createPerson,
  launchBrowser,
  listenAsClient,
  type ClientListener,
} from "../support/browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { APP, startGitHub, type GitHub } from "../support/github.ts";

let browser: Browser;
let gateway: TestGateway;
let github: GitHub;
let client: ClientListener;
beforeAll(async () => {
  process.env["TEST_GITHUB_SECRET"] = APP.clientSecret;
  [browser, github, client] = await Promise.all([launchBrowser(), startGitHub(), listenAsClient()]);
  const app = {
    type: "github",
    clientId: APP.clientId,
    clientSecret: "${TEST_GITHUB_SECRET}",
    baseUrl: github.baseUrl,
  } as const;
  const providers = [app, { type: "local" } as const];
  const allow = ["github:@octocat", "local:*"];
  gateway = await startGateway({ config: { identity: { providers, allow } } });
});
afterAll(async () => {
  delete process.env["TEST_GITHUB_SECRET"];
  await Promise.all([browser?.close(), gateway?.close(), github?.close(), client?.close()]);
});

describe("a person with an account elsewhere", () => {
  it("chooses where, comes back, says that it is somebody else, and comes back again", async () => {
    const { page, complaints, close } = await createPerson(browser);
    await page.goto(await authorizationUrl(gateway, client.redirectUri));
    await page.getByRole("link", { name: "Continue with github" }).click();
    await page.waitForURL(/\/consent/);
    await page.getByRole("button", { name: "Not you?" }).click();
    await page.getByRole("link", { name: "Continue with github" }).click();
    await page.waitForURL(/\/consent/);
    await page.getByRole("button", { name: "Allow" }).click();
    await page.waitForURL(/\/callback/);
    expect(client.answers.at(-1)!.has("code")).toBe(true);
    expect(complaints).toEqual([]);
    await close();
  });

  it("who may not come in is told so, can try again, and can tell the app", async () => {
    github.person.login = "stranger";
    const { page, complaints, close } = await createPerson(browser);
    await page.goto(await authorizationUrl(gateway, client.redirectUri));
    await page.getByRole("link", { name: "Continue with github" }).click();
    const title = page.getByRole("heading", { level: 1 });
    expect(await title.innerText()).toBe("You may not use this");
    await page.keyboard.press("Tab");
    expect(await page.locator(":focus").innerText()).toBe("Log in again");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "Continue with github" }).click();
    await page.getByRole("link", { name: "Back to the app" }).click();
    await page.waitForURL(/\/callback/);
    expect(client.answers.at(-1)!.get("error")).toBe("access_denied");
    expect(client.answers.at(-1)!.get("iss")).toBe(gateway.url);
    expect(complaints).toEqual([]);
    await close();
  });
});
