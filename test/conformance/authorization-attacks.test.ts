/** Redirect URIs near the registered one, and what else an attacker writes into an authorization request. RFC 9700 §4.1. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFormBrowser } from "../support/form-browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  ask,
  authorizationUrl,
  errorOf,
  jsonOf,
  LOOPBACK,
  obtainCode,
  pageOf,
  redirectOf,
  register,
  registered,
  type Fields,
  type RawClient,
} from "../support/raw-client.ts";

let gateway: TestGateway;
let native: RawClient;
let web: RawClient;
const WEB = "https://app.example.com/cb?tenant=a%20b";

beforeAll(async () => {
  gateway = await startGateway();
  native = await registered(gateway);
  web = await registered(gateway, {
    redirect_uris: [WEB],
    token_endpoint_auth_method: "client_secret_basic",
  });
});
afterAll(() => gateway.close());

const authorize = (client: RawClient, fields: Fields): Promise<Response> =>
  ask(authorizationUrl(gateway, client, fields));

describe("the redirect URI of a web client is the registered string and no other (A06, SB4)", () => {
  it.each([
    ["AZ-05", "HTTPS://app.example.com/cb?tenant=a%20b"],
    ["AZ-05", "https://App.Example.COM/cb?tenant=a%20b"],
    ["AZ-05", "https://app.example.com:443/cb?tenant=a%20b"],
    ["AZ-12", "https://app.example.com:8443/cb?tenant=a%20b"],
    ["AZ-05", "https://app.example.com./cb?tenant=a%20b"],
    ["AZ-05", "https://app.example.com/cb?tenant=a+b"],
    ["AZ-05", "https://app.example.com/cb?tenant=a%20b&x=1"],
    ["AZ-05", "https://app.example.com/cb/?tenant=a%20b"],
    ["AZ-05", "https://app.example.com/%63b?tenant=a%20b"],
    ["AZ-05", "https://app.example.com/x/../cb?tenant=a%20b"],
    ["AZ-05", "https://app.example.com/CB?tenant=a%20b"],
    ["AZ-03", "https://app.example.com@evil.example/cb?tenant=a%20b"],
    ["AZ-03", "https://app.example.com\\@evil.example/cb?tenant=a%20b"],
    ["AZ-03", "https://app.example.com/cb?tenant=a%20b#x"],
    ["AZ-03", "https://app.example.com/cb"],
    ["AZ-03", "https:app.example.com/cb?tenant=a%20b"],
    ["AZ-03", "//app.example.com/cb?tenant=a%20b"],
    ["AZ-03", `${WEB}\u0000`],
    ["AZ-03", `${WEB} `],
    ["AZ-03", `\t${WEB}`],
  ])("%s: %j is a page, never a redirect", async (_, redirect_uri) => {
    expect(await pageOf(await authorize(web, { redirect_uri }))).toBe(400);
  });

  it("is appended to, with its own query as it was (AZ-40)", async () => {
    const answer = redirectOf(await authorize(web, { response_type: "x" }), WEB);
    expect(answer).toMatchObject({ tenant: "a b", error: "unsupported_response_type" });
    for (const parameter of ["code=x", "state=x", "iss=x", "error=x", "Code=x"]) {
      const metadata = { redirect_uris: [`https://app.example.com/cb?a=b&${parameter}`] };
      expect(await errorOf(await register(gateway, metadata))).toBe("400 invalid_redirect_uri");
    }
  });
});

describe("the redirect URI of a native client may differ in its port and in nothing else (A06)", () => {
  it.each([
    ["http://127.0.0.1/cb", "http://127.0.0.1:51234/cb"],
    ["http://[::1]/cb", "http://[::1]:51234/cb"],
    ["http://localhost/cb", "http://localhost:51234/cb"],
    ["http://localhost:8080/cb", "http://localhost/cb"],
  ])("%s as %s (AZ-08, AZ-09)", async (registeredUri, redirect_uri) => {
    const client = await registered(gateway, { redirect_uris: [registeredUri] });
    const { form } = await obtainCode(gateway, client, { redirect_uri });
    expect(form["redirect_uri"]).toBe(redirect_uri);
  });

  it.each([
    ["AZ-10", "http://localhost:49152/callback"],
    ["AZ-10", "http://[::1]:49152/callback"],
    ["AZ-10", "https://127.0.0.1:49152/callback"],
    ["AZ-10", `${LOOPBACK}/`],
    ["AZ-10", `${LOOPBACK}?x=1`],
    ["AZ-10", `${LOOPBACK}#x`],
    ["AZ-10", "http://127.0.0.1:49152/%63allback"],
    ["AZ-11", "http://127.0.0.1:1@evil.example/callback"],
    ["AZ-11", "http://127.0.0.1:49152@evil.example/callback"],
    ["AZ-11", "http://127.0.0.1.evil.example:49152/callback"],
    ["AZ-11", "http://127.0.0.2:49152/callback"],
    ["AZ-11", "http://0x7f.1:49152/callback"],
    ["AZ-11", "http://2130706433:49152/callback"],
    ["AZ-11", "http://0.0.0.0:49152/callback"],
    ["AZ-11", "http://127.0.0.1:0/callback"],
    ["AZ-11", "http://127.0.0.1:99999/callback"],
    ["AZ-11", "http://127.0.0.1:49152\\.evil.example/callback"],
    ["AZ-11", "http://127.0.0.1:١/callback"],
  ])("%s: %j is a page, never a redirect", async (_, redirect_uri) => {
    expect(await pageOf(await authorize(native, { redirect_uri }))).toBe(400);
  });
});

describe("markup", () => {
  const MARKUP = [
    '"><img src=x onerror=alert(1)>',
    "<script>alert(1)</script>",
    "{{7*7}}",
    "${7*7}",
  ];

  it.each(MARKUP)("%s in any parameter is shown escaped or not at all (AZ-34)", async (text) => {
    const names = ["client_id", "redirect_uri", "scope", "state", "resource", "prompt", "display"];
    for (const name of names) {
      const response = await authorize(native, { [name]: text });
      const body = await response.text();
      expect(body).not.toContain(text.startsWith("<") || text.startsWith('"') ? text : "49");
      expect(response.headers.get("content-security-policy") ?? "").not.toContain("unsafe");
    }
  });

  it.each(MARKUP)("%s as a client's name is shown escaped (AZ-34, SB12)", async (client_name) => {
    const client = await registered(gateway, { client_name });
    const browser = createFormBrowser();
    const page = await browser.press(
      await browser.open(authorizationUrl(gateway, client)),
      /Continue/,
    );
    expect(page.text).toContain("asks to use");
    expect(page.text).not.toMatch(/<script|<img/);
    expect(page.text).not.toMatch(/>49</);
  });

  it("in an error's description is plain ASCII without quotes (AZ-34)", async () => {
    const response = await register(gateway, { redirect_uris: ['https://a/"><script>ü'] });
    const { error_description } = await jsonOf<{ error_description: string }>(response);
    expect(error_description).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
  });
});

describe("a person who has allowed this client before", () => {
  it.each([{}, { prompt: "consent" }, { prompt: "login" }, { scope: "mcp offline_access" }])(
    "is asked again: %j (AZ-32, CO-06)",
    async (fields) => {
      const browser = createFormBrowser();
      await obtainCode(gateway, native, {}, browser);
      const page = await browser.open(authorizationUrl(gateway, native, fields));
      expect(page.left).toBeUndefined();
      expect(page.text).toMatch(/Allow|Continue/);
    },
  );
});

describe("every page and answer on the way (AZ-37, AZ-39)", () => {
  it("has the headers of a page, and leads on by 303", async () => {
    const browser = createFormBrowser();
    const first = await ask(authorizationUrl(gateway, native));
    expect(first.status).toBe(303);
    const login = await browser.open(authorizationUrl(gateway, native));
    const consent = await browser.press(login, /Continue/);
    const failure = await browser.open(authorizationUrl(gateway, native, { client_id: "x" }));
    for (const { headers } of [login, consent, failure]) {
      expect(headers.get("content-security-policy")).toMatch(
        /default-src 'none'.*frame-ancestors 'none'/,
      );
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("cache-control")).toBe("no-store");
    }
    expect(failure.headers.has("location")).toBe(false);
  });
});
