/** What Node's permission model holds where there is no bubblewrap, and what it is not trusted with. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSandbox } from "../../../../src/bridge/sandbox/create-sandbox.ts";
import { UserError } from "../../../../src/errors.ts";
import { makeConfig } from "../../../../src/config-file.ts";
import type { ConfigInput } from "../../../../src/config.ts";
import type { StdioServiceConfig } from "../../../../src/config/service.ts";
import { startBridge, type BridgeServer } from "../../../support/bridge-server.ts";
import { fixture } from "../../../support/gateway.ts";
import { openSession, type Wire } from "../../../support/mcp-session.ts";

type Given = Extract<ConfigInput["services"][string], { command: string }>["permissions"];

let folder: string;
/** PATH without bubblewrap. */
let bare: string;
let server: BridgeServer;

const at = (...names: string[]): string => join(folder, ...names);
const prober = (permissions: Given) => ({
  command: "node",
  args: [fixture("prober.js")],
  permissions,
  cwd: folder,
});

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "node-tier-")));
  bare = at("bare");
  for (const name of ["bare", "open", "out", "home"]) mkdirSync(at(name));
  symlinkSync(process.execPath, join(bare, "node"));
  symlinkSync("/bin/sh", join(bare, "sh"));
  for (const name of ["open/b.txt", "secret.txt"]) writeFileSync(at(name), name);
  server = await startBridge({
    stateDirectory: at("state"),
    environment: { PATH: bare, HOME: at("home"), GITHUB_TOKEN: "ghp_given", OTHER: "never" },
    services: {
      held: prober({ net: true, env: ["GITHUB_TOKEN"] }),
      granted: prober({ net: true, read: ["open"], write: ["out"] }),
    },
  });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const ask = async (service: string, tool: string, given?: object): Promise<Wire> => {
  const session = await openSession(server.endpoint(service));
  const said: Wire = await session.tool(tool, given);
  await session.delete();
  return said;
};

const DENIED = { error: "ERR_ACCESS_DENIED" };

describe("a Node program where there is no bubblewrap", () => {
  it("reads and writes what was granted, and itself", async () => {
    expect(server.bridge.health()["held"]).toMatchObject({ sandbox: "node" });
    expect(await ask("held", "read", { path: at("open", "b.txt") })).toEqual(DENIED);
    expect(await ask("held", "read", { path: "/etc/passwd" })).toEqual(DENIED);
    expect(await ask("held", "read", { path: fixture("prober.js") })).toHaveProperty("ok");
    expect(await ask("held", "write", { path: at("out", "new") })).toEqual(DENIED);
    expect(await ask("granted", "read", { path: at("open", "b.txt") })).toEqual({
      ok: "open/b.txt",
    });
    expect(await ask("granted", "write", { path: at("open", "new") })).toEqual(DENIED);
    expect(await ask("granted", "write", { path: at("out", "new") })).toEqual({ ok: null });
    expect(await ask("granted", "read", { path: at("secret.txt") })).toEqual(DENIED);
    const traversal = at("open", "..", "secret.txt");
    expect(await ask("granted", "read", { path: traversal })).toEqual(DENIED);
  });

  it("starts no program and has the environment it was granted (B16)", async () => {
    expect(await ask("held", "run", { command: "/bin/sh" })).toEqual(DENIED);
    const { ok: env } = await ask("held", "env");
    delete env.PWD;
    expect(env).toEqual({ PATH: bare, HOME: at("home"), GITHUB_TOKEN: "ghp_given" });
  });
});

describe("permissions that cannot be held", () => {
  const choose = (service: object): string => {
    const { services } = makeConfig({
      publicUrl: "http://localhost:1",
      services: { files: { cwd: folder, ...service } as never },
    });
    const config = services["files"] as StdioServiceConfig;
    return createSandbox({
      service: "files",
      config,
      environment: { PATH: bare },
      changeable: [],
      hidden: [at("state")],
      cache: at("state", "cache"),
    }).tier;
  };
  const knowsNet =
    spawnSync(process.execPath, ["-p", "process.allowedNodeEnvironmentFlags.has('--allow-net')"], {
      encoding: "utf8",
    }).stdout.trim() === "true";

  it.each([
    [{ command: "sh", permissions: {} }, "whose command is node"],
    [{ command: "missing", permissions: {} }, "whose command is node"],
    [
      { command: "node", permissions: { net: true, run: ["git"] } },
      "does not hold what the programs of run do",
    ],
    [
      { command: "node", permissions: { net: true, read: ["."] } },
      "cannot hide the gateway's own folder",
    ],
    [{ command: "node" }, knowsNet ? "" : "cannot hold net: false before Node 25"],
    [{ command: "node", permissions: {} }, knowsNet ? "" : "cannot hold net: false before Node 25"],
  ])("are refused: %j", (service, why) => {
    if (why === "") return expect(choose(service)).toBe("node");
    let thrown: unknown;
    try {
      choose(service);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(UserError);
    const { message, hint } = thrown as UserError;
    expect(message).toContain(
      "services.files: what it may reach cannot be enforced here: bubblewrap is not installed, and ",
    );
    expect(message).toContain(why);
    expect(hint).toContain("apt-get install bubblewrap");
    expect(hint).toContain("permissions: all under services.files");
  });

  it("are none for a program that may reach all", () => {
    expect(choose({ command: "sh", permissions: "all" })).toBe("environment");
  });
});
