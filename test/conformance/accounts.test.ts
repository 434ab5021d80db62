/** Accounts of the gateway's own: login, guesses, and how they end. */
import { createHook } from "node:async_hooks";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectControl } from "../../src/control.ts";
import { ACCOUNTS, addAccount, enter, PASSWORD, setPassword } from "../support/accounts.ts";
import { filesOf } from "../support/drawn-secrets.ts";
import { createFormBrowser } from "../support/form-browser.ts";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";
import { authorizationUrl, registered } from "../support/raw-client.ts";
import { callMcp, logIn, refresh } from "../support/strict-client.ts";

let gateway: TestGateway;
const control = () => connectControl(gateway.stateDirectory);

beforeAll(async () => {
  const program = { command: process.execPath, args: [fixture("echo.js")] };
  const credentials = { TOKEN: { label: "Token", optional: true } };
  const services = { echo: { ...program, credentials } };
  gateway = await startGateway({ config: { identity: ACCOUNTS, services } });
  for (const name of ["ada", "eve"]) {
    await addAccount(gateway, { name, password: `${name} ${PASSWORD}` });
  }
  await addAccount(gateway, { name: "new" });
});
afterAll(async () => gateway.close());

const passwordOf = (name: string) => `${name} ${PASSWORD}`;

describe("a login with name and password", () => {
  it("lets the person in, who is then known by the account's name", async () => {
    const browser = createFormBrowser();
    const page = await enter(gateway, " Ada ", passwordOf("ada"), browser);
    expect(page.url.pathname).toBe("/consent");
    const { tokens } = await logIn(gateway.resource, { browser });
    expect((await callMcp(gateway.resource, tokens.access_token)).status).toBe(200);
    const logins = gateway.events.filter(({ type }) => type === "login.succeeded");
    expect(logins).toMatchObject([{ provider: "accounts", subject: "accounts:ada" }]);
  });

  it("says the same of a wrong password, an unknown name and a password never set, after the same work (AC-02)", async () => {
    const texts: string[] = [];
    let hashes = 0;
    const init = (_id: number, type: string) => void (type === "SCRYPTREQUEST" && (hashes += 1));
    const hook = createHook({ init }).enable();
    for (const [name, password] of [
      ["ada", "not his password"],
      ["nobody", "not his password"],
      ["no name/", "not his password"],
      ["new", "not his password"],
      ["ada", ""],
    ] as const) {
      hashes = 0;
      const page = await enter(gateway, name, password);
      expect(page.status).toBe(403);
      expect(hashes, name).toBe(1);
      texts.push(
        page.text
          .replaceAll(/ (name="(state|csrf)" value|data-passkey)="[^"]*"/g, "")
          .replace(`value="${name}"`, "")
          .replace("Strict client", ""),
      );
    }
    hook.disable();
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toContain("do not belong together");
    const names = gateway.events.filter(({ type }) => type === "login.failed");
    expect(JSON.stringify(names)).not.toContain("not his password");
  });

  it("gives the login session a cookie nobody knew before (AC-08)", async () => {
    const browser = createFormBrowser();
    const planted = "p".repeat(43);
    const name = `mcp-gateway-${new URL(gateway.url).port}-login`;
    browser.cookies.set(name, planted);
    const page = await enter(gateway, "ada", passwordOf("ada"), browser);
    expect(page.url.pathname).toBe("/consent");
    expect(browser.cookies.get(name)).toMatch(/^[\w-]{43}$/);
    expect(browser.cookies.get(name)).not.toBe(planted);
  });
});

describe("guessing a password", () => {
  it("ends after ten tries from one place, even with the right one, and for fifteen minutes only (AC-01)", async () => {
    for (let attempt = 0; attempt < 10; attempt += 1) {
      expect((await enter(gateway, "eve", `guess ${attempt}`)).status).toBe(403);
    }
    const page = await enter(gateway, "eve", passwordOf("eve"));
    expect(page.status).toBe(429);
    expect(page.headers.get("retry-after")).toBe("900");
    expect(page.text).toContain("Wait fifteen minutes");
    expect((await enter(gateway, "ada", passwordOf("ada"))).url.pathname).toBe("/consent");
    gateway.clock.advance(901);
    expect((await enter(gateway, "eve", passwordOf("eve"))).url.pathname).toBe("/consent");
  });
});

describe("the end of an account", () => {
  it("by removal ends tokens, MCP sessions, the login session and a login under way (AC-06)", async () => {
    await addAccount(gateway, { name: "leaver", password: passwordOf("leaver") });
    const browser = createFormBrowser();
    const consent = await enter(gateway, "leaver", passwordOf("leaver"), browser);
    const login = await logIn(gateway.resource, { browser });
    expect((await callMcp(gateway.resource, login.tokens.access_token)).status).toBe(200);
    const page = await browser.open(`${gateway.url}/credentials`);
    await browser.press(page, /Save/, { "value.TOKEN": "a secret of the leaver's" });
    expect((await callMcp(gateway.resource, login.tokens.access_token)).status).toBe(200);
    expect(await control().credentials()).toMatchObject([{ subject: "accounts:leaver" }]);
    const removed = await control().removeAccount("leaver");
    expect(await control().credentials()).toEqual([]);
    expect(removed.ended).toEqual({ grants: 1, accessTokens: 1, sessions: 1 });
    expect((await callMcp(gateway.resource, login.tokens.access_token)).status).toBe(401);
    await expect(refresh(login)).rejects.toMatchObject({ error: "invalid_grant" });
    const left = await control().sessions();
    expect(left.filter(({ subject }) => subject === "accounts:leaver")).toEqual([]);
    expect((await browser.press(consent, /Allow/)).url.pathname).toBe("/login");
    const again = await browser.open(authorizationUrl(gateway, await registered(gateway)));
    expect(again.url.pathname).toBe("/login");
    // Somebody else who gets the name gets nothing of the person before.
    await addAccount(gateway, { name: "leaver", password: passwordOf("leaver") });
    expect((await browser.open(consent.url)).url.pathname).toBe("/login");
    const ends = gateway.events.filter(({ type }) => type === "grant.ended");
    expect(ends).toMatchObject([{ subject: "accounts:leaver", reason: "account removed" }]);
  });

  it("by a reset ends the password and the logins, and grants only when asked to", async () => {
    await addAccount(gateway, { name: "carl", password: passwordOf("carl") });
    const browser = createFormBrowser();
    await enter(gateway, "carl", passwordOf("carl"), browser);
    const { tokens } = await logIn(gateway.resource, { browser });
    const { invitation } = await control().resetAccount("carl", {});
    expect((await enter(gateway, "carl", passwordOf("carl"))).status).toBe(403);
    const asked = await browser.open(authorizationUrl(gateway, await registered(gateway)));
    expect(asked.url.pathname).toBe("/login");
    expect((await callMcp(gateway.resource, tokens.access_token)).status).toBe(200);
    expect((await setPassword(invitation!.url)).status).toBe(200);
    expect((await enter(gateway, "carl", PASSWORD)).url.pathname).toBe("/consent");
    const { ended } = await control().resetAccount("carl", { endGrants: true });
    expect(ended).toMatchObject({ grants: 1, accessTokens: 1 });
    expect((await callMcp(gateway.resource, tokens.access_token)).status).toBe(401);
  });
});

describe("passwords", () => {
  it("stand in no file, log or event (AC-07)", () => {
    const written = { ...filesOf(gateway.stateDirectory), log: gateway.logged() };
    for (const [where, text] of Object.entries({
      ...written,
      events: JSON.stringify(gateway.events),
    })) {
      expect(text.includes(PASSWORD), where).toBe(false);
    }
    expect(JSON.stringify(written)).toContain("scrypt");
  });
});
