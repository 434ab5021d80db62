/**
 * How `watch` ends, and what it is where nobody looks at a dashboard. After each end but `kill -9` the terminal is as before.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";
import { bin } from "../support/gateway-process.ts";
import { registered } from "../support/raw-client.ts";
import { runCommand } from "../support/run-command.ts";
import { openTerminal, type Terminal } from "../support/terminal.ts";

let directory: string;
let gateway: TestGateway;
let terminal: Terminal | undefined;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "endings-"));
  gateway = await startGateway({ stateDirectory: join(directory, ".mcp-gateway") });
});
afterEach(() => terminal?.close());
afterAll(async () => {
  await gateway.close();
  rmSync(directory, { recursive: true });
});

const pidFile = (): string => join(directory, "pid");
const pid = (): number => Number(readFileSync(pidFile(), "utf8"));

/** A shell that tells how the program ended, and whether the terminal is fit for typing. */
async function watchInShell(environment = ""): Promise<Terminal> {
  rmSync(pidFile(), { force: true });
  const script = [
    `PID_FILE=${pidFile()} NODE_OPTIONS=--import=${fixture("crash-on-signal.js")}`,
    `${environment} ${process.execPath} ${bin} watch;`,
    `echo "code $?"; stty -a | grep -owE -- "-?(echo|icanon|isig)" | tr "\\n" " "`,
  ].join(" ");
  terminal = openTerminal(["sh", "-c", script], directory, { columns: 100, rows: 30 });
  await terminal.see("● live");
  expect(terminal.ask("#{alternate_on} #{cursor_flag}")).toBe("1 0");
  expect(existsSync(pidFile())).toBe(true);
  return terminal;
}

describe("the terminal is as before", () => {
  it.each<[how: string, code: number, end: (screen: Terminal) => void]>([
    ["q", 0, (screen) => screen.press("q")],
    ["Ctrl-C", 130, (screen) => screen.press("C-c")],
    ["SIGINT", 130, () => process.kill(pid(), "SIGINT")],
    ["SIGTERM", 130, () => process.kill(pid(), "SIGTERM")],
    ["SIGHUP", 130, () => process.kill(pid(), "SIGHUP")],
    ["a bug", 70, () => process.kill(pid(), "SIGUSR2")],
  ])("after %s, and the exit code is %i", async (_, code, end) => {
    const screen = await watchInShell();
    end(screen);
    const shown = await screen.see("ended with 0");
    expect(shown).toContain(`code ${code}`);
    expect(shown).toMatch(/^(?=.*\bisig\b)(?=.*\bicanon\b)(?=.*\becho\b)(?!.*-).*ended/m);
    if (code === 70) expect(shown).toContain("This is a bug in mcp-gateway: a bug by order");
    expect(screen.ask("#{alternate_on} #{cursor_flag}")).toBe("0 1");
  });
});

describe("colours", () => {
  // oxlint-disable-next-line no-control-regex -- this one begins a colour
  const COLOUR = /\u001b\[(?:\d+;)*[349][0-7]m/;
  it("are there, and are not with NO_COLOR", async () => {
    expect((await watchInShell()).coloured()).toMatch(COLOUR);
    terminal?.close();
    expect((await watchInShell("NO_COLOR=1")).coloured()).not.toMatch(COLOUR);
  });

  it("do not hang on CI: somebody looks", async () => {
    const screen = await watchInShell("CI=true");
    screen.press("?");
    await screen.see("end, revoke or restart");
  });
});

describe("without a dashboard", () => {
  it("prints one event a line where there is no terminal, and exits 130 when it is interrupted", async () => {
    const child = spawn(process.execPath, [bin, "watch"], {
      cwd: directory,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const first = lines.next();
    const knocking = setInterval(() => void registered(gateway, { client_name: "Caller" }), 200);
    const { value } = await first.finally(() => clearInterval(knocking));
    expect(JSON.parse(value as string)).toMatchObject({
      type: "client.registered",
      clientName: "Caller",
    });
    child.kill("SIGINT");
    expect(await once(child, "close")).toEqual([130, null]);
  });

  it("ends well when nobody reads any more", async () => {
    const script = `${process.execPath} ${bin} watch --json | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const child = spawn("bash", ["-c", script], { cwd: directory });
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const knocking = setInterval(() => void registered(gateway), 200);
    await once(child, "close").finally(() => clearInterval(knocking));
    expect(text).toMatch(/^\{.*\}\n0\n$/);
  });

  it("says sentences to a screen reader", async () => {
    terminal = openTerminal([process.execPath, bin, "watch", "--screen-reader"], directory);
    const screen = terminal;
    const knocking = setInterval(() => void registered(gateway, { client_name: "Edil" }), 200);
    try {
      await screen.see(/\d\d:\d\d:\d\d client registered: Edil by registration/);
    } finally {
      clearInterval(knocking);
    }
    expect(screen.ask("#{alternate_on}")).toBe("0");
    screen.press("C-c");
    await screen.see("ended with 130");
  });

  it("says that no gateway runs: exit 3", async () => {
    const cwd = mkdtempSync(join(tmpdir(), "nothing-"));
    const { code, stderr } = await runCommand(["watch"], { cwd });
    expect(code).toBe(3);
    expect(stderr).toContain("Error: No gateway is running for");
  });
});
