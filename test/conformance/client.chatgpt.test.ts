/**
 * ChatGPT: a callback of its own for each connector, questions from its page, and refresh tokens only by `offline_access`.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { emulations } from "../../src/client/emulation/index.ts";
import { logIn } from "../../src/client/emulation/log-in.ts";
import { refresh } from "../../src/client/emulation/tokens.ts";
import { echo, person, serveDocument, visitAs } from "../support/emulated.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { startTlsSite, type TlsSite } from "../support/tls-site.ts";

let site: TlsSite;
let gateway: TestGateway;

beforeAll(async () => {
  site = await startTlsSite();
  gateway = await startGateway({ certificates: [site.certificate] });
});
afterAll(async () => {
  await gateway.close();
  await site.close();
});

describe("ChatGPT", () => {
  it("registers both callbacks, asks for offline_access from its page (omi#8824, codemem#1286)", async () => {
    const visit = await visitAs("chatgpt", gateway.resource);
    const login = await logIn(visit, person);
    expect(login.found.scope!.split(" ")).toContain("offline_access");
    expect(login.client["token_endpoint_auth_method"]).toBe("client_secret_basic");
    expect(await echo(visit, login)).toContain("hello");
    const tokens = await refresh(visit, login);
    expect(await echo(visit, { ...login, tokens })).toContain("hello");
  });

  it("comes back to the legacy callback of published applications", async () => {
    const visit = await visitAs("chatgpt", gateway.resource);
    const legacy = "https://chatgpt.com/connector_platform_oauth_redirect";
    const published = { ...visit, emulation: { ...visit.emulation, redirectUri: () => legacy } };
    expect(await echo(published, await logIn(published, person))).toContain("hello");
  });

  it("may prove itself by the key of its document, or not (pomerium#6692)", async () => {
    const algorithm = { name: "ECDSA", namedCurve: "P-256" };
    const pair = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const jwk = await crypto.subtle.exportKey("jwk", pair.publicKey);
    const jwks = { keys: [{ ...jwk, kid: "1", alg: "ES256", use: "sig" }] };
    const url = serveDocument(site, emulations.get("chatgpt")!, { jwks });
    const key = { key: pair.privateKey, kid: "1" };
    for (const document of [{ url, key }, { url }]) {
      const visit = await visitAs("chatgpt", gateway.resource, { document });
      expect(await echo(visit, await logIn(visit, person))).toContain("hello");
    }
  });
});
