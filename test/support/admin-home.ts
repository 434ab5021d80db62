/**
 * A person who administers a gateway from another machine: a home of their own, no socket, and a browser.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { createHome, type Home } from "./connect-process.ts";
import { bin } from "./gateway-process.ts";
import { runCommand, type Result } from "./run-command.ts";

export interface AdminHome {
  home: Home;
  /** Where nothing of a gateway lies. */
  cwd: string;
  env: NodeJS.ProcessEnv;
  run(argv: string[], env?: NodeJS.ProcessEnv): Promise<Result>;
  /** `login`, with whoever reads what it says on standard error. */
  login(argv: string[], onText?: (text: string) => void): Promise<Result & { pid: number }>;
  /** Every file of the logins by its path below the home, with its mode. */
  files(): { path: string; text: string; mode: number }[];
}

export function createAdminHome(env: NodeJS.ProcessEnv = {}): AdminHome {
  const home = createHome();
  const config = join(home.env["HOME"]!, "config");
  const cwd = join(home.env["HOME"]!, "elsewhere");
  mkdirSync(cwd);
  const all = {
    ...home.env,
    XDG_CONFIG_HOME: config,
    DBUS_SESSION_BUS_ADDRESS: "disabled:",
    MCP_GATEWAY_URL: "",
    ...env,
  };
  return {
    home,
    cwd,
    env: all,
    run: (argv, more = {}) => runCommand(argv, { cwd, env: { ...all, ...more } }),
    async login(argv, onText = () => undefined) {
      const args = [bin, "login", "--no-browser", ...argv];
      const child = spawn(process.execPath, args, {
        cwd,
        env: { ...process.env, COLUMNS: "", ...all },
        stdio: ["ignore", "pipe", "pipe"],
      });
      onTestFinished(() => void child.kill("SIGKILL"));
      let stdout = "";
      child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
      const said = home.watch(child.stderr);
      child.stderr.on("data", () => onText(said()));
      const [code] = (await once(child, "close")) as [number | null];
      return { code, stdout, stderr: said(), pid: child.pid! };
    },
    files: () =>
      readdirSync(config, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .map((path) => ({
          path: path.slice(config.length),
          text: readFileSync(path, "utf8"),
          mode: statSync(path).mode & 0o777,
        })),
  };
}
