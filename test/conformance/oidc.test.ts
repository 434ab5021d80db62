/** People who log in at oidc-provider, an OpenID provider nobody here has written. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFormBrowser } from "../support/form-browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { startOidcProvider } from "../support/oidc-peer.ts";
import { authorizationUrl, registered } from "../support/raw-client.ts";
import { travel } from "../support/web-login.ts";
import { freePort } from "../support/bearer-proxy.ts";

let provider: Awaited<ReturnType<typeof startOidcProvider>>;
let gateway: TestGateway;

/** As the operator does at the provider. */
async function registerGateway(redirectUri: string) {
  const response = await fetch(`${provider.issuer}/reg`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ redirect_uris: [redirectUri] }),
  });
  expect(response.status).toBe(201);
  return (await response.json()) as { client_id: string; client_secret: string };
}

beforeAll(async () => {
  provider = await startOidcProvider("https://resource.example/mcp");
  const port = await freePort();
  const app = await registerGateway(`http://localhost:${port}/callback/corp`);
  process.env["TEST_OIDC_SECRET"] = app.client_secret;
  const corp = {
    type: "oidc",
    name: "corp",
    issuer: provider.issuer,
    clientId: app.client_id,
    clientSecret: "${TEST_OIDC_SECRET}",
  } as const;
  gateway = await startGateway({
    config: {
      publicUrl: `http://localhost:${port}`,
      listen: { host: "localhost", port },
      identity: { providers: [{ type: "local" }, corp], allow: ["corp:person", "local:*"] },
    },
  });
});
afterAll(async () => {
  delete process.env["TEST_OIDC_SECRET"];
  await gateway.close();
});

describe("a login at oidc-provider", () => {
  it("goes from the choice of providers through the login there to consent and a code", async () => {
    const browser = createFormBrowser();
    const url = authorizationUrl(gateway, await registered(gateway));
    const choice = await browser.open(url);
    expect(choice.text).toContain("Continue with local");
    const [, href = ""] = /href="([^"]*provider=corp)"/.exec(choice.text) ?? [];
    const there = new URL(href.replaceAll("&amp;", "&"), gateway.url);
    const page = await travel(browser, there, provider.issuer);
    expect(page.status).toBe(200);
    const succeeded = gateway.events.filter(({ type }) => type === "login.succeeded");
    expect(succeeded).toMatchObject([{ provider: "corp", subject: "corp:person" }]);
    const again = await browser.press(page, /Not you/);
    const [, other = ""] = /href="([^"]*provider=corp&amp;as=other)"/.exec(again.text) ?? [];
    const back = new URL(other.replaceAll("&amp;", "&"), gateway.url);
    const second = await travel(browser, back, provider.issuer);
    const { left } = await browser.press(second, /Allow/);
    expect(left?.searchParams.get("code")).toMatch(/^[\w-]{43}$/);
  });

  it("fails with a page while it cannot be reached, and nobody else's does (ID-08)", async () => {
    await provider.close();
    gateway.clock.advance(3601); // what was discovered is not believed for longer
    const browser = createFormBrowser();
    const choice = await browser.open(authorizationUrl(gateway, await registered(gateway)));
    const way = (name: string): URL => {
      const [, href = ""] = new RegExp(`href="([^"]*provider=${name})"`).exec(choice.text) ?? [];
      return new URL(href.replaceAll("&amp;", "&"), gateway.url);
    };
    const page = await browser.open(way("corp"));
    expect(page.status).toBe(502);
    expect(page.text).toContain("corp could not tell who you are");
    expect((await browser.press(await browser.open(way("local")), /Continue/)).status).toBe(200);
  });
});
