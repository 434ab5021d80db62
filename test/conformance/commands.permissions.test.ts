/**
 * `serve` and `dev` about what programs may reach, as processes: with bubblewrap, without it, and on a terminal.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import { bin, spawnGateway } from "../support/gateway-process.ts";
import { fixture } from "../support/gateway.ts";
import { runCommand } from "../support/run-command.ts";

const ECHO = `command: ${JSON.stringify(process.execPath)}\n    args: [${JSON.stringify(fixture("echo.js"))}]`;

/** @param permissions the line of the service's permissions, if any */
const folderWith = (permissions?: string, program = ECHO): string => {
  const cwd = mkdtempSync(join(tmpdir(), "permissions-"));
  const lines = [
    "publicUrl: http://localhost:0 # here",
    "listen: { host: localhost, port: 0 }",
    "services:",
    "  # what we try",
    "  echo:",
    `    ${program} # the fixture`,
    ...(permissions === undefined ? [] : [`    permissions: ${permissions}`]),
    "log: { level: silent }",
    "",
  ];
  writeFileSync(join(cwd, "mcp-gateway.yaml"), lines.join("\n"));
  return cwd;
};

/** Gives what it runs a terminal (script(1)). */
const SCREEN = "script";

/** PATH with node and nothing else: no bubblewrap. */
const bare = mkdtempSync(join(tmpdir(), "bare-path-"));
for (const name of ["node", "sh"]) {
  const { stdout } = spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" });
  symlinkSync(stdout.trim(), join(bare, name));
}

/** @returns what confines its service, as it says when it is ready; it is ended then */
async function sandboxOf(argv: string[], cwd: string): Promise<string> {
  const child = spawn(process.execPath, [bin, ...argv, "--json"], {
    cwd,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  child.kill("SIGTERM");
  await once(child, "close");
  return (JSON.parse(line) as { endpoints: { sandbox: string }[] }).endpoints[0]!.sandbox;
}

describe("serve", () => {
  it("starts nothing for a service that does not say what it may reach, and names the setting", async () => {
    const cwd = folderWith();
    const { code, stdout, stderr } = await runCommand(["serve"], { cwd });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("services.echo does not say what its program may reach");
    expect(stderr).toContain(
      `In ${join(cwd, "mcp-gateway.yaml")}, under services.echo, write permissions: {}`,
    );
    expect(existsSync(join(cwd, ".mcp-gateway"))).toBe(false);
  });

  it.each([
    ["{}", "bubblewrap"],
    ["{ net: true }", "bubblewrap"],
    ["all", "environment"],
  ])("shows what is in force for permissions: %s", async (permissions, sandbox) => {
    expect(await sandboxOf(["serve"], folderWith(permissions))).toBe(sandbox);
  });

  it("does not pretend: without bubblewrap it says what is missing and both ways out", async () => {
    const cwd = folderWith("{}", "command: sh");
    const { code, stdout, stderr } = await runCommand(["serve"], { cwd, env: { PATH: bare } });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(
      "services.echo: what it may reach cannot be enforced here: bubblewrap is not installed, and Node's permission model holds programs only whose command is node",
    );
    expect(stderr).toContain("Install bubblewrap");
    expect(stderr).toContain("permissions: all under services.echo");
  });
});

describe("dev", () => {
  it("without a terminal names the setting", async () => {
    const { code, stderr } = await runCommand(["dev", "--port", "0"], { cwd: folderWith() });
    expect(code).toBe(2);
    expect(stderr).toContain("under services.echo, write permissions: {}");
  });

  it("with --allow-all confines nothing, whatever the file says", async () => {
    for (const permissions of [undefined, "{}"]) {
      const argv = ["dev", "--port", "0", "--allow-all"];
      expect(await sandboxOf(argv, folderWith(permissions))).toBe("environment");
    }
  });

  it("lets a typed command do what the person may, unless a flag says less", async () => {
    for (const [flags, sandbox] of [
      [[], "environment"],
      [["--sandbox"], "bubblewrap"],
      [["--allow-read=.", "--allow-net"], "bubblewrap"],
    ] as const) {
      const cwd = mkdtempSync(join(tmpdir(), "dev-"));
      const gateway = await spawnGateway({ cwd, flags: [...flags] });
      const { stdout } = await runCommand(["status", "--json"], { cwd });
      expect(JSON.parse(stdout)).toMatchObject({ services: [{ sandbox }] });
      await gateway.kill("SIGTERM");
    }
  });

  it.each([
    [["--allow-all", "--sandbox", "--", "node"], "contradict each other"],
    [["--allow-read=."], "is written in the file"],
  ])("refuses %j", async (flags, sentence) => {
    const { code, stderr } = await runCommand(["dev", ...flags], { cwd: folderWith("{}") });
    expect(code).toBe(2);
    expect(stderr).toContain(sentence);
  });
});

describe.skipIf(process.platform !== "linux")("dev on a terminal", () => {
  /** @param typed answers in their order. @returns everything on the screen when it is ready or has ended */
  async function onTerminal(cwd: string, typed: string[]): Promise<string> {
    const line = `${process.execPath} ${bin} dev --port 0 --no-color`;
    const child = spawn(SCREEN, ["-qec", line, "/dev/null"], { cwd, stdio: "pipe" });
    let screen = "";
    const answers = [...typed];
    const ended = once(child, "close");
    await new Promise<void>((resolve) => {
      void ended.then(() => resolve());
      child.stdout.on("data", (chunk: Buffer) => {
        const before = screen;
        screen += chunk.toString();
        const questions = (text: string): number => text.split(/\[(?:n\/a\/e|Y\/n)\]:? /).length;
        if (questions(screen) > questions(before)) child.stdin.write(`${answers.shift() ?? ""}\n`);
        if (screen.includes("Ctrl-C stops it")) resolve();
      });
    });
    child.stdin.write("\u0003");
    await ended;
    return screen;
  }

  it("asks, and writes the answer into the file with everything else left as it was", async () => {
    const cwd = folderWith();
    const file = join(cwd, "mcp-gateway.yaml");
    const before = readFileSync(file, "utf8");
    const screen = await onTerminal(cwd, ["n", "y"]);
    expect(screen).toContain("Service echo (");
    expect(screen).toContain("confined by bubblewrap");
    expect(readFileSync(file, "utf8")).toBe(
      before.replace("# the fixture\n", "# the fixture\n    permissions: {}\n"),
    );
  });

  it("takes an answer for this once", async () => {
    const cwd = folderWith();
    const before = readFileSync(join(cwd, "mcp-gateway.yaml"), "utf8");
    const screen = await onTerminal(cwd, ["a", "n"]);
    expect(screen).toContain("confined in nothing but its environment");
    expect(readFileSync(join(cwd, "mcp-gateway.yaml"), "utf8")).toBe(before);
  });

  it("leaves the writing to who wants it, and says where", async () => {
    const screen = await onTerminal(folderWith(), ["e"]);
    expect(screen).toContain("under services.echo, write permissions: {}");
  });
});
