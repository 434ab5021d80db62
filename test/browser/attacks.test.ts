/**
 * What other people's pages, other browsers and impatient fingers can do to a login: nothing. RFC 6749 §10.12, RFC 9700 §4.7.
 */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  authorizationUrl,
  createPerson,
  launchBrowser,
  listenAsClient,
  serveSite,
  type ClientListener,
  type Person,
} from "../support/browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";

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

/** Somebody who stands before the consent page. */
async function atConsent(): Promise<Person> {
  const person = await createPerson(browser);
  await person.page.goto(await authorizationUrl(gateway, client.redirectUri));
  await person.page.getByRole("button", { name: /Continue as/ }).click();
  await person.page.waitForURL(/\/consent/);
  return person;
}

const consentsGiven = (): number =>
  gateway.events.filter((event) => event.type === "consent.given").length;

describe("an interaction", () => {
  it("is worth nothing in another browser (AZ-42, ID-02, SB5, A21)", async () => {
    const victim = await atConsent();
    const thief = await createPerson(browser);
    const answer = await thief.page.goto(victim.page.url());
    expect(answer!.status()).toBe(400);
    await thief.page.goto(await authorizationUrl(gateway, client.redirectUri));
    const fields = await formFields(victim);
    const posted = await thief.page.request.post(`${gateway.url}/consent`, {
      form: { ...fields, decision: "allow" },
      maxRedirects: 0,
    });
    expect(posted.status()).toBe(400);
    expect(await victim.page.reload().then((response) => response!.status())).toBe(200);
    await victim.close();
    await thief.close();
  });

  it("ends after ten minutes", async () => {
    const { page, close } = await atConsent();
    gateway.clock.advance(601);
    await page.getByRole("button", { name: "Allow" }).click();
    expect(await page.getByRole("heading").innerText()).toBe("This login is over");
    await close();
  });

  it("gives one code at most, however often it is submitted at once (CO-05)", async () => {
    const person = await atConsent();
    const form = { ...(await formFields(person)), decision: "allow" };
    const before = consentsGiven();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () =>
        person.page.request.post(`${gateway.url}/consent`, { form, maxRedirects: 0 }),
      ),
    );
    expect(answers.map((answer) => answer.status()).toSorted((a, b) => a - b)).toEqual([
      303,
      ...Array.from({ length: 7 }, () => 400),
    ]);
    expect(consentsGiven()).toBe(before + 1);
    await person.close();
  });

  it("cannot be answered again with the back button (CO-05, AZ-42)", async () => {
    const { page, close } = await atConsent();
    const before = client.answers.length;
    await page.getByRole("button", { name: "Allow" }).click();
    await page.waitForURL(/\/callback/);
    await page.goBack();
    expect(await page.getByRole("heading").innerText()).toBe("This login is over");
    expect(client.answers.length).toBe(before + 1);
    await close();
  });

  it("takes nothing from the form but the decision (tampered members change nothing, AZ-41)", async () => {
    const person = await atConsent();
    const answer = await person.page.request.post(`${gateway.url}/consent`, {
      form: {
        ...(await formFields(person)),
        decision: "allow",
        redirect_uri: "https://evil.example/",
        client_id: "evil",
        scope: "gateway:admin",
      },
      maxRedirects: 0,
    });
    expect(answer.status()).toBe(303);
    expect(answer.headers()["location"]!.startsWith(client.redirectUri)).toBe(true);
    await person.close();
  });
});

describe("a consent form", () => {
  it.each([
    ["without its token", { csrf: "" }, {}],
    ["with a guessed token", { csrf: "A".repeat(43) }, {}],
    ["with a foreign Origin", {}, { origin: "https://evil.example" }],
    ["with Sec-Fetch-Site: cross-site", {}, { "sec-fetch-site": "cross-site" }],
    ["with Sec-Fetch-Site: same-site", {}, { "sec-fetch-site": "same-site" }],
  ])("%s is refused and the interaction lives on (CO-03, SB2)", async (_name, fields, headers) => {
    const person = await atConsent();
    const before = consentsGiven();
    const answer = await person.page.request.post(`${gateway.url}/consent`, {
      form: { ...(await formFields(person)), decision: "allow", ...fields },
      headers,
      maxRedirects: 0,
    });
    expect(answer.status()).toBe(403);
    expect(answer.headers()["location"]).toBeUndefined();
    expect(consentsGiven()).toBe(before);
    expect((await person.page.reload())!.status()).toBe(200);
    await person.close();
  });

  it("with the token of another interaction of the same browser is refused (CO-03)", async () => {
    const person = await atConsent();
    const own = await formFields(person);
    await person.page.goto(await authorizationUrl(gateway, client.redirectUri));
    const other = await formFields(person);
    const answer = await person.page.request.post(`${gateway.url}/consent`, {
      form: { ...own, csrf: other["csrf"]!, decision: "allow" },
      maxRedirects: 0,
    });
    expect(answer.status()).toBe(403);
    await person.close();
  });

  it("posted by another site's page does nothing, even with the right token (CO-03)", async () => {
    const person = await atConsent();
    const fields = { ...(await formFields(person)), decision: "allow" };
    const inputs = Object.entries(fields).map(
      ([name, value]) => `<input type="hidden" name="${name}" value="${value}">`,
    );
    const evil = await serveSite(
      () =>
        `<form method="post" action="${gateway.url}/consent">${inputs.join("")}<button>Win</button></form>`,
    );
    const before = consentsGiven();
    await person.page.goto(evil.url);
    await person.page.getByRole("button", { name: "Win" }).click();
    await person.page.waitForURL(`${gateway.url}/consent`);
    expect(consentsGiven()).toBe(before);
    expect(await person.page.getByRole("heading").innerText()).toMatch(/over|not come from us/);
    await person.close();
    await evil.close();
  });

  it("cannot be framed (CO-11, SB2)", async () => {
    const person = await atConsent();
    const evil = await serveSite(() => `<iframe src="${person.page.url()}"></iframe>`);
    await person.page.goto(evil.url);
    const frame = person.page.frames().at(-1)!;
    expect((await frame.content()).includes("ERR_BLOCKED_BY_RESPONSE")).toBe(true);
    expect(await frame.locator("button[value=allow]").count()).toBe(0);
    await person.close();
    await evil.close();
  });
});

async function formFields({ page }: Person): Promise<Record<string, string>> {
  const form = page.locator("form", { has: page.locator("button[value=allow]") });
  const fields: Record<string, string> = {};
  for (const input of await form.locator("input").all()) {
    fields[(await input.getAttribute("name")) ?? ""] = (await input.getAttribute("value")) ?? "";
  }
  return fields;
}
