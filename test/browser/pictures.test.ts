/**
 * Pages as pictures: in light and dark, wide and narrow, nothing sticks out and nothing moves. With PICTURES=<directory> the
 * pictures are kept.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { authorizationUrl, createPerson, launchBrowser } from "../support/browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { LOOKS } from "../support/looks.ts";

const keep = process.env["PICTURES"];

let browser: Browser;
let gateway: TestGateway;
beforeAll(async () => {
  if (keep !== undefined) mkdirSync(keep, { recursive: true });
  [browser, gateway] = await Promise.all([launchBrowser(), startGateway()]);
});
afterAll(async () => {
  await browser?.close();
  await gateway?.close();
});

const redirects = {
  loopback: "http://localhost:33418/callback",
  web: "https://claude.ai/api/mcp/auth_callback",
  app: "cursor://anysphere.cursor-mcp/oauth/callback",
};

describe.each(LOOKS)("$look pages", ({ look, ...options }) => {
  it.each(["loopback", "web", "app"] as const)(
    "fit the screen: login and consent for %s",
    async (kind) => {
      const { page, complaints, close } = await createPerson(browser, options);
      await page.goto(await authorizationUrl(gateway, redirects[kind]));
      await inspect(`login-${kind}`);
      await page.getByRole("button", { name: /Continue as/ }).click();
      await inspect(`consent-${kind}`);
      expect(complaints).toEqual([]);
      await close();

      async function inspect(name: string): Promise<void> {
        expect(await page.locator("main").count(), await page.content()).toBe(1);
        const { width } = options.viewport;
        for (const element of await page.locator("body *:visible").all()) {
          const box = await element.boundingBox();
          if (box === null) continue;
          const where = `${await element.evaluate((it) => it.outerHTML.slice(0, 200))} ends at ${box.x + box.width}`;
          expect(box.x + box.width, where).toBeLessThanOrEqual(width);
        }
        if (keep !== undefined) {
          await page.screenshot({ path: join(keep, `${name}-${look}.png`), fullPage: true });
        }
      }
    },
  );

  it("fit the screen: a wrong code", async () => {
    const reachable = await startGateway({ config: { listen: { host: "0.0.0.0", port: 0 } } });
    const { page, complaints, close } = await createPerson(browser, options);
    await page.goto(await authorizationUrl(reachable, redirects.web));
    await page.getByLabel("Code in the terminal").fill("BCDF-GHJK");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    if (keep !== undefined) {
      await page.screenshot({ path: join(keep, `code-${look}.png`), fullPage: true });
    }
    expect(complaints).toEqual([]);
    await close();
    await reachable.close();
  });

  it.each([
    ["connect", () => gateway.resource],
    ["error", () => `${gateway.url}/consent?interaction=gone`],
  ])("fit the screen: %s", async (name, url) => {
    const { page, complaints, close } = await createPerson(browser, options);
    await page.goto(url());
    expect(await page.locator("main").count()).toBe(1);
    if (keep !== undefined) {
      await page.screenshot({ path: join(keep, `${name}-${look}.png`), fullPage: true });
    }
    expect(complaints).toEqual([]);
    await close();
  });
});
