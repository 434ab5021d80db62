/**
 * Logins that stop because of how the gateway, or what stands in front of it, was set up.
 */
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import type { ConfigInput } from "../../src/config.ts";
import { comeToTheDoor, openAutopsy } from "../support/autopsy.ts";
import { freePort } from "../support/bearer-proxy.ts";
import { createFormBrowser } from "../support/form-browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { authorizationUrl, register } from "../support/raw-client.ts";

let gateway: TestGateway;
afterEach(() => gateway?.close());

const start = async (config: Partial<ConfigInput>): Promise<void> => {
  gateway = await startGateway({ config });
};

/** One call without a token, with any Host. @returns the status */
async function callAt(port: number, headers: Record<string, string>): Promise<number> {
  const outgoing = request({ host: "127.0.0.1", port, method: "POST", path: "/mcp", headers });
  outgoing.end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  response.resume();
  return response.statusCode!;
}

/** On to the provider, or as far as it goes. */
const browse = async (): Promise<{ status: number; text: string }> => {
  const client = await comeToTheDoor(gateway);
  const browser = createFormBrowser();
  const page = await browser.open(authorizationUrl(gateway, client));
  return /<button[^>]*>[^<]*Continue/.test(page.text) ? browser.press(page, /Continue/) : page;
};

describe("a login stops", () => {
  it("at a proxy that speaks http to the world: plain-http", async () => {
    const port = await freePort();
    await start({
      publicUrl: "https://gw.example.com",
      listen: { host: "127.0.0.1", port },
      trustedProxies: ["127.0.0.1"],
    });
    const forwarded = { host: "gw.example.com", "x-forwarded-proto": "http" };
    expect(await callAt(port, forwarded)).toBe(401);
    gateway.clock.advance(31);
    const attempt = await openAutopsy(gateway).only();
    expect(attempt).toMatchObject({ state: "stopped", verdict: "plain-http" });
    expect(attempt.why).toContain("http://gw.example.com/mcp");
  });

  it("at a proxy that changes the host: host-unknown", async () => {
    await start({});
    const { port } = new URL(gateway.url);
    expect(await callAt(Number(port), { host: "inner.example" })).toBe(403);
    gateway.clock.advance(31);
    const attempt = await openAutopsy(gateway).only();
    expect(attempt).toMatchObject({ state: "stopped", verdict: "host-unknown" });
    expect(attempt.why).toContain("inner.example");
  });

  it("where clients may not register themselves: registration-off", async () => {
    await start({ registration: { dynamic: false } });
    expect((await register(gateway, { redirect_uris: ["https://a.example/cb"] })).status).toBe(403);
    expect(await openAutopsy(gateway).only()).toMatchObject({ verdict: "registration-off" });
  });

  it("where too many register: rate-limited", async () => {
    await start({ limits: { rates: { registrations: 1 } } });
    const headers = { "content-type": "application/json", "user-agent": "second/1" };
    // The minute may turn between two of them.
    for (let status = 0, count = 0; status !== 429 && count < 5; count += 1) {
      const metadata = { redirect_uris: [`https://a.example/${count}`] };
      ({ status } = await register(gateway, metadata, headers));
    }
    const attempts = await openAutopsy(gateway).attempts();
    expect(attempts.at(-1)).toMatchObject({ verdict: "rate-limited" });
    expect(attempts.at(-1)!.why).toContain("registrations");
  });

  it("at a provider that cannot be reached: login-provider-failed", async () => {
    process.env["TEST_OIDC_SECRET"] = "secret";
    const clientSecret = "${TEST_OIDC_SECRET}";
    const corp = { type: "oidc", name: "corp", clientId: "x", clientSecret } as const;
    const provider = { ...corp, issuer: "http://127.0.0.1:1" };
    await start({ identity: { providers: [provider], allow: ["corp:somebody"] } });
    expect((await browse()).status).toBe(502);
    const attempt = await openAutopsy(gateway).only();
    expect(attempt).toMatchObject({ state: "failed", verdict: "login-provider-failed" });
    expect(attempt.why).toContain("corp");
  });

  it("when the person types a wrong code: login-denied, until it is right", async () => {
    await start({ listen: { host: "0.0.0.0", port: 0 } });
    const client = await comeToTheDoor(gateway);
    const browser = createFormBrowser();
    const page = await browser.open(authorizationUrl(gateway, client));
    const again = await browser.press(page, /Continue/, { code: "wrong" });
    expect(await openAutopsy(gateway).only()).toMatchObject({ verdict: "login-denied" });
    await browser.press(again, /Continue/, { code: gateway.codes.at(-1)! });
    expect(await openAutopsy(gateway).only()).toMatchObject({ state: "running" });
  });

  it("for whom no rule lets in: not-allowed, and it says which list", async () => {
    await start({ identity: { allow: ["local:somebody-else"] } });
    expect((await browse()).status).toBe(403);
    const attempt = await openAutopsy(gateway).only();
    expect(attempt).toMatchObject({ state: "failed", verdict: "not-allowed" });
    expect(attempt.why).toMatch(/^local:\S+ logged in, but no rule of identity\.allow fits/);
  });
});
