/**
 * Login and consent as a person does them: a real browser, JavaScript switched off, no mouse.
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GatewayEvent } from "../../src/events.ts";
import {
  authorizationUrl,
  createPerson,
  launchBrowser,
  listenAsClient,
  serveSite,
  type ClientListener,
} from "../support/browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";

/** What happened, without the trace that is kept of it. */
const facts = (events: readonly GatewayEvent[]): string[] =>
  events.map(({ type }) => type).filter((type) => !type.startsWith("attempt."));

let browser: Browser;
let gateway: TestGateway;
let client: ClientListener;
beforeAll(async () => {
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

/** Press Tab until the button has the focus. @returns how many times */
async function tabTo(page: Page, name: RegExp): Promise<number> {
  for (let presses = 1; presses < 20; presses++) {
    await page.keyboard.press("Tab");
    if (
      (
        await page
          .locator(":focus")
          .innerText()
          .catch(() => "")
      ).match(name)
    )
      return presses;
  }
  throw new Error(`the keyboard does not reach ${name}`);
}

describe("a person with nothing but a keyboard", () => {
  it("logs in and allows; the client gets a code, its state and the issuer", async () => {
    const { page, complaints, close } = await createPerson(browser);
    await page.goto(await authorizationUrl(gateway, client.redirectUri));
    expect(await page.title()).toBe("Log in - mcp-gateway");
    expect(await tabTo(page, /Continue as/)).toBe(1);
    await page.keyboard.press("Enter");

    await page.waitForURL(/\/consent/);
    expect(await page.getByRole("heading", { level: 1 }).innerText()).toBe(
      "Claude Code asks to use echo",
    );
    expect(await page.locator(".host").innerText()).toBe(new URL(client.redirectUri).host);
    expect(await tabTo(page, /^Not you/)).toBe(1);
    expect(await tabTo(page, /^Cancel/)).toBe(1);
    expect(await tabTo(page, /^Allow/)).toBe(1);
    await page.keyboard.press("Enter");

    await page.waitForURL(/\/callback/);
    const answer = client.answers.at(-1)!;
    expect([...answer.keys()].sort()).toEqual(["code", "iss", "state"]);
    expect(answer.get("iss")).toBe(gateway.url);
    expect(answer.get("state")).toBe("a state");
    expect(complaints).toEqual([]);
    await close();
  });

  it("sees where the focus is", async () => {
    const { page, close } = await createPerson(browser);
    await page.goto(await authorizationUrl(gateway, client.redirectUri));
    await tabTo(page, /Continue as/);
    const outline = await page
      .locator(":focus")
      .evaluate((element) => getComputedStyle(element).outlineWidth);
    expect(outline).toBe("3px");
    await close();
  });

  it("cancels; the client hears access_denied and no code exists", async () => {
    const { page, complaints, close } = await createPerson(browser);
    await page.goto(await authorizationUrl(gateway, client.redirectUri));
    await tabTo(page, /Continue as/);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/consent/);
    await tabTo(page, /^Cancel/);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/callback/);
    const answer = client.answers.at(-1)!;
    expect(answer.get("error")).toBe("access_denied");
    expect(answer.has("code")).toBe(false);
    expect(facts(gateway.events).at(-1)).toBe("consent.denied");
    expect(complaints).toEqual([]);
    await close();
  });
});

describe("a browser that has logged in", () => {
  it("is asked for consent again, but not who it is, for twelve hours (CO-06, CO-07, SB1)", async () => {
    const { page, close } = await createPerson(browser);
    await page.goto(await authorizationUrl(gateway, client.redirectUri));
    await page.getByRole("button", { name: /Continue as/ }).click();
    await page.waitForURL(/\/consent/);

    await page.goto(await authorizationUrl(gateway, client.redirectUri));
    expect(page.url()).toContain("/consent");
    await page.goto(
      await authorizationUrl(gateway, client.redirectUri, { parameters: { prompt: "login" } }),
    );
    expect(page.url()).toContain("/login");
    gateway.clock.advance(43_201);
    await page.goto(await authorizationUrl(gateway, client.redirectUri));
    expect(page.url()).toContain("/login");
    await close();
  });

  it("may say that it is somebody else (CO-12)", async () => {
    const { page, complaints, close } = await createPerson(browser);
    await page.goto(await authorizationUrl(gateway, client.redirectUri));
    await page.getByRole("button", { name: /Continue as/ }).click();
    await page.getByRole("button", { name: "Not you?" }).click();
    await page.waitForURL(/\/login/);
    await page.goto(await authorizationUrl(gateway, client.redirectUri));
    expect(page.url()).toContain("/login");
    expect(complaints).toEqual([]);
    await close();
  });

  it("keeps two tabs apart, whichever comes first (ID-04)", async () => {
    const other = await listenAsClient();
    const { page, close } = await createPerson(browser);
    const second = await page.context().newPage();
    // Both begin before either has an answer, as clients do that start together.
    await Promise.all([
      page.goto(await authorizationUrl(gateway, client.redirectUri)),
      second.goto(await authorizationUrl(gateway, other.redirectUri)),
    ]);
    const before = client.answers.length;
    await page.getByRole("button", { name: /Continue as/ }).click();
    await second.getByRole("button", { name: /Continue as/ }).click();
    await second.getByRole("button", { name: "Allow" }).click();
    await second.waitForURL(/\/callback/);
    await page.getByRole("button", { name: "Allow" }).click();
    await page.waitForURL(/\/callback/);
    expect(client.answers.length).toBe(before + 1);
    expect(other.answers.length).toBe(1);
    await close();
    await other.close();
  });
});

describe("a client that leads on from its callback", () => {
  it("may show a page elsewhere: the browser follows to the end", async () => {
    const elsewhere = "https://127.0.0.1:1/done";
    const site = await serveSite(() => "", elsewhere);
    const { page, complaints, close } = await createPerson(browser);
    await page.goto(await authorizationUrl(gateway, `${site.url}callback`));
    await page.getByRole("button", { name: /Continue as/ }).click();
    const followed = page.waitForRequest(elsewhere);
    await page.getByRole("button", { name: "Allow" }).click();
    await followed;
    expect(complaints.filter((complaint) => complaint.includes("form-action"))).toEqual([]);
    await close();
    await site.close();
  });
});

describe("a client that is an app with a scheme of its own", () => {
  it("is opened by the browser: no policy of ours stands in the way", async () => {
    const { page, complaints, close } = await createPerson(browser);
    await page.goto(
      await authorizationUrl(gateway, "cursor://anysphere.cursor-mcp/oauth/callback"),
    );
    await page.getByRole("button", { name: /Continue as/ }).click();
    const before = gateway.events.length;
    const answered = page.waitForResponse(`${gateway.url}/consent`);
    await page.getByRole("button", { name: "Allow" }).click();
    expect((await answered).headers()["location"]).toMatch(/^cursor:\/\/.*[?&]code=/);
    await page.waitForTimeout(300); // nobody tells when Chromium has handed the link to the system
    expect(facts(gateway.events.slice(before))).toEqual(["consent.given"]);
    expect(complaints.filter((complaint) => complaint.includes("form-action"))).toEqual([]);
    await close();
  });
});

describe("a gateway that can be reached from elsewhere", () => {
  it("asks for the code in the terminal, whatever its case, and refuses a wrong one", async () => {
    const reachable = await startGateway({ config: { listen: { host: "0.0.0.0", port: 0 } } });
    const { page, complaints, close } = await createPerson(browser);
    await page.goto(await authorizationUrl(reachable, client.redirectUri));
    expect(reachable.codes).toHaveLength(1);
    const [code] = reachable.codes;
    expect(code).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);

    // The field has the focus already.
    await page.keyboard.type("BBBB-BBBB");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    expect(await page.getByLabel("Code in the terminal").getAttribute("aria-invalid")).toBe("true");
    expect(reachable.codes).toHaveLength(1);
    await page.keyboard.type(code!.toLowerCase().replace("-", " "));
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/consent/);
    expect(complaints).toEqual([]);
    expect(reachable.logged()).not.toContain(code);
    await close();
    await reachable.close();
  });
});
