/**
 * Client ID Metadata Documents that are refused: by their URL, by where it leads, by what it answers, by the operator. Each is
 * a page at the authorization endpoint, which leads nowhere, and `invalid_client` at the token endpoint.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ConfigInput } from "../../src/config.ts";
import { createFormBrowser } from "../support/form-browser.ts";
import { freePort } from "../support/bearer-proxy.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  ask,
  authorizationUrl,
  errorOf,
  jsonOf,
  LOOPBACK,
  pageOf,
  requestToken,
} from "../support/raw-client.ts";
import { startTlsSite, type Answer, type TlsSite } from "../support/tls-site.ts";

let site: TlsSite;
let gateway: TestGateway;

beforeAll(async () => {
  site = await startTlsSite();
  gateway = await start();
});
afterAll(async () => {
  await gateway.close();
  await site.close();
});

/** So many refusals in a minute are what the limit is for. */
function start(config: Partial<ConfigInput> = {}): Promise<TestGateway> {
  const limits = { rates: { documents: 10_000 } };
  return startGateway({ config: { limits, ...config }, certificates: [site.certificate] });
}

async function expectRefused(clientId: string, at: TestGateway = gateway): Promise<void> {
  const url = authorizationUrl(at, { client_id: clientId, redirect_uris: [LOOPBACK] });
  expect(await pageOf(await ask(url))).toBe(400);
  const form = { grant_type: "refresh_token", client_id: clientId, refresh_token: "x" };
  expect(await errorOf(await requestToken(at, form))).toBe("401 invalid_client");
}

function serve(answer: (clientId: string) => Answer): string {
  const path = `/${randomBytes(6).toString("hex")}.json`;
  return site.serve(path, answer(`${site.origin}${path}`));
}

const valid = (clientId: string): Record<string, unknown> => ({
  client_id: clientId,
  client_name: "A described client",
  redirect_uris: [LOOPBACK],
});

async function connectionsDuring(task: () => Promise<unknown>): Promise<number> {
  const before = site.connections();
  await task();
  return site.connections() - before;
}

describe("a client id that is no plain https URL with a path", () => {
  it.each([
    ["http", (origin: string) => `${origin.replace("https", "http")}/ok.json`],
    ["no path", (origin: string) => origin],
    ["the root path", (origin: string) => `${origin}/`],
    ["a fragment", (origin: string) => `${origin}/ok.json#`],
    ["user information", (origin: string) => `${origin.replace("//", "//u:p@")}/ok.json`],
    ["an empty user", (origin: string) => `${origin.replace("//", "//@")}/ok.json`],
    ["a dot segment", (origin: string) => `${origin}/a/./ok.json`],
    ["two dots", (origin: string) => `${origin}/a/../ok.json`],
    ["encoded dots", (origin: string) => `${origin}/a/%2e%2E/ok.json`],
    [
      "an upper-case host",
      (origin: string) => `${origin.replace("localhost", "LOCALHOST")}/ok.json`,
    ],
    ["an upper-case scheme", (origin: string) => `${origin.replace("https", "HTTPS")}/ok.json`],
    ["a backslash", (origin: string) => `${origin}\\ok.json`],
    ["a space", (origin: string) => `${origin}/ok.json `],
    ["a line break", (origin: string) => `${origin}/ok\n.json`],
    ["a trailing dot", (origin: string) => `${origin.replace("localhost", "localhost.")}/ok.json`],
    ["2 KB", (origin: string) => `${origin}/${"a".repeat(2048)}`],
  ])("is not fetched: %s", async (_, make) => {
    site.serve("/ok.json", { body: valid(`${site.origin}/ok.json`) });
    const count = await connectionsDuring(() => expectRefused(make(site.origin)));
    expect(count).toBe(0);
  });
});

describe("a URL that leads into a network of ours", () => {
  const HOSTS = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.2", "169.254.169.254", "172.16.0.1", "192.168.0.1", "224.0.0.1", "2130706433",
    "0x7f000001", "017700000001", "127.1", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]",
    "[2001:0:7f00:1::]", "[2002:7f00:1::]", "[fc00::1]", "[fd00:ec2::254]", "[fe80::1]", "[ff02::1]",
    "metadata.google.internal", "a.localhost", "localhost.", "intranet", "printer.local",
  ]; // prettier-ignore

  it.each(HOSTS)("sees no connection: %s (CI-02)", async (host) => {
    const count = await connectionsDuring(() => expectRefused(`https://${host}:${site.port}/c`));
    expect(count).toBe(0);
  });

  it("sees none either behind a public issuer, loopback by its plain names included (CI-02)", async () => {
    const port = await freePort();
    const behindProxy = await start({
      publicUrl: "https://gw.example.com",
      listen: { host: "127.0.0.1", port },
    });
    const count = await connectionsDuring(async () => {
      for (const host of ["127.0.0.1", "localhost", "[::1]", ...HOSTS]) {
        const clientId = `https://${host}:${site.port}/c`;
        const { search } = authorizationUrl(behindProxy, {
          client_id: clientId,
          redirect_uris: [],
        });
        const sent = request({
          port,
          path: `/authorize${search}`,
          headers: { host: "gw.example.com" },
        }).end();
        const [response] = (await once(sent, "response")) as [IncomingMessage];
        response.resume();
        expect(response.statusCode).toBe(400);
      }
    });
    expect(count).toBe(0);
    await behindProxy.close();
  });

  it("says the same of all of them, so that nothing is learned about the network", async () => {
    const texts = new Set<string>();
    for (const url of [
      "https://10.0.0.1/c",
      `https://127.0.0.2:${site.port}/c`,
      `${site.origin}/no`,
    ]) {
      const response = await ask(
        authorizationUrl(gateway, { client_id: url, redirect_uris: [LOOPBACK] }),
      );
      texts.add(/<p class="lead">([^<]*)/.exec(await response.text())?.[1] ?? "");
    }
    expect([...texts]).toEqual(["The client metadata document could not be fetched"]);
  });
});

describe("an answer that is no document", () => {
  it.each([301, 302, 307, 308])(
    "is a redirect with status %s: not followed (CI-04)",
    async (status) => {
      const target = serve((clientId) => ({ body: valid(clientId) }));
      const before = site.requests.length;
      await expectRefused(serve(() => ({ status, headers: { location: target } })));
      expect(site.requests.slice(before).map(({ path }) => path)).not.toContain(
        new URL(target).pathname,
      );
    },
  );

  it.each([201, 204, 304, 404, 500])("has status %s (CI-06)", async (status) => {
    await expectRefused(
      serve((clientId) =>
        status === 204 || status === 304 ? { status } : { status, body: valid(clientId) },
      ),
    );
  });

  it.each([
    ["HTML", { headers: { "content-type": "text/html" }, body: "<p>hello" }],
    ["JSON that says it is text", { headers: { "content-type": "text/plain" }, body: "{}" }],
    ["no JSON", { body: "client_id=1" }],
    ["an array", { body: [] }],
    ["null", { body: "null" }],
    ["nothing", { body: "" }],
  ] satisfies [string, Answer][])("is %s (CI-06)", async (_, answer) => {
    await expectRefused(serve(() => answer));
  });

  it("begins with a byte order mark (CI-06)", async () => {
    await expectRefused(serve((id) => ({ body: `\ufeff${JSON.stringify(valid(id))}` })));
  });

  it("has a name twice (CI-06)", async () => {
    await expectRefused(
      serve((id) => ({
        body: JSON.stringify(valid(id)).replace(
          /}$/,
          ',"redirect_uris":["https://evil.example.com/cb"]}',
        ),
      })),
    );
  });

  it("is larger than 5 KB (A18)", async () => {
    await expectRefused(serve((id) => ({ body: { ...valid(id), tos_uri: "x".repeat(5120) } })));
  });

  it("does not come within five seconds (A18)", { timeout: 15_000 }, async () => {
    const clientId = site.serve("/slow.json", () => undefined);
    const url = authorizationUrl(gateway, { client_id: clientId, redirect_uris: [LOOPBACK] });
    const pending = ask(url);
    await expect.poll(() => site.requests.at(-1)?.path).toBe("/slow.json");
    gateway.clock.advance(5);
    expect(await pageOf(await pending)).toBe(400);
  });
});

describe("a document that says what it may not", () => {
  it.each([
    ["another client_id", (id: string) => ({ client_id: `${id}x` })],
    [
      "its client_id in upper case",
      (id: string) => ({ client_id: id.replace("localhost", "LOCALHOST") }),
    ],
    ["its client_id with a slash more", (id: string) => ({ client_id: `${id}/` })],
    ["no client_id", () => ({ client_id: undefined })],
    ["a client_id that is a list", (id: string) => ({ client_id: [id] })],
  ])("%s (CI-07)", async (_, change) => {
    await expectRefused(serve((id) => ({ body: { ...valid(id), ...change(id) } })));
  });

  it.each([
    ["no redirect_uris", { redirect_uris: undefined }],
    ["no redirect URI among them", { redirect_uris: [] }],
    ["javascript:", { redirect_uris: ["javascript:alert(1)"] }],
    ["data:", { redirect_uris: ["data:text/html,x"] }],
    ["http elsewhere", { redirect_uris: ["http://evil.example.com/cb"] }],
    ["a fragment", { redirect_uris: ["https://evil.example.com/cb#x"] }],
    ["a wildcard", { redirect_uris: ["https://*.example.com/cb"] }],
    ["a string", { redirect_uris: LOOPBACK }],
  ])("redirect URIs: %s (CI-09)", async (_, members) => {
    await expectRefused(serve((id) => ({ body: { ...valid(id), ...members } })));
  });

  it.each([
    ["a client_secret", { client_secret: "s" }],
    ["client_secret_expires_at", { client_secret_expires_at: 0 }],
    ["client_secret_post", { token_endpoint_auth_method: "client_secret_post" }],
    ["client_secret_basic", { token_endpoint_auth_method: "client_secret_basic" }],
    ["client_secret_jwt", { token_endpoint_auth_method: "client_secret_jwt" }],
    [
      "only secrets to choose from",
      { token_endpoint_auth_methods_supported: ["client_secret_post"] },
    ],
    ["private_key_jwt without keys", { token_endpoint_auth_method: "private_key_jwt" }],
    [
      "a symmetric key",
      {
        token_endpoint_auth_method: "private_key_jwt",
        jwks: { keys: [{ kty: "oct", k: "c2VjcmV0" }] },
      },
    ],
    [
      "keys at an address inside",
      { token_endpoint_auth_method: "private_key_jwt", jwks_uri: "https://127.0.0.1/jwks" },
    ],
    ["no name", { client_name: undefined }],
  ])("%s (A18)", async (_, members) => {
    await expectRefused(serve((id) => ({ body: { ...valid(id), ...members } })));
  });

  it("keeps the good redirect URIs, and shows a cleaned name, of one that is mostly right", async () => {
    const clientId = serve((id) => ({
      body: {
        ...valid(id),
        client_name: "<b>Nice\u202e\n app",
        redirect_uris: ["javascript:alert(1)", LOOPBACK],
      },
    }));
    const client = { client_id: clientId, redirect_uris: [LOOPBACK] };
    const browser = createFormBrowser();
    const page = await browser.press(
      await browser.open(authorizationUrl(gateway, client)),
      /Continue/,
    );
    expect(page.text).toContain("&lt;b&gt;Nice app");
    const evil = await ask(
      authorizationUrl(gateway, client, { redirect_uri: "javascript:alert(1)" }),
    );
    expect(await pageOf(evil)).toBe(400);
  });
});

describe("the operator's policy", () => {
  it("listed takes documents of listed hosts and fetches no others", async () => {
    const config = {
      registration: { metadataDocuments: { policy: "listed" as const, hosts: ["claude.ai"] } },
    };
    const listed = await start(config);
    const clientId = serve((id) => ({ body: valid(id) }));
    expect(await connectionsDuring(() => expectRefused(clientId, listed))).toBe(0);
    await listed.close();

    config.registration.metadataDocuments.hosts = [`localhost:${site.port}`];
    const open = await start(config);
    const url = authorizationUrl(open, { client_id: clientId, redirect_uris: [LOOPBACK] });
    expect((await ask(url)).status).toBe(303);
    await open.close();
  });

  it("off fetches nothing and does not advertise it (A19)", async () => {
    const config = { registration: { metadataDocuments: { policy: "off" as const } } };
    const off = await start(config);
    const clientId = serve((id) => ({ body: valid(id) }));
    expect(await connectionsDuring(() => expectRefused(clientId, off))).toBe(0);
    const metadata = await ask(`${off.url}/.well-known/oauth-authorization-server`);
    expect(await jsonOf<object>(metadata)).toMatchObject({
      client_id_metadata_document_supported: false,
    });
    await off.close();
  });
});
