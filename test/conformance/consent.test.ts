/** Login and consent as programs attack them: forged forms, planted cookies, replayed steps. MCP security best practices. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFormBrowser, type FormBrowser, type Page } from "../support/form-browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  ask,
  authorizationUrl,
  pageOf,
  registered,
  type RawClient,
} from "../support/raw-client.ts";

let gateway: TestGateway;
let client: RawClient;

beforeAll(async () => {
  gateway = await startGateway();
  client = await registered(gateway, { client_name: "Trusty" });
});
afterAll(() => gateway.close());

interface AtConsent {
  browser: FormBrowser;
  page: Page;
  /** What the form sends but for the decision. */
  fields: Record<string, string>;
}

async function atConsent(of = client, browser = createFormBrowser()): Promise<AtConsent> {
  let page = await browser.open(authorizationUrl(gateway, of));
  if (/Continue/.test(page.text)) page = await browser.press(page, /Continue/);
  const fields = Object.fromEntries(
    [...page.text.matchAll(/name="(interaction|csrf)" value="([^"]*)"/g)].map(([, k, v]) => [k, v]),
  );
  return { browser, page, fields };
}

const cookieOf = ({ cookies }: FormBrowser): string =>
  [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");

const submit = (
  fields: Record<string, string>,
  headers: Record<string, string>,
): Promise<Response> =>
  ask(`${gateway.url}/consent`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    body: new URLSearchParams({ decision: "allow", ...fields }).toString(),
  });

const given = (): number => gateway.events.filter(({ type }) => type === "consent.given").length;

describe("the consent page", () => {
  it("names client, redirect host, scopes, service and person, and doubts the name (CO-02, SB2, A20)", async () => {
    const { page } = await atConsent();
    for (const text of [
      "Trusty",
      "Nobody has verified it",
      '<p class="host">127.0.0.1:49152</p>',
      gateway.resource,
      "Logged in as",
      new URL(gateway.url).host,
    ]) {
      expect(page.text).toContain(text);
    }
    expect(page.text).toMatch(/<ul class="scopes">\s*<li>/);
  });

  it("warns of a redirect to this computer, and asks again at the second login (A22, SB15)", async () => {
    const first = await atConsent();
    expect(first.page.text).toContain("Any program on this computer could be listening there");
    const allowed = await first.browser.press(first.page, /Allow/);
    expect(allowed.left?.searchParams.has("code")).toBe(true);
    const second = await atConsent(client, first.browser);
    expect(second.page.left).toBeUndefined();
    expect(second.page.text).toContain("Any program on this computer could be listening there");
  });

  it("is asked for a client that copies the name of an allowed one (CO-07, SB1)", async () => {
    const { browser, page } = await atConsent();
    await browser.press(page, /Allow/);
    const copy = await registered(gateway, { client_name: "Trusty" });
    const { page: other } = await atConsent(copy, browser);
    expect(other.left).toBeUndefined();
    expect(other.text).toContain("asks to use");
  });

  it("lets forms lead to the one redirect origin, and no script run (CO-11)", async () => {
    const { page } = await atConsent();
    const policy = page.headers.get("content-security-policy")!;
    expect(policy).toMatch(/default-src 'none'/);
    expect(policy).toMatch(/form-action 'self' http:\/\/127\.0\.0\.1:49152 https:;/);
    expect(policy).not.toMatch(/script-src|unsafe/);
    expect(page.text).not.toMatch(/<script|\son\w+=/);
  });

  it("has no CORS, whatever the origin (CR-02)", async () => {
    const { browser, page } = await atConsent();
    for (const path of ["/consent", "/login", "/callback/local", "/authorize"]) {
      for (const method of ["GET", "OPTIONS", "POST"]) {
        const response = await ask(`${gateway.url}${path}${page.url.search}`, {
          method,
          headers: { origin: "https://evil.example", cookie: cookieOf(browser) },
        });
        expect(response.headers.has("access-control-allow-origin")).toBe(false);
      }
    }
  });
});

describe("a decision", () => {
  it.each<[string, Record<string, string>, Record<string, string>]>([
    ["without the token", { csrf: "" }, {}],
    ["with another token", { csrf: "A".repeat(43) }, {}],
    ["from another origin", {}, { origin: "https://evil.example" }],
    ["from another site", {}, { "sec-fetch-site": "cross-site" }],
  ])("%s is 403 and decides nothing (CO-03)", async (_, wrong, headers) => {
    const { browser, fields } = await atConsent();
    const before = given();
    const cookie = cookieOf(browser);
    expect(await pageOf(await submit({ ...fields, ...wrong }, { cookie, ...headers }))).toBe(403);
    expect(given()).toBe(before);
    expect((await submit(fields, { cookie })).status).toBe(303);
  });

  it("with another interaction's token is 403 (CO-03)", async () => {
    const mine = await atConsent();
    const { fields } = await atConsent(client, mine.browser);
    const mixed = { ...mine.fields, csrf: fields["csrf"]! };
    expect(await pageOf(await submit(mixed, { cookie: cookieOf(mine.browser) }))).toBe(403);
  });

  it("cannot be made by GET (CO-04)", async () => {
    const { browser, fields } = await atConsent();
    const before = given();
    const query = new URLSearchParams({ ...fields, decision: "allow" }).toString();
    for (const method of ["GET", "HEAD", "PUT"]) {
      const response = await ask(`${gateway.url}/consent?${query}`, {
        method,
        headers: { cookie: cookieOf(browser) },
      });
      expect(response.headers.has("location")).toBe(false);
    }
    expect(given()).toBe(before);
  });

  it("is made once: submitted at once, twice, or against an earlier no (CO-05)", async () => {
    const { browser, fields } = await atConsent();
    const headers = { cookie: cookieOf(browser) };
    const answers = await Promise.all(Array.from({ length: 10 }, () => submit(fields, headers)));
    expect(answers.map(({ status }) => status).filter((status) => status === 303)).toHaveLength(1);
    const other = await atConsent();
    const denied = await submit(
      { ...other.fields, decision: "cancel" },
      { cookie: cookieOf(other.browser) },
    );
    expect(denied.headers.get("location")).toContain("error=access_denied");
    const late = await submit(other.fields, { cookie: cookieOf(other.browser) });
    expect(await pageOf(late)).toBe(400);
  });

  it("is about the stored request, whatever the form says besides (AZ-41)", async () => {
    const { browser, fields } = await atConsent();
    const more = {
      redirect_uri: "https://evil.example/",
      client_id: "x",
      scope: "x",
      resource: "x",
    };
    const response = await submit({ ...fields, ...more }, { cookie: cookieOf(browser) });
    expect(response.headers.get("location")).toMatch(
      /^http:\/\/127\.0\.0\.1:49152\/callback\?code=/,
    );
  });

  it("belongs to the browser in which it began (AZ-42, ID-02, SB5, A21)", async () => {
    const victim = await atConsent();
    const thief = await atConsent();
    for (const cookie of [undefined, cookieOf(thief.browser)]) {
      const headers: Record<string, string> = cookie === undefined ? {} : { cookie };
      expect(await pageOf(await submit(victim.fields, headers))).toBe(400);
      expect(await pageOf(await ask(victim.page.url, { headers }))).toBe(400);
    }
  });
});

describe("the answer of an identity provider", () => {
  /** The form that stands for one, as the login page shows it. */
  async function atLogin(): Promise<{ browser: FormBrowser; fields: Record<string, string> }> {
    const browser = createFormBrowser();
    const page = await browser.open(authorizationUrl(gateway, client));
    const fields = Object.fromEntries(
      [...page.text.matchAll(/name="(state|csrf)" value="([^"]*)"/g)].map(([, k, v]) => [k, v]),
    );
    return { browser, fields };
  }
  const answer = (fields: Record<string, string>, cookie: string): Promise<Response> =>
    ask(`${gateway.url}/callback/local`, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", cookie },
      body: new URLSearchParams(fields).toString(),
    });

  it("is taken once (ID-19)", async () => {
    const { browser, fields } = await atLogin();
    const cookie = cookieOf(browser);
    expect((await answer(fields, cookie)).status).toBe(303);
    expect(await pageOf(await answer(fields, cookie))).toBe(400);
  });

  it("needs the state and the cookie of one and the same browser (ID-02, ID-04, SB5)", async () => {
    const mine = await atLogin();
    const theirs = await atLogin();
    expect(await pageOf(await answer(mine.fields, cookieOf(theirs.browser)))).toBe(400);
    expect(await pageOf(await answer(mine.fields, ""))).toBe(400);
    const { state: _, ...without } = mine.fields;
    expect(await pageOf(await answer(without, cookieOf(mine.browser)))).toBe(400);
    const mixed = { ...mine.fields, state: theirs.fields["state"]! };
    expect(await pageOf(await answer(mixed, cookieOf(mine.browser)))).toBe(400);
    expect((await answer(mine.fields, cookieOf(mine.browser))).status).toBe(303);
  });

  it.each(["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])(
    "leads to consent and nowhere else, whatever %s says (ID-20)",
    async (target) => {
      const { browser, fields } = await atLogin();
      const more = { next: target, return: target, redirect_uri: target, return_to: target };
      const response = await answer({ ...fields, ...more }, cookieOf(browser));
      expect(response.headers.get("location")).toMatch(/^\/consent\?interaction=[\w-]{22}$/);
    },
  );
});

describe("cookies (CO-09, SB3)", () => {
  it("are opaque, HttpOnly, SameSite=Lax and for no domain", async () => {
    const response = await ask(authorizationUrl(gateway, client));
    const [cookie, ...more] = response.headers.getSetCookie();
    expect(more).toEqual([]);
    expect(cookie).toMatch(
      /^mcp-gateway-\d+-interaction-[\w-]{22}=[\w-]{43}; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/,
    );
  });

  it("of a login session are new at each login; what was planted before is worth nothing (ID-16, CO-10)", async () => {
    const browser = createFormBrowser();
    const first = await atConsent(client, browser);
    const name = [...browser.cookies.keys()].find((key) => !key.includes("interaction"))!;
    const planted = "A".repeat(43);
    const other = createFormBrowser();
    other.cookies.set(name, planted);
    const login = await other.open(authorizationUrl(gateway, client));
    expect(login.text).toContain("Continue");
    const at = await other.press(login, /Continue/);
    expect(at.text).toContain("asks to use");
    expect(other.cookies.get(name)).not.toBe(planted);
    expect(other.cookies.get(name)).not.toBe(first.browser.cookies.get(name));
    const stranger = await ask(authorizationUrl(gateway, client), {
      headers: { cookie: `${name}=${planted}` },
    });
    expect(stranger.headers.get("location")).toMatch(/^\/login/);
  });

  it("that come twice, or too long, are nobody's (CO-10)", async () => {
    const { browser, page } = await atConsent();
    const [name, value] = [...browser.cookies].find(([key]) => key.includes("interaction"))!;
    for (const cookie of [
      `${name}=${value}; ${name}=${value}`,
      `${name}=${"B".repeat(43)}; ${name}=${value}`,
      `${name}=${value.repeat(100)}`,
      `${name}="${value}"`,
    ]) {
      expect(await pageOf(await ask(page.url, { headers: { cookie } }))).toBe(400);
    }
    const large = `x=${"y".repeat(8000)}; ${name}=${value}`;
    expect((await ask(page.url, { headers: { cookie: large } })).status).toBe(200);
  });

  it("set before consent open no door: the interaction's alone brings no code (ID-03)", async () => {
    const { browser, fields } = await atConsent();
    const before = given();
    const session = cookieOf(browser)
      .split("; ")
      .filter((pair) => !pair.includes("interaction"));
    expect(await pageOf(await submit(fields, { cookie: session.join("; ") }))).toBe(400);
    expect(given()).toBe(before);
  });

  it("of somebody who says it was not them are over (CO-12)", async () => {
    const { browser, page, fields } = await atConsent();
    const old = cookieOf(browser);
    await browser.press(page, /Not you/);
    const again = await ask(authorizationUrl(gateway, client), { headers: { cookie: old } });
    expect(again.headers.get("location")).toMatch(/^\/login/);
    expect(await pageOf(await submit(fields, { cookie: old }))).toBeGreaterThanOrEqual(400);
  });
});
