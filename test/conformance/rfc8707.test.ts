/** Resource indicators as a stranger sees them: RFC 8707. */
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";
import {
  ask,
  authorizationUrl,
  errorOf,
  obtainCode,
  obtainTokens,
  redirectOf,
  refreshForm,
  registered,
  requestToken,
  tokensOf,
  type RawClient,
} from "../support/raw-client.ts";

let gateway: TestGateway;
let client: RawClient;
let other: string;

beforeAll(async () => {
  const echo = { command: process.execPath, args: [fixture("echo.js")] };
  gateway = await startGateway({ config: { services: { one: echo, two: echo } } });
  client = await registered(gateway);
  other = `${gateway.url}/two/mcp`;
});
afterAll(() => gateway.close());

const audience = (jwt: string): unknown => decodeJwt(jwt).aud;

describe("resource at the authorization endpoint, RFC 8707 §2.1", () => {
  it.each([
    "https://elsewhere.example/mcp",
    "/one/mcp",
    "javascript:alert(1)",
    "RESOURCE#",
    "RESOURCE#x",
    "RESOURCE?x=1",
    "RESOURCE//",
    "RESOURCE/../mcp",
    "ORIGIN",
    "ORIGIN/ONE/mcp",
    "ORIGIN/three/mcp",
    "ORIGIN/mcp",
  ])("refuses %s", async (text) => {
    const resource = text.replace("RESOURCE", gateway.resource).replace("ORIGIN", gateway.url);
    const response = await ask(authorizationUrl(gateway, client, { resource }));
    expect(redirectOf(response)).toMatchObject({ error: "invalid_target", state: "s1" });
  });

  it("refuses none when several are served: a token is never for all", async () => {
    const response = await ask(authorizationUrl(gateway, client, { resource: undefined }));
    expect(redirectOf(response)).toMatchObject({ error: "invalid_target" });
  });

  it("takes one value twice as one, and refuses two different ones (AZ-26)", async () => {
    const url = authorizationUrl(gateway, client);
    url.searchParams.append("resource", gateway.resource);
    expect((await ask(url)).headers.get("location")).toMatch(/^\/login/);
    url.searchParams.append("resource", other);
    expect(redirectOf(await ask(url))).toMatchObject({ error: "invalid_target" });
  });

  it.each(["/", ""])(
    "issues a token for the canonical form of a spelling that ends in %j (AZ-25, A10)",
    async (ending) => {
      const spelled = `${gateway.resource}${ending}`.replace(
        "http://localhost",
        "HTTP://LocalHost",
      );
      const tokens = await obtainTokens(gateway, client, { resource: spelled });
      expect(audience(tokens.access_token)).toBe(gateway.resource);
    },
  );
});

describe("resource at the token endpoint, RFC 8707 §2.2", () => {
  it("must be the authorized one; another leaves code and refresh token as they are (CD-11, RF-12, A09)", async () => {
    const { form } = await obtainCode(gateway, client);
    expect(await errorOf(await requestToken(gateway, { ...form, resource: other }))).toBe(
      "400 invalid_target",
    );
    const first = await tokensOf(
      await requestToken(gateway, { ...form, resource: `${gateway.resource}/` }),
    );
    const wrong = refreshForm(client, first.refresh_token, { resource: other });
    expect(await errorOf(await requestToken(gateway, wrong))).toBe("400 invalid_target");
    const both = `resource=${encodeURIComponent(other)}&resource=${encodeURIComponent(gateway.resource)}`;
    const form2 = `grant_type=refresh_token&client_id=${client.client_id}&refresh_token=${first.refresh_token}&${both}`;
    expect(await errorOf(await requestToken(gateway, form2))).toBe("400 invalid_target");
    const second = await tokensOf(
      await requestToken(gateway, refreshForm(client, first.refresh_token)),
    );
    expect(audience(second.access_token)).toBe(gateway.resource);
  });

  it("is kept through refreshes", async () => {
    const first = await obtainTokens(gateway, client, { resource: other });
    const second = await tokensOf(
      await requestToken(gateway, refreshForm(client, first.refresh_token)),
    );
    expect([audience(first.access_token), audience(second.access_token)]).toEqual([other, other]);
  });
});

describe("a gateway with one service", () => {
  it("takes a request without resource to mean that one, as clients before 2025-06-18 do (AZ-27, A28)", async () => {
    const single = await startGateway();
    try {
      const old = await registered(single);
      const tokens = await obtainTokens(single, old, { resource: undefined });
      expect(String(audience(tokens.access_token))).toMatch(/\/mcp$/);
      expect(single.resource).toBe(audience(tokens.access_token));
    } finally {
      await single.close();
    }
  });
});
