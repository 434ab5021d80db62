/** The authorization endpoint as a stranger sees it: RFC 6749 §3.1 and §4.1, RFC 9700 §4.1, OpenID Connect Core §3.1.2. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectControl } from "../../src/control.ts";
import { createFormBrowser } from "../support/form-browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  ask,
  authorizationUrl,
  LOOPBACK,
  obtainCode,
  pageOf,
  query,
  redirectOf,
  registered,
  type Fields,
  type RawClient,
} from "../support/raw-client.ts";

let gateway: TestGateway;
let client: RawClient;
const WEB = "https://app.example.com/cb?tenant=a%20b";

beforeAll(async () => {
  gateway = await startGateway();
  client = await registered(gateway);
});
afterAll(() => gateway.close());

const authorize = (fields: Fields = {}, extra = ""): Promise<Response> =>
  ask(`${authorizationUrl(gateway, client, fields).href}${extra}`);

describe("before client and redirect URI are proven: a page, never a redirect (RFC 6749 §4.1.2.1)", () => {
  it.each<[string, Fields, string?]>([
    ["no client_id (AZ-02)", { client_id: undefined }],
    ["an empty client_id", { client_id: "" }],
    ["an unknown client_id", { client_id: "nobody" }],
    ["a client_id of 10 KB", { client_id: "x".repeat(10_000) }],
    ["a client_id that is a URL", { client_id: "https://client.example/metadata" }],
    ["a client_id that is a member of every object", { client_id: "__proto__" }],
    ["client_id[]", { client_id: undefined }, "&client_id[]=x"],
    ["two client_ids", {}, "&client_id=x"],
    ["two equal redirect_uris (AZ-19)", {}, `&redirect_uri=${encodeURIComponent(LOOPBACK)}`],
    ["an unregistered redirect_uri (AZ-03)", { redirect_uri: "https://evil.example/cb" }],
    ["another host of the same machine", { redirect_uri: "http://localhost:49152/callback" }],
    ["another path", { redirect_uri: `${LOOPBACK}/x` }],
    ["user information", { redirect_uri: "http://127.0.0.1:1@evil.example/callback" }],
    [
      "an unknown client, prompt=none and an attacker's redirect_uri (AZ-38)",
      { client_id: "x", prompt: "none", redirect_uri: "https://evil.example" },
    ],
    ["an escape that is not UTF-8", {}, "&x=%ff"],
    [
      "more parameters than anybody needs",
      {},
      Array.from({ length: 60 }, (_, i) => `&y${i}=1`).join(""),
    ],
  ])("%s", async (_, fields, extra) => {
    expect(await pageOf(await authorize(fields, extra))).toBe(400);
  });

  it("no redirect_uri when several are registered", async () => {
    const two = await registered(gateway, { redirect_uris: [LOOPBACK, WEB] });
    expect(
      await pageOf(await ask(authorizationUrl(gateway, two, { redirect_uri: undefined }))),
    ).toBe(400);
  });

  it("the page escapes whatever it shows and forbids scripts and frames (AZ-34, AZ-37)", async () => {
    const response = await authorize({ client_id: '"><script>alert(1)</script>' });
    expect(response.headers.get("content-security-policy")).toMatch(/frame-ancestors 'none'/);
    expect(response.headers.get("content-security-policy")).not.toMatch(/unsafe-inline|script-src/);
    expect(response.headers.get("x-frame-options")).toBe("DENY");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    expect(response.headers.get("cache-control")).toContain("no-store");
    expect(await response.text()).not.toContain("<script>alert");
  });
});

describe("errors go to the proven redirect URI, with state and iss", () => {
  it.each<[string, Fields, string, string?]>([
    ["no response_type (AZ-17)", { response_type: undefined }, "invalid_request"],
    ["response_type=token", { response_type: "token" }, "unsupported_response_type"],
    ["response_type=code token", { response_type: "code token" }, "unsupported_response_type"],
    ["response_type=id_token", { response_type: "id_token" }, "unsupported_response_type"],
    ["response_mode=fragment", { response_mode: "fragment" }, "invalid_request"],
    ["two scopes (AZ-19)", {}, "invalid_request", "&scope=a&scope=b"],
    ["two code_challenges", {}, "invalid_request", "&code_challenge=x"],
    ["a request object (AZ-33)", { request: "eyJhbGciOiJub25lIn0.e30." }, "request_not_supported"],
    [
      "a request_uri (AZ-33)",
      { request_uri: "http://169.254.169.254/" },
      "request_uri_not_supported",
    ],
    ["prompt=none without a login (AZ-30)", { prompt: "none" }, "login_required"],
    ["prompt=none login (AZ-31)", { prompt: "none login" }, "invalid_request"],
    ["a scope that breaks the grammar", { scope: 'a"b' }, "invalid_scope"],
  ])("%s", async (_, fields, error, extra) => {
    expect(redirectOf(await authorize(fields, extra))).toEqual({
      error,
      error_description: expect.stringMatching(/^[\x20-\x7e]+$/),
      state: "s1",
      iss: gateway.url,
    });
  });

  it("does not echo a state that came twice or is endless (AZ-19)", async () => {
    expect(redirectOf(await authorize({}, "&state=s2"))).not.toHaveProperty("state");
    const long = redirectOf(await authorize({ state: "s".repeat(4097) }));
    expect(long).toMatchObject({ error: "invalid_request" });
    expect(long).not.toHaveProperty("state");
  });

  it("answers prompt=none with consent_required where consent is asked every time (AZ-30)", async () => {
    const browser = createFormBrowser();
    await obtainCode(gateway, client, {}, browser);
    const page = await browser.open(authorizationUrl(gateway, client, { prompt: "none" }));
    expect(page.left?.searchParams.get("error")).toBe("consent_required");
  });
});

describe("a valid request", () => {
  it.each([
    ["as it is", {}],
    ["without state", { state: undefined }],
    ["with unknown scopes", { scope: "openid mcp whatever" }],
    ["with an empty scope", { scope: "" }],
    [
      "with another loopback port (RFC 8252 §7.3, AZ-08)",
      { redirect_uri: "http://127.0.0.1:50001/callback" },
    ],
    ["without redirect_uri when one is registered", { redirect_uri: undefined }],
    ["with unknown parameters", { ui_locales: "de", "x[y]": "1", __proto__x: "1" }],
  ])("%s leads to a code", async (_, fields) => {
    const { code } = await obtainCode(gateway, client, fields);
    expect(code).toMatch(/^[\w-]{43}$/);
  });

  it.each(['&<">\r\n%0d%0a', "ü✓ 日本 \u{1f600}", " + %20 ", "a".repeat(4096), "{{7*7}}"])(
    "gets its state back byte for byte: %j (AZ-20)",
    async (state) => {
      expect(redirectOf(await authorize({ state, response_type: "x" }))["state"]).toBe(state);
    },
  );

  it("may come by POST, but not with parameters in the URL too (AZ-35)", async () => {
    const url = authorizationUrl(gateway, client);
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const body = url.search.slice(1);
    const good = await ask(`${gateway.url}/authorize`, { method: "POST", headers, body });
    expect(good.status).toBe(303);
    expect(good.headers.get("location")).toMatch(/^\/login\?/);
    expect(await pageOf(await ask(url, { method: "POST", headers, body }))).toBe(400);
    const json = JSON.stringify(Object.fromEntries(url.searchParams));
    const type = { "content-type": "application/json" };
    expect(
      await pageOf(
        await ask(`${gateway.url}/authorize`, { method: "POST", headers: type, body: json }),
      ),
    ).toBe(400);
  });

  it("is redirected by appending to the redirect URI as registered, by 303 (§3.1.2, AZ-39, AZ-40)", async () => {
    const web = await registered(gateway, {
      redirect_uris: [WEB],
      token_endpoint_auth_method: "none",
    });
    const location = (
      await ask(authorizationUrl(gateway, web, { response_type: "x" }))
    ).headers.get("location");
    expect(location).toMatch(/^https:\/\/app\.example\.com\/cb\?tenant=a%20b&error=/);
  });

  it("of a client that was revoked during the login ends on a page, without a code (AZ-44)", async () => {
    const other = await registered(gateway);
    const browser = createFormBrowser();
    let page = await browser.open(authorizationUrl(gateway, other));
    page = await browser.press(page, /Continue/);
    await connectControl(gateway.stateDirectory).revokeClient(other.client_id);
    page = await browser.press(page, /Allow/);
    expect(page.left).toBeUndefined();
    expect(page.status).toBe(400);
  });

  it("of 100 KB is refused by the HTTP layer (AZ-43)", async () => {
    const response = await authorize({ x: "y".repeat(100_000) });
    expect([414, 431]).toContain(response.status);
  });

  it("never gets CORS headers: no script may drive a login (RFC 9700 §4.17, CR-02)", async () => {
    const response = await ask(authorizationUrl(gateway, client), {
      headers: { origin: "https://a.example" },
    });
    expect(response.headers.has("access-control-allow-origin")).toBe(false);
  });

  it("is answered to GET and POST only", async () => {
    const response = await ask(`${gateway.url}/authorize?${query({ a: "1" })}`, { method: "PUT" });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET, HEAD, POST");
  });
});
