/** Programs that fetch the real server, such as npx: what they fetched is there again in the next session. */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../../../support/bridge-server.ts";
import { fixture } from "../../../support/gateway.ts";
import { openSession, type Wire } from "../../../support/mcp-session.ts";

let folder: string;
let server: BridgeServer;
const at = (...names: string[]): string => join(folder, ...names);

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "launcher-")));
  for (const name of ["bin", "home", "state"]) mkdirSync(at(name));
  writeFileSync(at("home", "mine"), "mine");
  // Not the real one: what matters is its name, and that it is a script.
  const script = `#!/usr/bin/env node\nimport(${JSON.stringify(fixture("prober.js"))});\n`;
  writeFileSync(at("bin", "npx"), script, { mode: 0o755 });
  const npx = { command: "npx", permissions: { read: [dirname(fixture("prober.js"))] } };
  server = await startBridge({
    stateDirectory: at("state"),
    environment: { PATH: `${at("bin")}:${process.env["PATH"]}`, HOME: at("home") },
    services: {
      one: npx,
      two: npx,
      online: { ...npx, permissions: { ...npx.permissions, net: true } },
    },
  });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const ask = async (service: string, tool: string, given: object = {}): Promise<Wire> => {
  const session = await openSession(server.endpoint(service));
  const said: Wire = await session.tool(tool, given);
  await session.delete();
  return said;
};

describe("a launcher", () => {
  it("keeps a home of its service's own, and sees nobody else's", async () => {
    const path = at("home", "fetched");
    expect(await ask("one", "write", { path })).toEqual({ ok: null });
    expect(await ask("one", "list", { path: at("home") })).toEqual({ ok: ["fetched"] });
    expect(await ask("two", "list", { path: at("home") })).toEqual({ ok: [] });
    expect(readFileSync(at("state", "cache", "one", "home", "fetched"), "utf8")).toBe("written");
    expect(await ask("one", "list", { path: at("state") })).toEqual({ error: "ENOENT" });
  });

  it("is told that there is no network, where there is none", async () => {
    const { ok: held } = await ask("one", "env");
    expect(held).toMatchObject({ npm_config_offline: "true", UV_OFFLINE: "1" });
    const { ok: online } = await ask("online", "env");
    expect(online).not.toHaveProperty("npm_config_offline");
  });

  it("has what it is made of", async () => {
    expect(await ask("one", "run", { command: "sh", args: ["-c", ":"] })).toMatchObject({
      ok: { status: 0 },
    });
    expect(await ask("one", "run", { command: "git" })).toEqual({ error: "ENOENT" });
  });
});
