/**
 * `init` as a process: what it writes, what it takes over, and what it leaves alone.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { runCommand, type Result } from "../support/run-command.ts";

let cwd: string;
beforeEach(() => (cwd = mkdtempSync(join(tmpdir(), "init-"))));
afterEach(() => rmSync(cwd, { recursive: true }));

const run = (...argv: string[]): Promise<Result> => runCommand(argv, { cwd });
const quick = (...argv: string[]): Promise<Result> =>
  run("init", "--yes", "--domain", "gw.example.com", "--allow", "*@example.com", ...argv);
const text = (...path: string[]): string => readFileSync(join(cwd, ...path), "utf8");
const mode = (path: string): number => statSync(join(cwd, path)).mode & 0o777;
const files = (): string[] =>
  readdirSync(cwd, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(cwd, join(entry.parentPath, entry.name)))
    .toSorted();

interface Written {
  publicUrl: string;
  identity: { providers: object[]; allow: string[] };
  store: { type: string };
  services: Record<string, Record<string, unknown>>;
}
const config = (): Written => parse(text("mcp-gateway.yaml")) as Written;

describe("init", () => {
  it("writes a deployment that the configuration's check takes, and says what comes next", async () => {
    const { code, stdout, stderr } = await quick();
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(files()).toEqual(
      expect.arrayContaining([".env", ".gitignore", "README.md", "mcp-gateway.yaml"]),
    );
    expect(text("mcp-gateway.yaml")).toMatch(
      /^# yaml-language-server: \$schema=\.\/mcp-gateway\.schema\.json\n/,
    );
    expect(JSON.parse(text("mcp-gateway.schema.json"))).toMatchObject({
      title: "mcp-gateway.yaml",
    });
    expect(text(".env")).toMatch(/^KEY_ENCRYPTION_SECRET=[\w-]{43}$/m);
    expect(text(".env")).toMatch(/^GITHUB_CLIENT_SECRET=$/m);
    expect(text(".gitignore")).toContain(".env\n");
    // What Traefik is given is what the proxy's own command would write.
    expect(await run("proxy", "render", "--check")).toMatchObject({ code: 0 });
    expect(text("traefik", "traefik.yaml")).toContain("email: hostmaster@gw.example.com");
    expect(stderr).toContain("https://gw.example.com/callback/github");
    expect(stderr).toContain("Fill in GITHUB_CLIENT_SECRET in .env.");
    expect(stderr.trim().split("\n").at(-1)).toBe("  docker compose up --detach --wait");
    expect(await run("config", "check")).toMatchObject({ code: 0 });
  });

  it("needs nobody else's word with accounts of its own", async () => {
    const given = ["--yes", "--domain", "gw.example.com", "--identity", "accounts"];
    const { code, stderr } = await run("init", ...given);
    expect(code).toBe(0);
    expect(config().identity).toEqual({ providers: [{ type: "accounts" }], allow: ["accounts:*"] });
    expect(text(".env")).not.toContain("CLIENT_SECRET");
    expect(stderr).toContain("To let somebody in: mcp-gateway user add NAME");
    expect(stderr).not.toContain("Before it starts");
    expect(await run("config", "check")).toMatchObject({ code: 0 });
    const mistaken = [...given.slice(0, -1), "accounts my-client", "--allow", "accounts:*"];
    const wrong = await run("init", "other", ...mistaken);
    expect(wrong).toMatchObject({ code: 2 });
    expect(wrong.stderr).toContain("need no client ID");
  });

  it("takes every answer as a flag", async () => {
    const { code } = await run(
      ...["init", "gate", "--domain", "https://GW.example.com/", "--store", "redis"],
      ...["--identity", "https://id.example.com/realms/acme my-client", "--routing", "subdomain"],
      ...[
        "--allow",
        "group:keycloak/staff,ada@acme.com",
        "--service",
        "echo,search=https://mcp.example.com/mcp",
      ],
      ...["--service", "notes=npx -y notes-mcp --quiet", "--target", "systemd", "--json"],
    );
    expect(code).toBe(0);
    cwd = join(cwd, "gate");
    expect(config()).toMatchObject({
      publicUrl: "https://gw.example.com",
      routing: "subdomain",
      identity: {
        providers: [
          {
            ...{ type: "oidc", name: "keycloak", preset: "keycloak", clientId: "my-client" },
            issuer: "https://id.example.com/realms/acme",
            clientSecret: "${KEYCLOAK_CLIENT_SECRET}",
          },
        ],
        allow: ["group:keycloak/staff", "email:ada@acme.com"],
      },
      store: { type: "redis", url: "${REDIS_URL}" },
      services: {
        search: { url: "https://mcp.example.com/mcp" },
        notes: {
          ...{ command: "npx", args: ["-y", "notes-mcp", "--quiet"] },
          permissions: { net: true },
        },
      },
    });
    const [, password] = /^REDIS_PASSWORD=(.+)$/m.exec(text(".env")) ?? [];
    expect(text(".env")).toContain(`REDIS_URL=redis://:${password}@127.0.0.1:6379`);
    cwd = join(cwd, "..");
  });

  it("names all answers that are missing in one sentence, where nobody can be asked", async () => {
    expect(await run("init")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(
        "5 answers are missing: --domain, --identity, --allow, --service, --store",
      ) as string,
    });
    expect(await run("init", "--yes")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("2 answers are missing: --domain, --allow\n") as string,
    });
    expect(files()).toEqual([]);
  });

  it("refuses an answer that cannot be, with the reason, and writes nothing", async () => {
    const { code, stderr } = await quick("--service", "filesystem");
    expect(stderr).toContain("--service filesystem: filesystem needs a value for folder");
    expect(code).toBe(2);
    expect(files()).toEqual([]);
  });

  it("shows what it would write as a diff without the secrets, and writes nothing", async () => {
    const { code, stdout } = await quick("--dry-run");
    expect(code).toBe(0);
    expect(stdout).toContain("--- /dev/null\n+++ b/mcp-gateway.yaml\n@@ -0,0 +1,");
    expect(stdout).toContain("+KEY_ENCRYPTION_SECRET=...");
    expect(files()).toEqual([]);
  });

  it("keeps its secrets to the owner whatever the umask and whoever made the file", async () => {
    writeFileSync(join(cwd, ".env"), "MINE=1\nKEY_ENCRYPTION_SECRET=kept\n", { mode: 0o644 });
    chmodSync(join(cwd, ".env"), 0o644);
    const before = process.umask(0o077);
    const { stderr } = await quick("--store", "redis").finally(() => process.umask(before));
    expect(stderr).toContain(".env could be read by others; now it cannot.");
    expect([mode(".env"), mode("compose.yaml")]).toEqual([0o600, 0o644]);
    expect(text(".env")).toMatch(/^MINE=1\nKEY_ENCRYPTION_SECRET=kept\n/);
    expect(text(".env").match(/^KEY_ENCRYPTION_SECRET=/gm)).toHaveLength(1);
    expect(text(".env")).toMatch(/^REDIS_PASSWORD=[\w-]{43}$/m);
  });
});

describe("init, again", () => {
  it("changes nothing when nothing was answered anew, and asks nothing", async () => {
    await quick("--store", "redis");
    const before = files().map((file) => text(file));
    const { code, stdout, stderr } = await run("init");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).not.toMatch(/written|updated/);
    expect(files().map((file) => text(file))).toEqual(before);
  });

  it("leaves an edited file alone, shows the difference, and updates the others", async () => {
    await quick();
    const edited = text("compose.yaml").replace("restart: unless-stopped", "restart: always");
    writeFileSync(join(cwd, "compose.yaml"), edited);
    const { code, stdout, stderr } = await run("init", "--store", "redis");
    expect(code).toBe(0);
    expect(text("compose.yaml")).toBe(edited);
    expect(config().store.type).toBe("redis");
    expect(stderr).toMatch(/mcp-gateway\.yaml +updated/);
    expect(stderr).toMatch(/compose\.yaml +left alone/);
    expect(stdout).toContain("--- a/compose.yaml\n+++ b/compose.yaml\n");
    expect(stdout).toContain("\n+  redis:\n");
    // And so it stays, until it is deleted.
    await run("init");
    expect(text("compose.yaml")).toBe(edited);
    rmSync(join(cwd, "compose.yaml"));
    await run("init");
    expect(text("compose.yaml")).toContain("\n  redis:\n");
  });

  it("makes the other files follow a configuration that somebody wrote", async () => {
    await quick();
    const edited = text("mcp-gateway.yaml").replace(
      "type: lowdb",
      "type: redis\n  url: ${REDIS_URL}",
    );
    writeFileSync(join(cwd, "mcp-gateway.yaml"), edited);
    expect(await run("init")).toMatchObject({ code: 0 });
    expect(text("mcp-gateway.yaml")).toBe(edited);
    expect(text("compose.yaml")).toContain("\n  redis:\n");
  });

  it("never touches what was there before", async () => {
    writeFileSync(join(cwd, "README.md"), "mine\n");
    writeFileSync(join(cwd, ".gitignore"), "mine\n");
    const { stderr } = await quick();
    expect(stderr).toContain("Left alone, because it was edited or was there before: ");
    expect([text("README.md"), text(".gitignore")]).toEqual(["mine\n", "mine\n"]);
    expect(await run("config", "check")).toMatchObject({ code: 0 });
  });
});

describe("init, where it cannot", () => {
  it("says so for a file, a link in a file's place and a folder that is not writable", async () => {
    writeFileSync(join(cwd, "file"), "");
    expect(await quick("file")).toMatchObject({ code: 2 });
    expect(await quick("file/below")).toMatchObject({ code: 2 });
    mkdirSync(join(cwd, "linked"));
    symlinkSync("/etc/hostname", join(cwd, "linked", "compose.yaml"));
    const linked = await quick("linked");
    expect(linked).toMatchObject({ code: 2 });
    expect(linked.stderr).toContain("is no regular file");
    expect(readdirSync(join(cwd, "linked"))).toEqual(["compose.yaml"]);

    mkdirSync(join(cwd, "locked"), { mode: 0o555 });
    chmodSync(cwd, 0o755);
    const locked = await runCommand(
      ["init", "--yes", "--domain", "gw.example.com", "--allow", "a@example.com", "locked"],
      { cwd, uid: 65_534, env: { HOME: cwd } },
    );
    expect(locked).toMatchObject({ code: 1 });
    expect(locked.stderr).toMatch(/Cannot write .*\(EACCES\)\n {2}Next: Check that this user/);
    expect(existsSync(join(cwd, "locked", ".env"))).toBe(false);
  });
});
