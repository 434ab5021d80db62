/** The link at which a person sets the password of an account, and what rules say of such a person. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { connectControl } from "../../src/control.ts";
import { ACCOUNTS, addAccount, enter, PASSWORD, setPassword } from "../support/accounts.ts";
import { createFormBrowser } from "../support/form-browser.ts";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";
import { callMcp, logIn } from "../support/strict-client.ts";

let gateway: TestGateway;
let number = 0;
const control = () => connectControl(gateway.stateDirectory);

/** Somebody new. @returns the link */
async function invite(): Promise<{ name: string; url: string }> {
  const name = `guest-${(number += 1)}`;
  const { invitation } = await addAccount(gateway, { name });
  return { name, url: invitation!.url };
}

beforeAll(async () => {
  gateway = await startGateway({ config: { identity: ACCOUNTS } });
});
afterAll(async () => gateway.close());

describe("an invitation", () => {
  it("is used up by setting a password, not by looking, and logs nobody in (AC-04)", async () => {
    const { name, url } = await invite();
    const browser = createFormBrowser();
    for (let look = 0; look < 3; look += 1) expect((await browser.open(url)).status).toBe(200);
    const done = await setPassword(url, undefined, browser);
    expect(done.status).toBe(200);
    expect(done.text).toContain("Your password is set");
    expect([...browser.cookies.keys()].filter((each) => each.endsWith("-login"))).toEqual([]);
    expect((await browser.open(url)).status).toBe(404);
    expect((await enter(gateway, name, PASSWORD)).url.pathname).toBe("/consent");
    expect(await control().account(name)).toMatchObject({ state: "active" });
  });

  it("sets one password when it is sent many times at once (AC-04)", async () => {
    const { name, url } = await invite();
    const browser = createFormBrowser();
    const page = await browser.open(url);
    const passwords = Array.from({ length: 3 }, (_, index) => `${PASSWORD} ${index}`);
    const pages = await Promise.all(
      passwords.map((password) =>
        browser.press(page, /Set password/, { password, repeated: password }),
      ),
    );
    expect(pages.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 404, 404]);
    const winner = passwords[pages.findIndex(({ status }) => status === 200)]!;
    expect((await enter(gateway, name, winner)).url.pathname).toBe("/consent");
  });

  it("runs out, and is replaced by a newer one (AC-04)", async () => {
    const { name, url } = await invite();
    const { invitation } = await control().resetAccount(name, {});
    expect((await createFormBrowser().open(url)).status).toBe(404);
    expect((await createFormBrowser().open(invitation!.url)).status).toBe(200);
    gateway.clock.advance(3 * 86_400 + 1);
    const page = await createFormBrowser().open(invitation!.url);
    expect(page.status).toBe(404);
    expect(page.text).toContain("ask the operator of this gateway for a new link");
    expect(await control().account(name)).toMatchObject({ state: "expired" });
  });

  it.each(["", "?code=", `?code=${"x".repeat(43)}`, "?code=a&code=b"])(
    "that nobody gave opens nothing: %s",
    async (query) => {
      const page = await createFormBrowser().open(`${gateway.url}/invitation${query}`);
      expect(page.status).toBeGreaterThanOrEqual(400);
      expect(page.text).not.toContain("Set password");
    },
  );

  it("takes no form that was not sent by its page in this browser (AC-05)", async () => {
    const { url } = await invite();
    const page = await createFormBrowser().open(url);
    const elsewhere = createFormBrowser();
    const fields = { password: PASSWORD, repeated: PASSWORD };
    expect((await elsewhere.press(page, /Set password/, fields)).status).toBe(403);
    await elsewhere.open(url);
    expect((await elsewhere.press(page, /Set password/, fields)).status).toBe(403);
    const csrf = { ...fields, csrf: "" };
    expect((await elsewhere.press(page, /Set password/, csrf)).status).toBe(403);
    expect((await setPassword(url)).status).toBe(200);
  });

  it("refuses what anybody would guess and what differs, and stays good", async () => {
    const { name, url } = await invite();
    for (const [password, reason, repeated = password] of [
      ["eleven char", "at least 12 characters"],
      [`${name}${name}`, "Choose something nobody can guess"],
      ["Password2026!", "first passwords anybody would try"],
      ["123456789012", "first passwords anybody would try"],
      [PASSWORD, "The two are not the same", `${PASSWORD}.`],
    ] as const) {
      const page = await setPassword(url, { password, repeated });
      expect(page.status).toBe(400);
      expect(page.text).toContain(reason);
      expect(page.text).not.toContain(password);
    }
    expect((await setPassword(url)).status).toBe(200);
  });
});

describe("allow rules and accounts", () => {
  let folder: string;
  let ruled: TestGateway;
  const write = (allow: string[], port = 0): void =>
    writeFileSync(
      join(folder, "mcp-gateway.yaml"),
      stringify({
        publicUrl: `http://localhost:${port}`,
        listen: { host: "localhost", port },
        store: { type: "lowdb", path: folder },
        identity: { ...ACCOUNTS, allow, admins: allow },
        services: {
          echo: { command: process.execPath, args: [fixture("echo.js")], permissions: "all" },
        },
      }),
    );
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "accounts-"));
    write(["accounts:ada", "email:*@acme.com"]);
    ruled = await startGateway({ file: join(folder, "mcp-gateway.yaml"), stateDirectory: folder });
  });
  afterAll(async () => {
    await ruled.close();
    rmSync(folder, { recursive: true });
  });

  it("name a person, or an e-mail address that the operator has set; and end access when they change", async () => {
    const add = (name: string, email?: string) =>
      addAccount(ruled, { name, password: `${name} ${PASSWORD}`, email });
    const isIn = async (name: string, browser = createFormBrowser()) =>
      (await enter(ruled, name, `${name} ${PASSWORD}`, browser)).url.pathname === "/consent";
    expect(await add("ada")).toMatchObject({ isAllowed: true });
    expect(await add("bob", "bob@acme.com")).toMatchObject({ isAllowed: true });
    expect(await add("eve", "eve@acme.com.example")).toMatchObject({ isAllowed: false });
    expect(await add("zoe")).toMatchObject({ isAllowed: false });
    const browser = createFormBrowser();
    expect(await isIn("ada")).toBe(true);
    expect(await isIn("bob", browser)).toBe(true);
    expect(await isIn("eve")).toBe(false);
    expect(await isIn("zoe")).toBe(false);
    const { tokens } = await logIn(ruled.resource, { browser });
    expect((await callMcp(ruled.resource, tokens.access_token)).status).toBe(200);
    write(["accounts:ada"]);
    await expect
      .poll(async () => (await callMcp(ruled.resource, tokens.access_token)).status, {
        timeout: 20_000,
      })
      .toBe(401);
    // Admins follow the file like everybody who is let in.
    expect(ruled.logged()).not.toContain("need a restart");
  });
});
