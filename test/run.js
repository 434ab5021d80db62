/**
 * `npm test`: everything, on a fresh clone. Installs what is missing, then runs the static checks, all test projects, and the
 * black-box tests once more under the current LTS of Node. The last line reads `N passed, N failed`; what was skipped is in
 * it, and fails where CI is set.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cache = join(root, ".cache");
const total = { passed: 0, failed: 0, skipped: 0 };
/** Names of what failed, said once more at the end: a long log is cut in the middle. */
const failures = [];

/** Programs that the suites drive for real, and the Debian packages that bring them. */
const PROGRAMS = [
  { program: "chromium", debian: "chromium" },
  { program: "redis-server", debian: "redis-server" },
  { program: "tmux", debian: "tmux" },
  { program: "python3", debian: "python3-venv", check: "python3 -c 'import ensurepip'" },
  { program: "bwrap", debian: "bubblewrap" },
  { program: "systemd-analyze", debian: "systemd" },
  { program: "/usr/sbin/sshd", debian: "openssh-server" },
  { program: "ip", debian: "iproute2" },
  { program: "pebble", debian: "pebble" },
  { program: "caddy", debian: "caddy" },
  { program: "nginx", debian: "nginx" },
  { program: "dbus-run-session", debian: "dbus-daemon" },
  { program: "gnome-keyring-daemon", debian: "gnome-keyring" },
];

/** All but the bench, and the rehearsal, which waits for its Traefik. By name: of several exclusions vitest heeds none. */
const PROJECTS = ["unit", "architecture", "contract", "conformance", "browser", "chaos"];

/**
 * What the second run, under the current LTS, leaves out: other people's suites and servers, which do not change with our Node,
 * and commands that only read and print. `commands.test.ts` stays.
 */
const ONCE = [
  "test/conformance/{catalog,suite,*-suite,hosts,limits.memory,oidc.canaille}.test.ts",
  "test/conformance/{commands.?*,doctor,doctor.*,watch.?*}.test.ts",
];

/** Packages whose `node_modules` the suites need. */
const FOLDERS = [".", "test/lts", "test/conformance-suite"];

function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (error) console.error(`${command}: ${error.message}`);
  return status === 0;
}

/** One static check counts as one test. */
function check(name, command, args) {
  console.log(`\n> ${name}`);
  const isGood = run(command, args);
  total[isGood ? "passed" : "failed"] += 1;
  if (!isGood) failures.push(name);
  return isGood;
}

function finish() {
  for (const failure of failures) console.error(`\nFAILED ${failure}`);
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
  console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
  const isGood = total.failed === 0 && !(process.env.CI && total.skipped > 0);
  process.exit(isGood ? 0 : 1);
}

/** Not `npm ci`: it refuses a lock file that lacks the optional binaries of platforms that the registry did not serve. */
function installPackages(folder) {
  const lock = join(root, folder, "package-lock.json");
  const installed = join(root, folder, "node_modules", ".package-lock.json");
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return true;
  console.log(`\n> npm install in ${folder}`);
  return run("npm", ["install", "--no-save", "--no-audit", "--no-fund"], {
    cwd: join(root, folder),
  });
}

const isThere = (program, check = `command -v ${program}`) =>
  spawnSync("sh", ["-c", check]).status === 0;

/** Debian as root: install it. Anywhere else the tests that need it fail and name it. */
function installPrograms() {
  const missing = PROGRAMS.filter(({ program, check }) => !isThere(program, check)).map(
    ({ debian }) => debian,
  );
  if (missing.length === 0 || process.getuid?.() !== 0 || !isThere("apt-get")) return;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  console.log(`\n> apt-get install ${missing.join(" ")}`);
  run("apt-get", ["update", "-qq"], { env, stdio: "ignore" });
  run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing], {
    env,
    stdio: "ignore",
  });
}

/**
 * Debian has no Traefik, so it is built from Go modules: minutes, once for each version, with what the tests leave of the
 * processors.
 * @returns once it is there, or cannot be; then the tests that need it name it
 */
async function buildTraefik() {
  const source = join(root, "test", "support", "traefik");
  const program = join(cache, "traefik");
  const isFresh =
    existsSync(program) && statSync(program).mtimeMs >= statSync(join(source, "go.mod")).mtimeMs;
  if (isThere("traefik") || isFresh) return;
  console.log("\n> build of Traefik, in the background");
  const command = ["-n", "19", process.execPath, join(source, "build.js")];
  const build = spawn("nice", command, { stdio: "inherit" });
  process.once("exit", () => build.kill());
  await once(build, "exit").catch((error) => console.error(`nice: ${error.message}`));
}

/**
 * @param node which Node runs vitest and, through it, every gateway process of the tests
 * @param excluded patterns of files
 */
function vitest(name, node, projects, excluded = []) {
  console.log(`\n> ${name}`);
  const report = join(cache, "vitest.json");
  rmSync(report, { force: true });
  run(node, [
    join(root, "node_modules", "vitest", "vitest.mjs"),
    ...["run", "--config", "test/vitest.config.ts", "--root", "."],
    ...["--reporter=default", "--reporter=json", `--outputFile.json=${report}`],
    ...projects.flatMap((project) => ["--project", project]),
    ...excluded.flatMap((files) => ["--exclude", files]),
  ]);
  if (!existsSync(report)) {
    total.failed += 1;
    failures.push(`${name}: no report`);
    return;
  }
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults, success } =
    JSON.parse(readFileSync(report, "utf8"));
  // A file that could not be loaded has no tests to count, but it has failed.
  const broken = testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.length === 0,
  );
  const failed = numFailedTests + broken.length;
  for (const file of testResults)
    failures.push(...failuresOf(file).map((test) => `${name} > ${test}`));
  total.passed += numPassedTests;
  total.failed += failed === 0 && !success ? 1 : failed;
  total.skipped += numPendingTests + numTodoTests;
}

/** @returns each failed test of a file with its first lines of explanation */
function failuresOf({ name, status, message, assertionResults }) {
  const file = relative(root, name);
  if (status === "failed" && assertionResults.length === 0) return [`${file}\n${message ?? ""}`];
  return assertionResults
    .filter((test) => test.status === "failed")
    .map(({ fullName, failureMessages }) => {
      const [why = ""] = failureMessages;
      return `${file} > ${fullName}\n${why.split("\n").slice(0, 12).join("\n")}`;
    });
}

mkdirSync(cache, { recursive: true });
if (!FOLDERS.every(installPackages)) {
  total.failed += 1;
  finish();
}
installPrograms();
const traefik = buildTraefik();

const bin = (name) => join(root, "node_modules", ".bin", name);
if (!check("build", bin("tsc"), ["-p", "."])) finish();
check("format", bin("oxfmt"), ["--check"]);
check("lint", bin("oxlint"), []);
check("types of the tests", bin("tsc"), ["-p", "test"]);
check("unused code", bin("knip"), []);
check("commit messages", process.execPath, [join(root, "test", "check-commits.js")]);

vitest("all tests", process.execPath, PROJECTS);
vitest(
  "black-box tests under the current LTS",
  join(root, "test", "lts", "node_modules", "node", "bin", "node"),
  ["conformance"],
  ONCE,
);
await traefik;
vitest("rehearsal", process.execPath, ["rehearsal"]);
finish();
