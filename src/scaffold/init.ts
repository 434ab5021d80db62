/**
 * `init`: from answers to a folder with a deployment in it.
 */
import { existsSync, lstatSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { checkConfigText, configError } from "../config-file.ts";
import { unifiedDifference } from "../config/text-difference.ts";
import { EXIT, UserError } from "../errors.ts";
import { CONFIG_FILE } from "../paths.ts";
import { randomToken } from "../random.ts";
import { CLIENT_ID_PLACEHOLDER, type Answers } from "./answers.ts";
import { deploymentFiles, templateValues, variablesOf } from "./deployment.ts";
import { emptyNamesOf, namesOf, withVariables } from "./env-file.ts";
import { callbackOf, gatewayFile, GIVE_ACCOUNT } from "./gateway-file.ts";
import { importServers, type Imported } from "./mcp-servers.ts";
import {
  abandoned,
  planFile,
  readRecord,
  recordOf,
  textOf,
  writeFiles,
  type FileState,
  type InitRecord,
  type PlannedFile,
} from "./plan.ts";
import { findTarget, type Target } from "./target.ts";

const ENV_FILE = ".env";
const ENV_MODE = 0o600;

export interface Scaffold {
  readonly directory: string;
  readonly target: Target;
  readonly record: InitRecord | undefined;
  readonly imported: Imported | undefined;
}

/** What is there before anything is asked. @throws UserError when it cannot be used */
export function beginScaffold(wishes: {
  directory: string;
  target: string | undefined;
  from: string | undefined;
}): Scaffold {
  const directory = resolve(wishes.directory);
  if (existsSync(directory) && !lstatSync(directory).isDirectory()) {
    throw new UserError(`${directory} is no folder`, {
      hint: "Name another one.",
      exitCode: EXIT.usage,
    });
  }
  const record = readRecord(directory);
  const target = findTarget(wishes.target ?? record?.target);
  const imported =
    wishes.from === undefined
      ? undefined
      : importServers(wishes.from, readSource(wishes.from), target);
  return { directory, target, record, imported };
}

interface InitFile {
  readonly path: string;
  readonly state: FileState;
  /** From what is there to what would be, as `diff -u` writes it; no values of .env. */
  readonly difference: readonly string[];
}

export interface InitResult {
  readonly directory: string;
  readonly target: string;
  readonly files: readonly InitFile[];
  /** What people should know, a sentence each. */
  readonly remarks: readonly string[];
  /** What is left to fill in, a sentence each. */
  readonly missing: readonly string[];
  readonly next: readonly string[];
}

/** @returns what would be done, and the function that does it */
export function planDeployment(
  { directory, target, record, imported }: Scaffold,
  answers: Answers,
  version: string,
): { result: InitResult; write: () => void } {
  const main = planFile(
    directory,
    { path: CONFIG_FILE, text: gatewayFile(answers, target) },
    record,
  );
  // What somebody wrote there is the configuration: all other files follow it.
  const { config, issues } = checkConfigText(main.state === "kept" ? main.before! : main.text);
  if (config === undefined) throw configError(join(directory, CONFIG_FILE), issues);

  const before = textOf(join(directory, ENV_FILE));
  const variables = [
    ...variablesOf(answers, target, randomToken),
    ...Object.entries(imported?.secrets ?? {}).map(([name, value]) => ({
      name,
      value: value ?? "",
      about: "Of a service.",
    })),
  ];
  const env = withVariables(before ?? "", variables, target.environment);
  const values = templateValues(config, target, version, [...namesOf(env.text)]);
  const rendered = deploymentFiles(config, target, values);
  const files = [main, ...rendered.map((file) => planFile(directory, file, record))];

  const mode = before === undefined ? undefined : lstatSync(join(directory, ENV_FILE)).mode & 0o777;
  const isOpen = mode !== undefined && mode !== ENV_MODE && process.platform !== "win32";
  const remarks = [
    ...(answers.identity.console === undefined ? [`To let somebody in: ${GIVE_ACCOUNT}`] : []),
    ...(imported?.remarks ?? []),
    ...env.unwritten.map(
      (name) =>
        `${ENV_FILE} cannot hold the value of ${name} in every shell's spelling: fill it in by hand.`,
    ),
    ...(isOpen ? [`${ENV_FILE} could be read by others; now it cannot.`] : []),
    ...abandoned(record, files).map(
      (path) => `${path} is no part of it any more; delete it if you like.`,
    ),
  ];
  const result: InitResult = {
    directory,
    target: target.name,
    files: [...files.map(shown), envShown(before, env.text)],
    remarks,
    missing: missingIn(main.state === "kept" ? main.before! : main.text, env.text, answers),
    next: target.next,
  };
  const write = (): void => {
    const changed = files.filter(({ state }) => state === "new" || state === "changed");
    const isNewEnv = env.text !== before || isOpen;
    writeFiles(directory, [
      ...(isNewEnv ? [{ path: ENV_FILE, text: env.text, mode: ENV_MODE }] : []),
      ...changed,
      recordOf(target.name, answers, files, record),
    ]);
  };
  return { result, write };
}

function shown({ path, state, before = "", text }: PlannedFile): InitFile {
  const difference = state === "same" ? [] : unifiedDifference(path, before, text);
  return { path, state, difference };
}

function envShown(before: string | undefined, after: string): InitFile {
  const hidden = (text: string): string =>
    text.replaceAll(/^([A-Za-z_]\w*=)(?:'[^']*'|"[^"]*"|.+)$/gms, "$1...");
  const state = before === undefined ? "new" : before === after ? "same" : "changed";
  const difference = unifiedDifference(ENV_FILE, hidden(before ?? ""), hidden(after));
  return { path: ENV_FILE, state, difference: state === "same" ? [] : difference };
}

function missingIn(config: string, env: string, answers: Answers): string[] {
  const empty = [...emptyNamesOf(env)];
  const { identity } = answers;
  const hasPlaceholder = config.includes(CLIENT_ID_PLACEHOLDER);
  return [
    ...(hasPlaceholder
      ? [`Register the gateway at ${identity.console}, with the callback ${callbackOf(answers)}.`]
      : []),
    ...(hasPlaceholder
      ? [`Put its client ID into ${CONFIG_FILE}, for ${CLIENT_ID_PLACEHOLDER}.`]
      : []),
    ...(empty.length > 0 ? [`Fill in ${empty.join(", ")} in ${ENV_FILE}.`] : []),
  ];
}

function readSource(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new UserError(`Cannot read ${file}`, {
      hint: "Check the path and its permissions.",
      exitCode: EXIT.usage,
      cause,
    });
  }
}
