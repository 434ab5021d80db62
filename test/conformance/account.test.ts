/** The account page: what clients hold in a person's name, ended by the person. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFormBrowser, type FormBrowser, type Page } from "../support/form-browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { initialize, post } from "../support/mcp-session.ts";
import {
  ask,
  authorizationUrl,
  obtainCode,
  opens,
  pageOf,
  registered,
  requestToken,
  tokensOf,
  type Tokens,
} from "../support/raw-client.ts";

const WEB = "https://client.example/callback";

let gateway: TestGateway;
let browser: FormBrowser;

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

/** A client that the person of `browser` has allowed, with its tokens. */
async function allowed(name: string, by = browser): Promise<{ clientId: string; tokens: Tokens }> {
  const client = await registered(gateway, {
    redirect_uris: [WEB],
    client_name: name,
    token_endpoint_auth_method: "none",
  });
  const { form } = await obtainCode(gateway, client, {}, by);
  return {
    clientId: client.client_id,
    tokens: await tokensOf(await requestToken(gateway, form)),
  };
}

const open = (by = browser): Promise<Page> => by.open(`${gateway.url}/account`);

const cookieOf = ({ cookies }: FormBrowser): string =>
  [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");

const csrfOf = (page: Page): string => /name="csrf" value="([^"]*)"/.exec(page.text)![1]!;

/** The button that ends the access of this client. */
const ending = (name: string): RegExp => new RegExp(`End access[^<]*(?:<[^>]*>)?\\s*of ${name} `);

const submit = (
  fields: Record<string, string>,
  headers: Record<string, string>,
): Promise<Response> =>
  ask(`${gateway.url}/account`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    body: new URLSearchParams(fields).toString(),
  });

describe("the account page", () => {
  it("asks who it is first, and then shows the page that was wanted", async () => {
    browser = createFormBrowser();
    const login = await open();
    expect(login.url.pathname).toBe("/login");
    expect(login.text).toContain("To see your account here");
    const page = await browser.press(login, /Continue/);
    expect(page.url.pathname).toBe("/account");
    expect(page.text).toContain("Nobody at the moment");
  });

  it("shows client, service, abilities and use of each access", async () => {
    await allowed("Shown");
    gateway.clock.advance(3 * 3600);
    const { text } = await open();
    for (const part of ["Shown", "client.example", "echo", "Use the tools", "about 3 hours ago"]) {
      expect(text).toContain(part);
    }
    expect(text).toContain("nobody has verified them");
  });

  it("is of the one person only", async () => {
    const { text } = await open();
    const [, subject] = /class="small code">(local:[^<]+)</.exec(text) ?? [];
    expect(subject).toBeDefined();
    const stranger = await ask(`${gateway.url}/account`, { headers: { cookie: "x=y" } });
    expect(stranger.headers.get("location")).toMatch(/^\/login/);
  });

  it("ends an access with its tokens and sessions at once, and the client has to ask again", async () => {
    const { clientId, tokens } = await allowed("Ended");
    const kept = await allowed("Kept");
    const opened = await post(gateway.resource, initialize(), {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    expect(opened.status).toBe(200);
    const page = await browser.press(await open(), ending("Ended"));
    expect(page.url.pathname).toBe("/account");
    expect(page.text).not.toContain("Ended");
    expect(await opens(gateway, tokens.access_token)).toBe(false);
    expect(await opens(gateway, kept.tokens.access_token)).toBe(true);
    const refreshed = await requestToken(gateway, {
      grant_type: "refresh_token",
      refresh_token: tokens.refresh_token,
      client_id: clientId,
    });
    expect(refreshed.status).toBe(400);
    expect(gateway.events).toContainEqual(
      expect.objectContaining({ type: "grant.ended", clientId, reason: "revoked by person" }),
    );
    await expect.poll(() => gateway.events.some(({ type }) => type === "session.ended")).toBe(true);
    const again = await browser.open(
      authorizationUrl(gateway, { client_id: clientId, redirect_uris: [WEB] }),
    );
    expect(again.url.pathname).toBe("/consent");
  });

  it("ends all of them, those without a grant forgotten too", async () => {
    const one = await allowed("One");
    const two = await allowed("Two");
    const page = await browser.press(await open(), /End all access/);
    expect(page.text).toContain("Nobody at the moment");
    for (const { clientId, tokens } of [one, two]) {
      expect(await opens(gateway, tokens.access_token)).toBe(false);
      const url = authorizationUrl(gateway, { client_id: clientId, redirect_uris: [WEB] });
      expect((await browser.open(url)).url.pathname).toBe("/consent");
    }
  });
});

describe("what is refused on the way", () => {
  it("forged forms: without, with a wrong, and with another browser's token (CO-03)", async () => {
    const { tokens } = await allowed("Guarded");
    const own = await open();
    const other = createFormBrowser();
    const theirs = await other.press(await open(other), /Continue/);
    const cookie = cookieOf(browser);
    for (const csrf of ["", "x".repeat(43), csrfOf(theirs)]) {
      expect(await pageOf(await submit({ csrf, end: "all" }, { cookie }))).toBe(403);
    }
    const csrf = csrfOf(own);
    for (const headers of [
      { origin: "https://evil.example" },
      { "sec-fetch-site": "cross-site" },
    ]) {
      const answer = await submit({ csrf, end: "all" }, { cookie, ...headers });
      expect(await pageOf(answer)).toBe(403);
    }
    expect(await opens(gateway, tokens.access_token)).toBe(true);
  });

  it("anything by GET (CO-04)", async () => {
    const { tokens } = await allowed("Read");
    const csrf = csrfOf(await open());
    await browser.open(`${gateway.url}/account?csrf=${csrf}&end=all&sign-out=yes`);
    expect(await opens(gateway, tokens.access_token)).toBe(true);
    expect((await open()).url.pathname).toBe("/account");
  });

  it("a grant that is not there, without a word about others", async () => {
    const csrf = csrfOf(await open());
    const answer = await submit({ csrf, end: "nobody" }, { cookie: cookieOf(browser) });
    expect(answer.headers.get("location")).toBe("/account");
  });

  it("a way to the page that began in another browser, or leads elsewhere (ID-02, ID-20)", async () => {
    const first = createFormBrowser();
    const login = await open(first);
    const fields = Object.fromEntries(
      [...login.text.matchAll(/name="(state|csrf)" value="([^"]*)"/g)].map(([, k, v]) => [k, v!]),
    );
    const body = new URLSearchParams(fields as Record<string, string>);
    const stolen = await ask(`${gateway.url}/callback/local`, { method: "POST", body });
    expect(await pageOf(stolen)).toBe(400);
    const page = await first.press(login, /Continue/, { page: "//evil.example", next: "/evil" });
    expect(page.url.href).toBe(`${gateway.url}/account`);
  });

  it("consent for a visit that no client has begun", async () => {
    const visitor = createFormBrowser();
    const login = await open(visitor);
    const handle = /interaction=([\w-]{22})/.exec(login.url.href)![1]!;
    const answer = await ask(`${gateway.url}/consent?interaction=${handle}`, {
      headers: { cookie: cookieOf(visitor) },
    });
    expect(await pageOf(answer)).toBe(400);
  });
});

describe("signing out", () => {
  it("ends the login in this browser, and no access (CO-12)", async () => {
    const { tokens } = await allowed("Stays");
    const before = cookieOf(browser);
    const page = await browser.press(await open(), /Sign out/);
    expect(page.text).toContain("You are signed out");
    const old = await ask(`${gateway.url}/account`, { headers: { cookie: before } });
    expect(old.headers.get("location")).toMatch(/^\/login/);
    expect((await open()).url.pathname).toBe("/login");
    expect(await opens(gateway, tokens.access_token)).toBe(true);
  });
});
