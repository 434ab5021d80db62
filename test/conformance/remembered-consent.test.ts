/**
 * What a person has allowed is not asked again, unless anything grows or the redirect proves nothing about the client. MCP
 * Authorization ("confused deputy"), RFC 8252 §8.6, OpenID Connect Core §3.1.2.6.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createFormBrowser, type FormBrowser } from "../support/form-browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  ask,
  authorizationUrl,
  LOOPBACK,
  obtainCode,
  registered,
  requestToken,
  tokensOf,
  type Fields,
  type RawClient,
} from "../support/raw-client.ts";

const WEB = "https://client.example/callback";
const PUBLIC = { token_endpoint_auth_method: "none" };
const tools = {
  command: "any",
  scopes: { "files:write": { description: "change files", tools: ["write_*"] } },
};

let gateway: TestGateway;
let client: RawClient;
let browser: FormBrowser;
let name: string;
let count = 0;

beforeAll(async () => {
  const tokens = { refreshToken: "2h", grant: "2h" };
  gateway = await startGateway({ config: { tokens, services: { files: tools } } });
});
afterAll(() => gateway.close());

/** Each test has a client and a browser that has allowed it once. */
beforeEach(async () => {
  name = `Web ${(count += 1)}`; // the same description would be the same client
  client = await registered(gateway, { redirect_uris: [WEB], client_name: name, ...PUBLIC });
  browser = createFormBrowser();
  await obtainCode(gateway, client, { scope: "mcp" }, browser);
});

/** Where the browser ends without a click: back at the client, or at a page. */
async function visit(fields: Fields = {}, of = client, by = browser): Promise<string> {
  const page = await by.open(authorizationUrl(gateway, of, { scope: "mcp", ...fields }));
  if (page.left?.searchParams.has("code")) return "code";
  return page.left?.searchParams.get("error") ?? page.url.pathname;
}

describe("somebody who has allowed the same before", () => {
  it("sees no page, and the code works", async () => {
    const page = await browser.open(authorizationUrl(gateway, client, { scope: "mcp" }));
    const code = page.left!.searchParams.get("code")!;
    const form = {
      grant_type: "authorization_code",
      client_id: client.client_id,
      code,
      redirect_uri: WEB,
    };
    const tokens = await tokensOf(
      await requestToken(gateway, { ...form, code_verifier: "v".repeat(43) }),
    );
    expect(tokens.scope).toBe("mcp");
    const { client_id: clientId } = client;
    expect(gateway.events).toContainEqual(
      expect.objectContaining({ type: "consent.recalled", clientId, scopes: ["mcp"] }),
    );
  });

  it("is not asked with prompt=none either (AZ-30)", async () => {
    expect(await visit({ prompt: "none" })).toBe("code");
  });

  it("is not asked after a new login in another browser", async () => {
    const other = createFormBrowser();
    let page = await other.open(authorizationUrl(gateway, client, { scope: "mcp" }));
    expect(page.url.pathname).toBe("/login");
    page = await other.press(page, /Continue/);
    expect(page.left?.searchParams.has("code")).toBe(true);
  });
});

describe("the person is asked again", () => {
  it.each<[string, Fields]>([
    ["when the client asks for more (CO-06)", { scope: "mcp files:write" }],
    ["when the client wants to stay connected (CO-06)", { scope: "mcp offline_access" }],
    ["when the client wants it so (AZ-32)", { prompt: "consent" }],
  ])("%s", async (_, fields) => {
    expect(await visit(fields)).toBe("/consent");
  });

  it("when somebody else may be meant: prompt=login", async () => {
    expect(await visit({ prompt: "login" })).toBe("/login");
  });

  it("and silently only told so, when more is asked for (AZ-30)", async () => {
    expect(await visit({ scope: "mcp files:write", prompt: "none" })).toBe("consent_required");
  });

  it("and sees what is new; afterwards all of it is remembered", async () => {
    const wider = { scope: "mcp files:write" };
    const page = await browser.open(authorizationUrl(gateway, client, wider));
    const items = page.text.match(/<li>[\s\S]*?<\/li>/g)!;
    expect(items.map((item) => item.includes('class="new"'))).toEqual([false, true]);
    await browser.press(page, /Allow/);
    expect(await visit(wider)).toBe("code");
    expect(await visit({ scope: "files:write" })).toBe("code");
  });

  it("when the client is another one with the same name and redirect (CO-07, SB1)", async () => {
    const copy = await registered(gateway, {
      redirect_uris: [WEB],
      client_name: name,
      contacts: ["ops@client.example"],
    });
    expect(copy.client_id).not.toBe(client.client_id);
    expect(await visit({}, copy)).toBe("/consent");
  });

  it("when the code would go to another host of the same client", async () => {
    const both = await registered(gateway, {
      redirect_uris: [WEB, "https://other.example/callback"],
      client_name: name,
    });
    await obtainCode(gateway, both, { scope: "mcp" }, browser);
    expect(await visit({ redirect_uri: "https://other.example/callback" }, both)).toBe("/consent");
  });

  it("when the client calls itself something else now (CO-06)", async () => {
    const uri = String(client["registration_client_uri"]);
    const { client_id } = client;
    const changed = await ask(uri, {
      method: "PUT",
      headers: {
        authorization: `Bearer ${String(client["registration_access_token"])}`,
        "content-type": "application/json",
      },
      body: JSON.stringify({ client_id, redirect_uris: [WEB], client_name: "Bank" }),
    });
    expect(changed.status).toBe(200);
    expect(await visit()).toBe("/consent");
  });

  it.each([
    ["a program on loopback", LOOPBACK],
    ["an app with a scheme of its own", "cursor://anysphere.cursor-mcp/oauth/callback"],
  ])("each time by %s (A22, SB15)", async (_, uri) => {
    const native = await registered(gateway, { redirect_uris: [uri] });
    await obtainCode(gateway, native, { scope: "mcp" }, browser);
    expect(await visit({}, native)).toBe("/consent");
    expect(await visit({ prompt: "none" }, native)).toBe("consent_required");
  });

  it("when the grant was revoked by the client", async () => {
    const { form } = await obtainCode(
      gateway,
      client,
      { scope: "mcp", prompt: "consent" },
      browser,
    );
    const { refresh_token } = await tokensOf(await requestToken(gateway, form));
    expect(await visit()).toBe("code");
    await ask(`${gateway.url}/revoke`, {
      method: "POST",
      body: new URLSearchParams({ token: refresh_token, client_id: client.client_id }),
    });
    expect(await visit()).toBe("/consent");
  });

  it("when as long has passed as a grant lives", async () => {
    gateway.clock.advance(2 * 3600 - 1);
    expect(await visit()).toBe("code");
    gateway.clock.advance(1);
    expect(await visit()).toBe("/consent");
  });
});
