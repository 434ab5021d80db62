/**
 * Login with an identity provider that has pages of its own, and the limits of one that has not. The endpoints run behind
 * real sockets; the provider is a puppet.
 */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import express from "express";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OAuthError } from "../../../../src/errors.ts";
import { randomToken } from "../../../../src/random.ts";
import type { IdentityProvider } from "../../../../src/server/identity/identity-provider.ts";
import { createLocalProvider } from "../../../../src/server/identity/local.ts";
import { registerRoutes } from "../../../../src/server/routes.ts";
import { createFormBrowser, type FormBrowser, type Page } from "../../../support/form-browser.ts";
import { createServerContext, type TestContext } from "../../../support/server-context.ts";

const REDIRECT_URI = "http://127.0.0.1:1/callback";

let server: Server;
let context: TestContext;
let codes: string[];
let finished: URL[];

/** Says yes unless the answer carries `error`; breaks when it carries `broken`. */
const puppet: IdentityProvider = {
  name: "puppet",
  async begin({ callback, state }) {
    const location = new URL("https://idp.example/authorize");
    location.search = new URLSearchParams({ redirect_uri: callback.href, state }).toString();
    return { location, pending: { nonce: "n" } };
  },
  async finish(callback, pending) {
    finished.push(callback);
    expect(pending).toEqual({ nonce: "n" });
    const error = callback.searchParams.get("error_description");
    if (error !== null) throw new OAuthError("access_denied", error);
    if (callback.searchParams.has("broken")) throw new Error("no route to host");
    return { subject: "puppet:1", name: "Ada" };
  },
};

beforeEach(async () => {
  codes = [];
  finished = [];
  server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  context = await createServerContext({ publicUrl: `http://127.0.0.1:${port}` });
  const local = createLocalProvider({
    name: "local",
    requireCode: true,
    announce: (code) => codes.push(code),
    clock: context.clock,
    user: "ada",
  });
  const app = express();
  app.set("query parser", false);
  registerRoutes(app, {
    ...context,
    identityProviders: new Map([puppet, local].map((provider) => [provider.name, provider])),
  });
  server.on("request", (request, response) => void app(request, response));
  await context.store.put("client", "client", {
    clientId: "client",
    metadata: {
      redirect_uris: [REDIRECT_URI],
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code"],
      response_types: ["code"],
      client_name: "Client",
    },
    registeredAt: 0,
    via: "registration",
  });
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await context.close();
});

function begin(browser: FormBrowser, parameters: Record<string, string> = {}): Promise<Page> {
  const url = new URL(`${context.issuer}/authorize`);
  url.search = new URLSearchParams({
    response_type: "code",
    client_id: "client",
    redirect_uri: REDIRECT_URI,
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    code_challenge_method: "S256",
    state: "xyz",
    ...parameters,
  }).toString();
  return browser.open(url);
}

/** Choose a provider on the login page. */
function choose(browser: FormBrowser, page: Page, provider: string): Promise<Page> {
  const href = new RegExp(`href="([^"]*provider=${provider})"`).exec(page.text)![1]!;
  return browser.open(new URL(href.replaceAll("&amp;", "&"), page.url));
}

async function atProvider(browser: FormBrowser): Promise<string> {
  const { left } = await choose(browser, await begin(browser), "puppet");
  expect(left!.origin).toBe("https://idp.example");
  expect(left!.searchParams.get("redirect_uri")).toBe(`${context.issuer}/callback/puppet`);
  return left!.searchParams.get("state")!;
}

const callback = (parameters: Record<string, string>, name = "puppet"): string =>
  `${context.issuer}/callback/${name}?${new URLSearchParams(parameters).toString()}`;

describe("the answer of an identity provider (RFC 9700 §4.7)", () => {
  it("leads to consent, with a login session that is new", async () => {
    const browser = createFormBrowser();
    const { port } = new URL(context.issuer);
    const planted = randomToken();
    browser.cookies.set(`mcp-gateway-${port}-login`, planted);
    const state = await atProvider(browser);
    const page = await browser.open(callback({ state, code: "c" }));
    expect(page.url.pathname).toBe("/consent");
    expect(page.text).toContain("Ada");
    expect(browser.cookies.get(`mcp-gateway-${port}-login`)).not.toBe(planted);
    expect(context.happened).toContainEqual(
      expect.objectContaining({ type: "login.succeeded", subject: "puppet:1" }),
    );
    const { left } = await browser.press(page, /Allow/);
    expect(left!.href.startsWith(REDIRECT_URI)).toBe(true);
    expect(left!.searchParams.get("code")).toMatch(/^[\w-]{43}$/);
  });

  it("rotates the login session: the one before ends", async () => {
    const browser = createFormBrowser();
    await browser.open(callback({ state: await atProvider(browser) }));
    const [before] = (await context.store.list("loginSession")).items;
    const { left } = await choose(browser, await begin(browser, { prompt: "login" }), "puppet");
    await browser.open(callback({ state: left!.searchParams.get("state")! }));
    const after = (await context.store.list("loginSession")).items;
    expect(after).toHaveLength(1);
    expect(after[0]!.id).not.toBe(before!.id);
  });

  it("counts once", async () => {
    const browser = createFormBrowser();
    const state = await atProvider(browser);
    await browser.open(callback({ state }));
    expect((await browser.open(callback({ state }))).status).toBe(400);
    expect(finished).toHaveLength(1);
  });

  it("counts once, also when it comes eight times in one instant", async () => {
    const browser = createFormBrowser();
    const state = await atProvider(browser);
    const pages = await Promise.all(
      Array.from({ length: 8 }, () => browser.open(callback({ state }))),
    );
    expect(pages.filter((page) => page.url.pathname === "/consent")).toHaveLength(1);
    expect(finished).toHaveLength(1);
  });

  it("is refused in another browser, and the right one may still use it", async () => {
    const browser = createFormBrowser();
    const state = await atProvider(browser);
    const other = createFormBrowser();
    await begin(other);
    expect((await other.open(callback({ state }))).status).toBe(400);
    expect((await browser.open(callback({ state }))).url.pathname).toBe("/consent");
  });

  it.each([
    ["another state of the same interaction", (state: string) => callback({ state: `${state}x` })],
    ["no state", () => callback({})],
    ["only the handle", (state: string) => callback({ state: state.split(".")[0]! })],
    ["another provider", (state: string) => callback({ state }, "local")],
    ["two states", (state: string) => `${callback({ state })}&state=${state}`],
  ])("is refused with %s", async (_case, url) => {
    const browser = createFormBrowser();
    const state = await atProvider(browser);
    expect((await browser.open(url(state))).status).toBe(400);
    expect(finished).toHaveLength(0);
  });

  it("is worthless once another login has begun", async () => {
    const browser = createFormBrowser();
    const start = await begin(browser);
    const first = await choose(browser, start, "puppet");
    await choose(browser, start, "puppet");
    const state = first.left!.searchParams.get("state")!;
    expect((await browser.open(callback({ state }))).status).toBe(400);
  });

  it("tells the client of a no, once, and ends the interaction", async () => {
    const browser = createFormBrowser();
    const state = await atProvider(browser);
    const no = { state, error: "access_denied", error_description: "<script>" };
    const { left } = await browser.open(callback(no));
    expect(left!.href.startsWith(REDIRECT_URI)).toBe(true);
    expect(left!.searchParams.get("error")).toBe("access_denied");
    expect(left!.searchParams.get("state")).toBe("xyz");
    expect((await context.store.list("interaction")).items).toHaveLength(0);
    expect(context.happened).toContainEqual(
      expect.objectContaining({ type: "login.failed", provider: "puppet" }),
    );
  });

  it("shows a page when the provider is broken, and the person may try again", async () => {
    const browser = createFormBrowser();
    const start = await begin(browser);
    const { left } = await choose(browser, start, "puppet");
    const broken = { state: left!.searchParams.get("state")!, broken: "1" };
    const page = await browser.open(callback(broken));
    expect(page.status).toBe(500);
    expect(page.text).not.toContain("no route to host");
    const again = await choose(browser, start, "puppet");
    const state = again.left!.searchParams.get("state")!;
    expect((await browser.open(callback({ state }))).url.pathname).toBe("/consent");
  });
});

describe("the forms of the consent page (CSP form-action)", () => {
  it.each([
    ["http://127.0.0.1:1/callback", "'self' http://127.0.0.1:1 https:"],
    ["http://[::1]:1/callback", "'self' http: https:"],
    ["https://claude.ai/api/mcp/auth_callback", "'self' https://claude.ai https: claude:"],
    ["cursor://anysphere.cursor-mcp/oauth/callback", "'self' cursor:"],
  ])("may lead to %s and on from there", async (redirectUri, sources) => {
    const client = (await context.store.get("client", "client"))!;
    const metadata = { ...client.metadata, redirect_uris: [redirectUri] };
    await context.store.put("client", "client", { ...client, metadata });
    const browser = createFormBrowser();
    const start = await begin(browser, { redirect_uri: redirectUri });
    const { left } = await choose(browser, start, "puppet");
    const page = await browser.open(callback({ state: left!.searchParams.get("state")! }));
    const policy = page.headers.get("content-security-policy")!.split("; ");
    expect(policy).toContain(`form-action ${sources}`);
  });
});

describe("a code that must be typed", () => {
  it("may be tried five times, however many tries come at once", async () => {
    const browser = createFormBrowser();
    const page = await choose(browser, await begin(browser), "local");
    const tries = await Promise.all(
      Array.from({ length: 12 }, () => browser.press(page, /Continue/, { code: "BBBB-BBBB" })),
    );
    expect(tries.filter(({ status }) => status !== 403 && status !== 400)).toEqual([]);
    expect(context.happened.filter(({ type }) => type === "login.failed")).toHaveLength(5);
    const late = await browser.press(page, /Continue/, { code: codes[0]! });
    expect(late.status).toBe(400);
    expect((await context.store.list("loginSession")).items).toHaveLength(0);
  });

  it("is not looked at on the sixth try, even if it is right", async () => {
    const browser = createFormBrowser();
    const page = await choose(browser, await begin(browser), "local");
    const [right] = codes;
    const wrong = Array.from({ length: 5 }, () => "CCCC-CCCC");
    const tries = await Promise.all(
      [...wrong, right!].map((code) => browser.press(page, /Continue/, { code })),
    );
    const isIn = tries.some(({ url }) => url.pathname === "/consent");
    const failures = context.happened.filter(({ type }) => type === "login.failed").length;
    // Whichever came first: five were looked at, and the right one only if it was among them.
    expect(failures + (isIn ? 1 : 0)).toBeLessThanOrEqual(5);
  });

  it("is not taken from a URL", async () => {
    const browser = createFormBrowser();
    const page = await choose(browser, await begin(browser), "local");
    const state = /name="state" value="([^"]*)"/.exec(page.text)![1]!;
    expect((await browser.open(callback({ state, code: codes[0]! }, "local"))).status).toBe(400);
  });

  it("is not stored, nor is the state", async () => {
    const browser = createFormBrowser();
    const page = await choose(browser, await begin(browser), "local");
    const state = /name="state" value="([^"]*)"/.exec(page.text)![1]!;
    const csrf = /name="csrf" value="([^"]*)"/.exec(page.text)![1]!;
    const stored = JSON.stringify(await context.store.list("interaction"));
    const secrets = [codes[0]!, codes[0]!.replace("-", ""), state.split(".")[1]!, csrf];
    for (const secret of [...secrets, ...browser.cookies.values()]) {
      expect(stored).not.toContain(secret);
    }
  });
});

describe("an interaction", () => {
  it("leaves at most eight cookies in the browser, the newest", async () => {
    const browser = createFormBrowser();
    const pages: Page[] = [];
    for (let tab = 0; tab < 12; tab++) pages.push(await begin(browser));
    expect(browser.cookies.size).toBe(8);
    const first = await browser.open(pages[0]!.url);
    const last = await browser.open(pages[11]!.url);
    expect([first.status, last.status]).toEqual([400, 200]);
  });

  it("ends without a code when its client is revoked meanwhile", async () => {
    const browser = createFormBrowser();
    const page = await browser.open(callback({ state: await atProvider(browser) }));
    await context.store.delete("client", "client");
    const answer = await browser.press(page, /Allow/);
    expect(answer.status).toBe(400);
    expect(answer.left).toBeUndefined();
    expect((await context.store.list("authorizationCode")).items).toHaveLength(0);
  });

  it("is not decided by GET, nor by any other word", async () => {
    const browser = createFormBrowser();
    const page = await browser.open(callback({ state: await atProvider(browser) }));
    const csrf = /name="csrf" value="([^"]*)"/.exec(page.text)![1]!;
    const read = await browser.open(`${page.url.href}&decision=allow&csrf=${csrf}`);
    expect(read.url.pathname).toBe("/consent");
    const odd = await browser.press(page, /Allow/, { decision: "Allow" });
    expect(odd.status).toBe(400);
    expect((await context.store.list("authorizationCode")).items).toHaveLength(0);
  });
});
