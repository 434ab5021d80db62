/**
 * `npm start`: from a fresh clone to a running gateway. Installs what is missing, builds, and serves a real MCP server from npm
 * on this machine.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const npm = process.platform === "win32" ? "npm.cmd" : "npm";

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(join(root, "node_modules", ".package-lock.json"))) {
  process.stderr.write("Installing packages ...\n");
  run(npm, ["install", "--no-save", "--no-audit", "--no-fund"]);
}
run(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-p", root]);

const everything = createRequire(import.meta.url).resolve(
  "@modelcontextprotocol/server-everything/dist/index.js",
);
const extra = process.argv.slice(2);
const gateway = spawn(
  process.execPath,
  [
    join(root, "bin", "run.js"),
    "dev",
    "--name",
    "everything",
    ...extra,
    "--",
    process.execPath,
    everything,
    "stdio",
  ],
  { stdio: "inherit" },
);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => gateway.kill(signal));
gateway.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
