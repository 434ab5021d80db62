/**
 * Client ID Metadata Documents from outside: a gateway on loopback, a client's site with TLS beside it. That no other address
 * is ever contacted is shown in client-metadata-documents.refusals.test.ts.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFormBrowser } from "../support/form-browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { spawnGateway } from "../support/gateway-process.ts";
import { ask, authorizationUrl, LOOPBACK, pageOf, registered } from "../support/raw-client.ts";
import { callMcp, discover, logIn, refresh } from "../support/strict-client.ts";
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

/** A new document at a path of its own. @returns its URL */
function publish(
  members: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): string {
  const path = `/${randomBytes(6).toString("hex")}/client.json`;
  return republish(`${site.origin}${path}`, members, headers);
}

function republish(
  clientId: string,
  members: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): string {
  const body = {
    client_id: clientId,
    client_name: "A described client",
    redirect_uris: [LOOPBACK],
    token_endpoint_auth_method: "none",
    ...members,
  };
  return site.serve(new URL(clientId).pathname, { headers, body });
}

const fetches = (clientId: string): number =>
  site.requests.filter(({ path }) => `${site.origin}${path}` === clientId).length;

const asClient = (id: string) => ({ client_id: id, redirect_uris: [LOOPBACK] });

describe("a client whose id is the URL of its metadata document (A18)", () => {
  it("is advertised together with none (A19)", async () => {
    const { server } = await discover(gateway.resource);
    expect(server["client_id_metadata_document_supported"]).toBe(true);
    expect(server.token_endpoint_auth_methods_supported).toContain("none");
  });

  it("logs in, uses its token and refreshes without having registered", async () => {
    const clientId = publish();
    const login = await logIn(gateway.resource, { client: asClient(clientId) });
    expect((await callMcp(gateway.resource, login.tokens.access_token)).status).toBe(200);
    const again = await refresh(login);
    expect((await callMcp(gateway.resource, again.access_token)).status).toBe(200);
    expect(fetches(clientId)).toBe(1);
    expect(gateway.events).toContainEqual(
      expect.objectContaining({ type: "client.registered", clientId, via: "document" }),
    );
  });

  it("is fetched with nothing of the person's or the gateway's own", async () => {
    const clientId = publish();
    await ask(authorizationUrl(gateway, asClient(clientId)), { headers: { cookie: "a=b" } });
    const { headers } = site.requests.at(-1)!;
    expect(Object.keys(headers).toSorted()).toEqual(
      ["accept", "accept-encoding", "connection", "host", "user-agent"].toSorted(),
    );
    expect(headers["accept-encoding"]).toBe("identity");
  });

  it("is fetched once for many requests in the same instant", async () => {
    const clientId = publish();
    const url = authorizationUrl(gateway, asClient(clientId));
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(url)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([303]));
    expect(fetches(clientId)).toBe(1);
  });

  it("must return to one of the document's redirect URIs", async () => {
    const clientId = publish({ redirect_uris: ["https://app.example.com/cb"] });
    const fields = { redirect_uri: "https://app.example.com/other" };
    expect(await pageOf(await ask(authorizationUrl(gateway, asClient(clientId), fields)))).toBe(
      400,
    );
  });

  it("shows its host on the consent page, warns of loopback and asks every time (SB16, A22)", async () => {
    const clientId = publish({ logo_uri: "https://app.example.com/logo.png" });
    const browser = createFormBrowser();
    for (const time of ["first", "second"]) {
      let page = await browser.open(authorizationUrl(gateway, asClient(clientId)));
      if (time === "first") page = await browser.press(page, /Continue/);
      expect(page.text).toContain(`<strong class="code">localhost:${site.port}</strong>`);
      expect(page.text).toContain("Any program on this computer could be listening there");
      page = await browser.press(page, /Allow/);
      expect(page.left?.href).toContain("code=");
    }
  });

  it("never has its logo fetched or linked (CI-14)", async () => {
    const logo = site.serve("/logo.png", { headers: { "content-type": "image/png" } });
    const clientId = publish({ logo_uri: logo, client_uri: `${site.origin}/home` });
    const browser = createFormBrowser();
    const page = await browser.press(
      await browser.open(authorizationUrl(gateway, asClient(clientId))),
      /Continue/,
    );
    expect(page.text).not.toContain("logo.png");
    expect(page.text).not.toContain("<img");
    expect(fetches(logo)).toBe(0);
    expect(fetches(`${site.origin}/home`)).toBe(0);
  });
});

it("generated ids never look like URLs (CI-12)", async () => {
  const client = await registered(gateway);
  expect(client.client_id).toMatch(/^[\w-]+$/);
});

describe("a gateway as a process of its own", () => {
  it("keeps what it has fetched over a kill and a restart", { timeout: 60_000 }, async () => {
    const cwd = mkdtempSync(join(tmpdir(), "mcpg-cimd-"));
    const env = { NODE_EXTRA_CA_CERTS: site.certificateFile };
    const clientId = publish();
    const first = await spawnGateway({ cwd, env });
    const login = await logIn(first.resource, { client: asClient(clientId) });
    await first.kill("SIGKILL");

    site.serve(new URL(clientId).pathname, { status: 500 });
    const second = await spawnGateway({ cwd, env, port: Number(new URL(first.url).port) });
    const again = await refresh(login);
    expect((await callMcp(second.resource, again.access_token)).status).toBe(200);
    expect(fetches(clientId)).toBe(1);
    await second.kill("SIGTERM");
    rmSync(cwd, { recursive: true });
  });
});
