/**
 * A device is connected as a person does it: a real browser, JavaScript switched off, no mouse. With PICTURES=<directory> the
 * pictures are kept.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPerson, launchBrowser } from "../support/browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { LOOKS } from "../support/looks.ts";
import { jsonOf, post, registered, requestToken, type RawClient } from "../support/raw-client.ts";

const DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code";
const keep = process.env["PICTURES"];

let browser: Browser;
let gateway: TestGateway;
let client: RawClient;
beforeAll(async () => {
  if (keep !== undefined) mkdirSync(keep, { recursive: true });
  [browser, gateway] = await Promise.all([launchBrowser(), startGateway()]);
  client = await registered(gateway, {
    client_name: "Living room",
    grant_types: ["authorization_code", "refresh_token", DEVICE_CODE],
  });
});
afterAll(async () => {
  await browser?.close();
  await gateway?.close();
});

interface Started {
  device_code: string;
  user_code: string;
  verification_uri: string;
  verification_uri_complete: string;
}

const start = async (): Promise<Started> =>
  jsonOf<Started>(
    await post(gateway, "/device_authorization", {
      client_id: client.client_id,
      scope: "mcp offline_access",
    }),
  );
const poll = (code: string): Promise<Response> =>
  requestToken(gateway, {
    grant_type: DEVICE_CODE,
    client_id: client.client_id,
    device_code: code,
  });

/** Press Tab until the button has the focus. */
async function tabTo(page: Page, name: RegExp): Promise<void> {
  for (let presses = 0; presses < 20; presses++) {
    await page.keyboard.press("Tab");
    const focused = page.locator(":focus");
    if (name.test(await focused.innerText().catch(() => ""))) return;
  }
  throw new Error(`the keyboard does not reach ${name}`);
}

describe("a person with nothing but a keyboard", () => {
  it("types the code, logs in and allows; the device gets its tokens", async () => {
    const started = await start();
    const { page, complaints, close } = await createPerson(browser);
    await page.goto(started.verification_uri);
    // The field has the focus already.
    await page.keyboard.type(started.user_code.toLowerCase().replace("-", " "));
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/login/);
    await tabTo(page, /Continue as/);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/consent/);
    expect(await page.getByRole("heading", { level: 1 }).innerText()).toBe(
      "Living room asks to use echo",
    );
    await tabTo(page, /^Allow/);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Your device is connected" }).waitFor();
    expect((await poll(started.device_code)).status).toBe(200);
    expect(complaints).toEqual([]);
    await close();
  });

  it("finds the code filled in by the link, and cancels", async () => {
    const started = await start();
    const { page, complaints, close } = await createPerson(browser);
    await page.goto(started.verification_uri_complete);
    expect(await page.getByLabel("Code on your device").inputValue()).toBe(started.user_code);
    await tabTo(page, /^Continue/);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/login/);
    await tabTo(page, /Continue as/);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/consent/);
    await tabTo(page, /^Cancel/);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Your device was not connected" }).waitFor();
    expect(await (await poll(started.device_code)).json()).toMatchObject({
      error: "access_denied",
    });
    expect(complaints).toEqual([]);
    await close();
  });

  it("is told of a wrong code and may correct it", async () => {
    const started = await start();
    const { page, complaints, close } = await createPerson(browser);
    await page.goto(started.verification_uri);
    await page.keyboard.type("BBBB-BBBB");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    const field = page.getByLabel("Code on your device");
    expect(await field.getAttribute("aria-invalid")).toBe("true");
    await field.fill(started.user_code);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/login/);
    expect(complaints).toEqual([]);
    await close();
  });
});

describe("a page of another site", () => {
  it("cannot enter a code in somebody's name", async () => {
    const started = await start();
    const { page, close } = await createPerson(browser, { javaScriptEnabled: true });
    await page.goto(started.verification_uri); // the cookie is there
    const csrf = await page.locator("input[name=csrf]").inputValue();
    await page.setContent(`
      <form id="f" method="post" action="${gateway.url}/device">
        <input name="user_code" value="${started.user_code}"><input name="csrf" value="${csrf}x">
      </form>`);
    await page.evaluate("document.getElementById('f').submit()");
    await page.getByRole("heading", { name: "That did not come from us" }).waitFor();
    await close();
  });
});

describe.each(LOOKS)("$look pages of a device", ({ look, ...options }) => {
  it("fit the screen", async () => {
    const started = await start();
    const { page, complaints, close } = await createPerson(browser, options);
    await page.goto(started.verification_uri_complete);
    await inspect("device");
    await page.getByLabel("Code on your device").fill("BBBB-BBBB");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    await inspect("device-wrong");
    await page.getByLabel("Code on your device").fill(started.user_code);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: /Continue as/ }).click();
    await page.waitForURL(/\/consent/);
    await inspect("device-consent");
    await page.getByRole("button", { name: "Allow" }).click();
    await page.getByRole("heading", { name: "Your device is connected" }).waitFor();
    await inspect("device-done");
    expect(complaints).toEqual([]);
    await close();

    async function inspect(name: string): Promise<void> {
      const { width } = options.viewport;
      for (const element of await page.locator("body *:visible").all()) {
        const box = await element.boundingBox();
        if (box === null) continue;
        expect(box.x + box.width, `${name} ${look}`).toBeLessThanOrEqual(width);
      }
      if (keep !== undefined) {
        await page.screenshot({ path: join(keep, `${name}-${look}.png`), fullPage: true });
      }
    }
  });
});
