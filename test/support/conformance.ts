/**
 * The official MCP conformance suite, run from our tests.
 *
 * It lives in a package of its own (`test/conformance-suite`) because it needs Node >= 22 and we support 20: the suite's
 * package brings the Node it runs on.
 */
import { spawn } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withBearer } from "./bearer-proxy.ts";

const SUITE = fileURLToPath(new URL("../conformance-suite/", import.meta.url));
const CLI = join(SUITE, "node_modules/@modelcontextprotocol/conformance/dist/index.js");

// The suite alone would wait five minutes for a login that does not come back.
const LIMIT_MS = 180_000;

/** One run. Counts are checks, of scored scenarios only; `unscored` are extensions and what came after the revision. */
export interface SuiteResult {
  exitCode: number;
  /** How many scored scenarios were run. */
  scenarios: number;
  passed: number;
  failed: number;
  /** `scenario check-id: message` */
  failures: string[];
  warnings: string[];
  unscored: { scenarios: number; passed: number; failed: number; failures: string[] };
  output: string;
}

export interface ServerSuite {
  /** The MCP endpoint as clients see it; its host must be `localhost`, or the suite cannot try DNS rebinding. */
  url: string;
  requirements: "2025-11-25" | "2026-07-28";
  /** Sent with every request, by a proxy on the port of `url`; `target` is then where the gateway listens. */
  token?: string;
  target?: string;
  /** YAML file of the scenarios and checks that may fail; one that does not fail any more fails the run. */
  expectedFailures?: string;
  /** Only this one, not the whole set. It is then always scored. */
  scenario?: string;
}

export interface AuthorizationSuite {
  /** Exactly the `issuer` of the metadata, to the last slash. */
  issuer: string;
  clientId: string;
  /** Only where the authorization server does not offer `none`: the suite prefers that even if it has a secret. */
  clientSecret?: string;
  resource: string;
  /** The suite receives the code at `http://127.0.0.1:<port>/callback`, which the client must have registered. */
  port: number;
  /** Log in and consent at this URL; follow the redirect to the callback. */
  onAuthorizationUrl: (url: string) => Promise<void>;
}

let ready: Promise<void> | undefined;

/** Install the suite where it is missing or older than its lockfile. */
export function ensureSuite(): Promise<void> {
  ready ??= isInstalled() ? Promise.resolve() : install();
  return ready;
}

/** The server scenarios that a revision of the protocol requires. */
export async function runServerSuite(suite: ServerSuite): Promise<SuiteResult> {
  const args = ["server", "--url", suite.url];
  if (suite.scenario) {
    args.push("--scenario", suite.scenario, "--spec-version", suite.requirements);
  } else {
    args.push("--requirements", suite.requirements);
  }
  if (suite.expectedFailures) args.push("--expected-failures", suite.expectedFailures);
  if (suite.token === undefined) return runSuite(args);

  if (suite.target === undefined) throw new Error("a token needs a target to be sent to");
  const proxy = await withBearer(suite.target, suite.token, Number(new URL(suite.url).port));
  try {
    return await runSuite(args);
  } finally {
    await proxy.close();
  }
}

/** The authorization server scenarios: metadata, and one authorization code grant. */
export function runAuthorizationSuite(suite: AuthorizationSuite): Promise<SuiteResult> {
  const args = ["authorization", "--url", suite.issuer, "--client-id", suite.clientId];
  if (suite.clientSecret) args.push("--client-secret", suite.clientSecret);
  args.push("--resource", suite.resource, "--port", String(suite.port));
  return runSuite(args, suite.onAuthorizationUrl);
}

const isInstalled = () => {
  const installed = join(SUITE, "node_modules/.package-lock.json");
  return (
    existsSync(installed) &&
    statSync(installed).mtimeMs >= statSync(join(SUITE, "package-lock.json")).mtimeMs
  );
};

async function install(): Promise<void> {
  const { exitCode, output } = await run("npm", ["ci", "--no-audit", "--no-fund"]);
  if (exitCode !== 0) throw new Error(`the conformance suite cannot be installed:\n${output}`);
}

/** The Node of the suite's package, or our own where that is new enough. */
function suiteNode(): string {
  if (Number(process.versions.node.split(".")[0]) >= 22) return process.execPath;
  const binary = join(SUITE, "node_modules/node/bin/node");
  if (existsSync(binary)) return binary;
  throw new Error(
    "the conformance suite has no Node >= 22: npm was told not to run install scripts",
  );
}

async function runSuite(
  args: string[],
  onAuthorizationUrl?: (url: string) => Promise<void>,
): Promise<SuiteResult> {
  await ensureSuite();
  const results = await mkdtemp(join(tmpdir(), "mcp-conformance-"));
  try {
    const command = [CLI, ...args, "--output-dir", results];
    const { exitCode, output } = await run(suiteNode(), command, onAuthorizationUrl);
    return { exitCode, ...summarise(output, await readChecks(results)), output };
  } finally {
    await rm(results, { recursive: true, force: true });
  }
}

/** Run a program in the suite's folder to its end; a login that fails ends it at once. */
function run(
  program: string,
  args: string[],
  onAuthorizationUrl?: (url: string) => Promise<void>,
): Promise<{ exitCode: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: SUITE,
      // A test runner's own Node options are not for another Node.
      env: { ...process.env, NODE_OPTIONS: undefined, FORCE_COLOR: undefined, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: LIMIT_MS,
    });
    let output = "";
    let login = onAuthorizationUrl;
    const read = (chunk: string) => {
      output += chunk;
      const url = login && /^https?:\S+[?&]response_type=code\S*(?=\n)/m.exec(output)?.[0];
      if (!url) return;
      const visit = login!;
      login = undefined;
      visit(url).catch((cause: unknown) => {
        child.kill();
        reject(new Error(`the login for the conformance suite failed\n${output}`, { cause }));
      });
    };
    child.stdout.setEncoding("utf8").on("data", read);
    child.stderr.setEncoding("utf8").on("data", read);
    child.on("error", reject);
    child.on("close", (code) => resolve({ exitCode: code ?? 1, output }));
  });
}

interface Check {
  id: string;
  status: "SUCCESS" | "FAILURE" | "WARNING" | "SKIPPED" | "INFO";
  errorMessage?: string;
}

/** Scenario -> its checks. The suite writes each scenario into a folder `<mode>-<scenario>-<time>`. */
async function readChecks(results: string): Promise<Map<string, Check[]>> {
  const checks = new Map<string, Check[]>();
  for (const folder of await readdir(results)) {
    const name = /^(?:authorization-server|server)-(.+?)-\d{4}-\d\d-\d\dT[\d-]+Z$/.exec(
      folder,
    )?.[1];
    if (name === undefined) continue;
    const text = await readFile(join(results, folder, "checks.json"), "utf8");
    const parsed: Check[] = JSON.parse(text);
    checks.set(name, parsed);
  }
  return checks;
}

function summarise(output: string, results: Map<string, Check[]>) {
  // A scenario that crashed or ran out of time has no results, only a line in the summary.
  for (const [, name, failed] of output.matchAll(/^[✓✗] (\S+): \d+ passed, (\d+) failed/gm)) {
    if (results.has(name!)) continue;
    const status = Number(failed) > 0 ? "FAILURE" : "INFO";
    results.set(name!, [{ id: name!, status, errorMessage: "did not run to its end" }]);
  }
  // Below "Not scored for" the scenarios are listed once more, indented and with a reason.
  const names = new Set([...output.matchAll(/^ {2}[✓✗] (\S+) \(/gm)].map((match) => match[1]));

  const scenarios = [...results];
  const scored = scenarios.filter(([name]) => !names.has(name));
  const unscored = scenarios.filter(([name]) => names.has(name));
  return {
    scenarios: scored.length,
    passed: count(scored, "SUCCESS"),
    failed: count(scored, "FAILURE"),
    failures: list(scored, "FAILURE"),
    warnings: list(scored, "WARNING"),
    unscored: {
      scenarios: unscored.length,
      passed: count(unscored, "SUCCESS"),
      failed: count(unscored, "FAILURE"),
      failures: list(unscored, "FAILURE"),
    },
  };
}

const count = (scenarios: [string, Check[]][], status: Check["status"]) =>
  list(scenarios, status).length;

const list = (scenarios: [string, Check[]][], status: Check["status"]) =>
  scenarios.flatMap(([name, checks]) =>
    checks
      .filter((check) => check.status === status)
      .map((check) => `${name} ${check.id}: ${check.errorMessage ?? ""}`),
  );
