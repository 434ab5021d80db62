/**
 * `login`, `logout`, `whoami`, and every other command through them: real processes on another machine's side of the gateway.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createAdminHome, type AdminHome } from "../support/admin-home.ts";
import { createDevices, registerDevice } from "../support/device.ts";
import { createFormBrowser } from "../support/form-browser.ts";
import { bin } from "../support/gateway-process.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { reloaded, writeAdmins } from "../support/reload.ts";
import { freePort } from "../support/bearer-proxy.ts";

const ME = `local:${userInfo().username}`;
const folder = mkdtempSync(join(tmpdir(), "login-"));
const file = join(folder, "mcp-gateway.yaml");

let gateway: TestGateway;

const change = (admins: string[] | undefined) => reloaded(gateway, () => writeAdmins(file, admins));

async function loggedIn(argv: string[] = []): Promise<AdminHome> {
  const admin = createAdminHome();
  const { code, stderr } = await admin.login([gateway.url, ...argv]);
  expect(code, stderr).toBe(0);
  return admin;
}

const refreshes = () =>
  gateway.events.filter(
    (event) => event.type === "token.issued" && event.grantType === "refresh_token",
  );

const readPids = () => readdirSync("/proc").filter((name) => /^\d+$/.test(name));

/** A process may end while it is looked at. */
function readIfAny(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

async function startPlain(): Promise<TestGateway> {
  const plain = await startGateway();
  onTestFinished(() => plain.close());
  return plain;
}

beforeAll(async () => {
  writeAdmins(file, [ME]);
  gateway = await startGateway({ file, stateDirectory: folder });
});
afterAll(async () => {
  await gateway.close();
  rmSync(folder, { recursive: true });
});

describe("login", () => {
  it("needs nothing but the address, and other commands go there from then on", async () => {
    const admin = createAdminHome();
    const first = await admin.login([gateway.url]);
    expect(first).toMatchObject({ code: 0 });
    expect(first.stdout).toContain(`Logged in to ${gateway.url} as ${ME}`);
    expect(first.stdout).toContain("a file only you can read");

    const status = await admin.run(["status", "--json"]);
    expect(JSON.parse(status.stdout)).toMatchObject({ url: gateway.url });
    expect(status.stderr).toBe(`At ${gateway.url}\n`);
    const self = await admin.run(["whoami", "--json"]);
    expect(JSON.parse(self.stdout)).toMatchObject({
      door: "remote",
      url: gateway.url,
      subject: ME,
      scopes: ["gateway:admin", "offline_access"],
      others: [],
    });

    const made = await admin.run(
      ["client", "register", "--name", "Far", "--redirect-uri", "http://127.0.0.1/cb", "--json"],
      { MCP_GATEWAY_URL: gateway.url },
    );
    const { clientId } = JSON.parse(made.stdout);
    const flag = ["--gateway", gateway.url];
    const ended = await admin.run(["client", "revoke", clientId.slice(0, 8), "--yes", ...flag]);
    expect(ended).toMatchObject({ code: 0 });
    expect(gateway.events.findLast(({ type }) => type === "control.used")).toMatchObject({
      door: "remote",
      subject: ME,
      action: "DELETE /clients/:id",
    });
  });

  it("keeps what it got from everybody else: files, output, logs, process list", async () => {
    const admin = await loggedIn();
    const kept = admin.files().find(({ path }) => path.startsWith("/mcp-gateway/logins/"))!;
    const { tokens } = JSON.parse(kept.text).credentials;
    expect(admin.files().map(({ mode }) => mode)).toEqual([0o600, 0o600]);
    const seen: string[] = [];
    const said = await admin.login([gateway.url], () => {
      for (const name of ["cmdline", "environ"]) {
        for (const pid of readPids()) seen.push(readIfAny(`/proc/${pid}/${name}`));
      }
    });
    const listed = await admin.run(["client", "list"], { MCP_GATEWAY_DEBUG: "1" });
    const audit = readFileSync(join(folder, "audit.jsonl"), "utf8");
    const known = admin.files().find(({ path }) => path.endsWith("/gateways.json"))!.text;
    const now = admin.files().find(({ path }) => path.startsWith("/mcp-gateway/logins/"))!;
    const fresh = JSON.parse(now.text).credentials.tokens;
    expect(fresh.refreshToken).not.toBe(tokens.refreshToken);
    const all = [said, listed, seen, audit, known].map((one) => JSON.stringify(one)).join();
    for (const secret of [tokens, fresh].flatMap((one) => [one.accessToken, one.refreshToken])) {
      expect(secret.length).toBeGreaterThan(20);
      expect(all.includes(secret)).toBe(false);
      expect(gateway.logged().includes(secret)).toBe(false);
    }
  });

  it("by code, in a browser elsewhere (RFC 8628)", async () => {
    const devices = createDevices(gateway, await registerDevice(gateway));
    const admin = createAdminHome();
    let code: string | undefined;
    const done = await admin.login([gateway.url, "--device"], (text) => {
      if (code !== undefined) return;
      code = /enter the code (\S+)/.exec(text)?.[1];
      if (code !== undefined) void devices.decide(code, /Allow/);
    });
    expect(done).toMatchObject({ code: 0 });
    expect(JSON.parse((await admin.run(["whoami", "--json"])).stdout)).toMatchObject({
      subject: ME,
    });
  });

  it("is found from an MCP endpoint of the gateway, too", async () => {
    const admin = createAdminHome();
    const { code, stdout } = await admin.login([gateway.resource]);
    expect(code).toBe(0);
    expect(stdout).toContain(`Logged in to ${gateway.url} as`);
  });

  it("lets watch follow what happens there", async () => {
    const admin = await loggedIn();
    const child = spawn(process.execPath, [bin, "watch", gateway.url, "--json"], {
      cwd: admin.cwd,
      env: { ...process.env, ...admin.env },
      stdio: ["ignore", "pipe", "ignore"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    let seen = "";
    child.stdout.on("data", (chunk: Buffer) => (seen += chunk.toString()));
    await expect
      .poll(
        async () => {
          await fetch(`${gateway.url}/admin`);
          return seen;
        },
        { timeout: 20_000 },
      )
      .toContain('"type":"request.denied"');
  });

  it("renews by itself: once, however many commands need it at that moment", async () => {
    const admin = await loggedIn();
    gateway.clock.advance(3700);
    const before = refreshes().length;
    const all = await Promise.all([1, 2, 3].map(() => admin.run(["grant", "list", "--json"])));
    expect(all.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(refreshes().length - before).toBe(1);
  });

  it("keeps several gateways apart", async () => {
    const other = await startGateway({ config: { identity: { admins: [ME] } } });
    try {
      const admin = await loggedIn();
      expect(await admin.login([other.url])).toMatchObject({ code: 0 });
      const urlOf = async (argv: string[]) =>
        JSON.parse((await admin.run(["status", "--json", ...argv])).stdout).url;
      expect(await urlOf([])).toBe(other.url);
      expect(await urlOf(["--gateway", gateway.url])).toBe(gateway.url);
      expect(await admin.run(["logout"])).toMatchObject({ code: 0 });
      expect(await admin.run(["status", "-g", other.url])).toMatchObject({ code: 4 });
      expect(await urlOf(["-g", gateway.url])).toBe(gateway.url);
    } finally {
      await other.close();
    }
  });
});

describe("logout", () => {
  it("has the gateway take everything back, and says so to later commands", async () => {
    const admin = await loggedIn();
    const kept = admin.files().find(({ path }) => path.startsWith("/mcp-gateway/logins/"))!;
    const { accessToken } = JSON.parse(kept.text).credentials.tokens;
    const status = (token: string) =>
      fetch(`${gateway.url}/admin/status`, { headers: { authorization: `Bearer ${token}` } });
    expect((await status(accessToken)).status).toBe(200);
    expect((await admin.run(["logout", gateway.url])).stdout).toBe(
      `Logged out of ${gateway.url}.\n`,
    );
    expect((await status(accessToken)).status).toBe(401);
    expect(admin.files().map(({ path }) => path)).toEqual(["/mcp-gateway/gateways.json"]);
    const later = await admin.run(["client", "list", "--gateway", gateway.url]);
    expect(later.code).toBe(4);
    expect(later.stderr).toContain(`Next: Log in: mcp-gateway login ${gateway.url}`);
    // Where no gateway is meant at all, it is as before the login.
    expect((await admin.run(["client", "list"])).code).toBe(3);
  });
});

describe("who may not", () => {
  it("is told so: by the page, and by the command with exit 4", async () => {
    await change(["local:somebody-else"]);
    const admin = createAdminHome();
    admin.home.person = async (page) => {
      const browser = createFormBrowser();
      const refused = await browser.press(await browser.open(page), /Continue/);
      expect(refused.text).toContain(`name ${ME} in identity.admins`);
      const [, back = ""] = /href="(http:\/\/127\.0\.0\.1[^"]*)"/.exec(refused.text) ?? [];
      await fetch(back.replaceAll("&amp;", "&"));
    };
    const { code, stderr } = await admin.login([gateway.url]);
    expect(code).toBe(4);
    expect(stderr).toContain(`You were not given the administration of ${gateway.url}`);
    expect(stderr).toContain("identity.admins");
    await change([ME]);
  });

  it("loses what he had within seconds of being removed", async () => {
    const admin = await loggedIn();
    await change(["local:somebody-else"]);
    const refused = async () => (await admin.run(["status"])).code;
    await expect.poll(refused, { timeout: 15_000 }).toBe(4);
    const { stderr } = await admin.run(["status"]);
    expect(stderr).toContain(`The login at ${gateway.url} is over`);
    await change([ME]);
  });

  it("cannot go where there is no administration, or nobody at all", async () => {
    const admin = createAdminHome();
    const { url } = await startPlain();
    const none = await admin.login([url]);
    expect(none.code).toBe(1);
    expect(none.stderr).toContain(`${url} offers no remote administration`);
    const closed = `http://127.0.0.1:${await freePort()}`;
    const nobody = await admin.login([closed]);
    expect(nobody.code).toBe(3);
    expect(nobody.stderr).toContain(`${closed} cannot be reached: ECONNREFUSED`);
    expect((await admin.login(["http://gw.example.com"])).stderr).toContain("not an https address");
  });
});
