/**
 * A login that lies in the keyring of the desktop: a real Secret Service on a D-Bus of its own.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createAdminHome } from "../support/admin-home.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";

const desktop = mkdtempSync(join(tmpdir(), "desktop-"));

let gateway: TestGateway;
/** Address of the bus. */
let bus: string;
let endDesktop: () => Promise<void>;

beforeAll(async () => {
  const admins = [`local:${userInfo().username}`];
  gateway = await startGateway({ config: { identity: { admins } } });
  // The password of its first keyring comes on standard input, an empty line here; then it lasts as long as `cat` does.
  const script = `echo | gnome-keyring-daemon --unlock --components=secrets >&2 && echo "$DBUS_SESSION_BUS_ADDRESS" && cat`;
  const session = spawn("dbus-run-session", ["--", "sh", "-c", script], {
    env: { PATH: process.env["PATH"], HOME: desktop, XDG_RUNTIME_DIR: desktop },
    stdio: ["pipe", "pipe", "ignore"],
  });
  const gone = once(session, "exit");
  const line = once(createInterface(session.stdout), "line");
  const ended = gone.then(() => Promise.reject(new Error("there is no Secret Service")));
  ended.catch(() => undefined);
  [bus] = (await Promise.race([line, ended])) as [string];
  endDesktop = async () => {
    session.stdin.end();
    await gone;
  };
}, 30_000);
afterAll(async () => {
  await endDesktop();
  await gateway.close();
  rmSync(desktop, { recursive: true });
});

it("keeps no token in any file, and forgets it at logout", async () => {
  const admin = createAdminHome({ DBUS_SESSION_BUS_ADDRESS: bus });
  const { code, stdout } = await admin.login([gateway.url]);
  expect(code).toBe(0);
  expect(stdout).toContain("The login is kept in the keyring.");
  expect(admin.files().map(({ path }) => path)).toEqual(["/mcp-gateway/gateways.json"]);
  expect(await admin.run(["status"])).toMatchObject({ code: 0 });
  // Renewed there, too.
  gateway.clock.advance(3700);
  expect(await admin.run(["status"])).toMatchObject({ code: 0 });
  expect(await admin.run(["status"])).toMatchObject({ code: 0 });
  const locked = await admin.run(["status"], { DBUS_SESSION_BUS_ADDRESS: "disabled:" });
  expect(locked.code).toBe(4);
  expect(locked.stderr).toContain("The keyring does not answer");
  expect(await admin.run(["logout"])).toMatchObject({ code: 0 });
  expect(await admin.run(["status", "--gateway", gateway.url])).toMatchObject({ code: 4 });
}, 60_000);
