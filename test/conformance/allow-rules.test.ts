/** Who may come in, changed while the gateway runs. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { createFormBrowser } from "../support/form-browser.ts";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";
import {
  authorizationUrl,
  errorOf,
  obtainCode,
  registered,
  requestToken,
} from "../support/raw-client.ts";
import { callMcp, logIn, refresh } from "../support/strict-client.ts";

const ME = `local:${userInfo().username}`;

let folder: string;
let gateway: TestGateway;
let port: number;

function write(allow: string[] | undefined, ofService: Record<string, string[]> = {}): void {
  const service = (name: string) => ({
    command: process.execPath,
    args: [fixture("echo.js")],
    permissions: "all",
    ...(ofService[name] && { allow: ofService[name] }),
  });
  const config = {
    publicUrl: `http://localhost:${port}`,
    listen: { host: "localhost", port },
    store: { type: "lowdb", path: folder },
    identity: allow && { allow },
    services: { one: service("one"), two: service("two") },
  };
  writeFileSync(join(folder, "mcp-gateway.yaml"), stringify(config));
}

async function start(...rules: Parameters<typeof write>): Promise<void> {
  write(...rules);
  gateway = await startGateway({ file: join(folder, "mcp-gateway.yaml"), stateDirectory: folder });
}

const endpoint = (service: string) => `${gateway.url}/${service}/mcp`;
const ended = () => gateway.events.filter(({ type }) => type === "grant.ended");

beforeEach(() => {
  port = 0;
  folder = mkdtempSync(join(tmpdir(), "allow-"));
});
afterEach(async () => {
  await gateway.close();
  rmSync(folder, { recursive: true });
});

describe("allow rules", () => {
  it("end what a removed person holds within five seconds, without a restart (ID-17)", async () => {
    await start([ME]);
    const login = await logIn(endpoint("one"));
    const { tokens } = login;
    const opened = await callMcp(endpoint("one"), tokens.access_token);
    expect(opened.status).toBe(200);
    write(["local:somebody-else"]);
    await expect
      .poll(async () => (await callMcp(endpoint("one"), tokens.access_token)).status, {
        timeout: 5000,
      })
      .toBe(401);
    await expect.poll(ended).toMatchObject([{ reason: "no longer allowed", subject: ME }]);
    await expect(refresh(login)).rejects.toMatchObject({
      error: "invalid_grant",
    });
  });

  it("hold for grants given before a restart", async () => {
    await start([ME]);
    const { tokens } = await logIn(endpoint("one"));
    port = Number(new URL(gateway.url).port);
    await gateway.close();
    await start([ME]);
    expect((await callMcp(endpoint("one"), tokens.access_token)).status).toBe(200);
    await gateway.close();
    await start(["local:somebody-else"]);
    expect((await callMcp(endpoint("one"), tokens.access_token)).status).toBe(401);
    expect(gateway.logged()).not.toContain(tokens.access_token);
  });

  it("tell the person and, by the way back, the client", async () => {
    await start(["local:somebody-else"]);
    const browser = createFormBrowser();
    const url = authorizationUrl(gateway, await registered(gateway), { resource: endpoint("one") });
    const page = await browser.press(await browser.open(url), /Continue/);
    expect(page.status).toBe(403);
    expect(page.text).toContain("nobody has allowed that account to use one");
    expect(page.text).toContain(ME);
    expect(page.text).toMatch(/href="[^"]*error=access_denied[^"]*state=[^"]*iss=/);
    expect([...browser.cookies.keys()].filter((name) => name.endsWith("login"))).toEqual([]);
  });

  it("are asked at consent, of a browser that had logged in before, and when a code is redeemed", async () => {
    await start([ME]);
    const client = await registered(gateway);
    const resource = endpoint("one");
    const browser = createFormBrowser();
    const { form } = await obtainCode(gateway, client, { resource }, browser);
    const page = await browser.open(authorizationUrl(gateway, client, { resource }));
    expect(page.status).toBe(200);
    write(["local:somebody-else"]);
    const asked = () => browser.open(authorizationUrl(gateway, client, { resource }));
    await expect.poll(async () => (await asked()).status, { timeout: 5000 }).toBe(403);
    expect((await browser.press(page, /Allow/)).status).toBe(403);
    expect(await errorOf(await requestToken(gateway, form))).toBe("400 invalid_grant");
  });

  it("of a service keep people out of that service only, and start no process anew", async () => {
    await start(undefined, { two: [ME] });
    const one = await logIn(endpoint("one"));
    const two = await logIn(endpoint("two"));
    expect((await callMcp(endpoint("two"), two.tokens.access_token)).status).toBe(200);
    write(undefined, { two: ["local:somebody-else"] });
    await expect
      .poll(async () => (await callMcp(endpoint("two"), two.tokens.access_token)).status)
      .toBe(401);
    expect((await callMcp(endpoint("one"), one.tokens.access_token)).status).toBe(200);
    await expect.poll(ended).toHaveLength(1);
    const reloaded = gateway.events.filter(({ type }) => type === "config.reloaded");
    expect(reloaded.at(-1)).toMatchObject({ changed: [] });
  });

  it("of a service that name a client let in everybody with it, and nobody with another", async () => {
    await start([ME], { two: ["client:nobody"] });
    const one = await logIn(endpoint("one"));
    const { client } = one;
    await expect(logIn(endpoint("two"), { client })).rejects.toThrow();
    write([ME], { two: [`client:${client.client_id}`] });
    await expect
      .poll(() => logIn(endpoint("two"), { client }).catch(() => undefined))
      .toBeDefined();
    const two = await logIn(endpoint("two"), { client });
    expect((await callMcp(endpoint("two"), two.tokens.access_token)).status).toBe(200);
    await expect(logIn(endpoint("two"))).rejects.toThrow();
    write([ME], { two: ["client:another"] });
    await expect
      .poll(async () => (await callMcp(endpoint("two"), two.tokens.access_token)).status)
      .toBe(401);
    await expect(refresh(two)).rejects.toMatchObject({ error: "invalid_grant" });
    expect((await callMcp(endpoint("one"), one.tokens.access_token)).status).toBe(200);
  });
});
