/**
 * The remote administration: a protected resource like any other, for few.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDpopKey, proofOf } from "../support/dpop.ts";
import { createFormBrowser } from "../support/form-browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { registerProgram, secretOf } from "../support/operator.ts";
import {
  authorizationUrl,
  errorOf,
  jsonOf,
  obtainCode,
  obtainTokens,
  refreshForm,
  registered,
  requestToken,
} from "../support/raw-client.ts";
import { reloaded, writeAdmins } from "../support/reload.ts";
import { logIn, refresh, type LoggedIn } from "../support/strict-client.ts";

const ME = `local:${userInfo().username}`;
const folder = mkdtempSync(join(tmpdir(), "admin-"));
const file = join(folder, "mcp-gateway.yaml");

let gateway: TestGateway;
let login: LoggedIn;

const change = (admins: string[] | undefined) => reloaded(gateway, () => writeAdmins(file, admins));

function call(
  path: string,
  token: string | null = login.tokens.access_token,
  init: { method?: string; body?: string; headers?: Record<string, string> } = {},
): Promise<Response> {
  const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
  return fetch(`${gateway.url}/admin${path}`, {
    ...init,
    headers: { ...authorization, ...init.headers },
  });
}

const challengeOf = (response: Response) => response.headers.get("www-authenticate");

beforeAll(async () => {
  writeAdmins(file, [ME]);
  gateway = await startGateway({ file, stateDirectory: folder });
  login = await logIn(`${gateway.url}/admin`);
});
afterAll(async () => {
  await gateway.close();
  rmSync(folder, { recursive: true });
});

describe("the remote administration, RFC 9728 and RFC 6750", () => {
  it("is found from a bare 401, and a strict client gets the scope gateway:admin", async () => {
    expect(login.challenge.parameters.scope).toBe("gateway:admin");
    expect(login.tokens.scope).toBe("gateway:admin");
    expect(login.resource).toBe(`${gateway.url}/admin`);
    const status = await jsonOf<object>(await call("/status"));
    expect(status).toMatchObject({ url: gateway.url, sessions: 0 });
    const self = await jsonOf<object>(await call("/self"));
    expect(self).toMatchObject({ door: "remote", subject: ME, scopes: ["gateway:admin"] });
  });

  it("is not offered to clients that ask for whatever there is", async () => {
    const metadata = await fetch(`${gateway.url}/.well-known/oauth-authorization-server`);
    expect((await jsonOf<{ scopes_supported: string[] }>(metadata)).scopes_supported).toEqual([
      "mcp",
      "offline_access",
    ]);
    const token = (await logIn(gateway.resource, { scope: "mcp gateway:admin" })).tokens;
    expect(token.scope).toBe("mcp");
  });

  it("wants a token made for it, and sends who has another one to get it", async () => {
    const { tokens } = await logIn(gateway.resource);
    const response = await call("/status", tokens.access_token);
    expect(response.status).toBe(401);
    expect(challengeOf(response)).toContain('error="invalid_token"');
    expect(challengeOf(response)).toContain(
      `resource_metadata="${gateway.url}/.well-known/oauth-protected-resource/admin"`,
    );
    const elsewhere = await fetch(gateway.resource, {
      method: "POST",
      headers: { authorization: `Bearer ${login.tokens.access_token}` },
    });
    expect(elsewhere.status).toBe(401);
  });

  it("is not what ForwardAuth lets pass, and no page of another origin may call it", async () => {
    const forwarded = await fetch(`${gateway.url}/verify`, {
      headers: {
        authorization: `Bearer ${login.tokens.access_token}`,
        "x-forwarded-method": "GET",
        "x-forwarded-proto": "http",
        "x-forwarded-host": new URL(gateway.url).host,
        "x-forwarded-uri": "/admin/status",
      },
    });
    expect(forwarded.status).toBe(400);
    for (const method of ["OPTIONS", "GET"]) {
      const response = await call("/status", null, {
        method,
        headers: { origin: "https://evil.example", "access-control-request-method": "GET" },
      });
      expect(response.status).toBe(401);
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  it("takes tokens bound to a key, each proof for the very address it is about, RFC 9449", async () => {
    const key = await createDpopKey();
    const client = await registered(gateway, { dpop_bound_access_tokens: true });
    const { form } = await obtainCode(gateway, client, { resource: `${gateway.url}/admin` });
    const response = await requestToken(gateway, form, { dpop: await proofOf(gateway, key) });
    const { access_token: accessToken } = await jsonOf<{ access_token: string }>(response);
    const ask = async (uri: string) =>
      call("/clients?x=1", null, {
        headers: {
          authorization: `DPoP ${accessToken}`,
          dpop: await proofOf(gateway, key, { method: "GET", uri, accessToken }),
        },
      });
    expect((await ask(`${gateway.url}/admin/clients`)).status).toBe(200);
    expect((await ask(`${gateway.url}/admin`)).status).toBe(401);
    expect((await call("/clients", accessToken)).status).toBe(401);
  });

  it("says what is not there, and what is too much, as the socket does", async () => {
    expect((await call("")).status).toBe(404);
    expect((await call("/nothing")).status).toBe(404);
    const wrong = await call("/status", login.tokens.access_token, { method: "DELETE" });
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET"]);
    const large = await call("/clients", login.tokens.access_token, {
      method: "POST",
      body: "x".repeat(70_000),
    });
    expect(large.status).toBe(413);
  });
});

describe("what is done from afar", () => {
  it("is in the audit log with who did it, refusals included", async () => {
    const made = await call("/clients", login.tokens.access_token, {
      method: "POST",
      body: JSON.stringify({ name: "From afar", redirectUris: ["http://127.0.0.1/callback"] }),
    });
    const { clientId } = await jsonOf<{ clientId: string }>(made);
    const id = `~${Buffer.from(clientId).toString("base64url")}`;
    const ended = await call(`/clients/${id}`, login.tokens.access_token, { method: "DELETE" });
    expect(await jsonOf<object>(ended)).toMatchObject({ clientId });
    await call("/clients/unknown", login.tokens.access_token, { method: "DELETE" });
    const who = { door: "remote", subject: ME, clientId: login.client.client_id };
    const facts = gateway.events.filter(({ type }) => type === "control.used");
    expect(facts.slice(-3)).toMatchObject([
      { ...who, action: "POST /clients", status: 200 },
      { ...who, action: "DELETE /clients/:id", target: clientId, status: 200 },
      { ...who, action: "DELETE /clients/:id", target: "unknown", status: 404 },
    ]);
    const written = () => readFileSync(join(folder, "audit.jsonl"), "utf8");
    await expect.poll(written).toContain('"target":"unknown"');
  });

  it("is not everything: nobody can give himself another person's login", async () => {
    for (const path of ["/accounts", "/accounts/ada"]) {
      const response = await call(path, login.tokens.access_token, { method: "POST", body: "{}" });
      expect(response.status).toBe(403);
      expect(await response.json()).toMatchObject({ error: { code: "local_only" } });
    }
  });
});

describe("who may", () => {
  it("no program, and no client that was to have less", async () => {
    const program = await registerProgram(gateway);
    const fields = { grant_type: "client_credentials", resource: `${gateway.url}/admin` };
    const response = await requestToken(gateway, fields, secretOf(program));
    expect(await errorOf(response)).toBe("400 invalid_target");
    const client = await registered(gateway, { scope: "mcp" });
    const url = authorizationUrl(gateway, client, { resource: `${gateway.url}/admin` });
    const left = (await createFormBrowser().open(url)).left;
    expect(left?.searchParams.get("error")).toBe("invalid_scope");
  });

  it("nobody for longer than he is named, streams included", async () => {
    const stream = await call("/events");
    expect(stream.status).toBe(200);
    const client = await registered(gateway);
    const admin = { resource: `${gateway.url}/admin` };
    const other = await obtainTokens(gateway, client, admin);
    const { form } = await obtainCode(gateway, client, admin);
    await change(["local:somebody-else"]);
    await stream.text(); // it ends
    expect((await call("/status")).status).toBeGreaterThan(400);
    await expect.poll(async () => (await call("/status")).status).toBe(401);
    await expect(refresh(login)).rejects.toMatchObject({ error: "invalid_grant" });
    expect(await errorOf(await requestToken(gateway, form))).toBe("400 invalid_grant");
    const renewal = await requestToken(gateway, refreshForm(client, other.refresh_token));
    expect(await errorOf(renewal)).toBe("400 invalid_grant");
  });

  it("tells others what is missing: 403 at the door, a page at the login", async () => {
    const { tokens } = await logIn(gateway.resource);
    const response = await call("/status", tokens.access_token);
    expect(response.status).toBe(403);
    expect(challengeOf(response)).toContain('error="insufficient_scope"');
    const { error_description: sentence } = await jsonOf<{ error_description: string }>(response);
    expect(sentence).toContain(`identity.admins`);
    expect(sentence).toContain(ME);
    const browser = createFormBrowser();
    const url = authorizationUrl(gateway, await registered(gateway), {
      resource: `${gateway.url}/admin`,
    });
    const page = await browser.press(await browser.open(url), /Continue/);
    expect(page.status).toBe(403);
    expect(page.text).toContain("to use the administration of this gateway");
    expect(page.text).toContain(`name ${ME} in identity.admins`);
    expect(page.text).toMatch(/href="[^"]*error=access_denied/);
  });

  it("is nobody where nobody is named: there is no such resource then", async () => {
    await change([ME]);
    const before = await logIn(`${gateway.url}/admin`);
    await change(undefined);
    expect((await call("/status", before.tokens.access_token)).status).toBe(404);
    const metadata = `${gateway.url}/.well-known/oauth-protected-resource/admin`;
    expect((await fetch(metadata)).status).toBe(404);
    await expect(refresh(before)).rejects.toMatchObject({ error: "invalid_grant" });
    await change([ME]);
    expect((await call("/status", before.tokens.access_token)).status).toBe(401);
  });
});
