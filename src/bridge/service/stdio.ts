/**
 * A service that is a program on this machine: each channel is a child process of its own.
 */
import { dirname, join } from "node:path";
import type { AuthInfo } from "../../auth-info.ts";
import { NO_PERMISSIONS, resolvePermissions } from "../../config/permissions.ts";
import type { StdioServiceConfig } from "../../config/service.ts";
import { credentialsDirectory, loginsDirectory } from "../../paths.ts";
import { expandReferences } from "../../secret.ts";
import { childEnvironment } from "../child-environment.ts";
import { Child } from "../child.ts";
import { asksPeople, ownValues, type OwnValues } from "../credentials.ts";
import { createSandbox } from "../sandbox/create-sandbox.ts";
import { explainDenial } from "../sandbox/denial.ts";
import { ServiceLog } from "../service-log.ts";
import type { ChildProgram } from "../spawn-program.ts";
import { Nursery } from "./nursery.ts";
import { probeEra } from "./probe.ts";
import type { ServiceDependencies, ServiceFactory } from "./service-factory.ts";
import type { Era } from "./service.ts";
import { abortable } from "./abortable.ts";

/** Names of variables whose value is a secret even where the configuration spells it out. */
const SECRET_NAME = /key|token|secret|password|credential/i;
/** A shorter value would blank out innocent text. */
const SECRET_LENGTH = 6; // characters

export const createStdioService: ServiceFactory<StdioServiceConfig> = (name, config, deps) => {
  const { clock, events, log, reaper } = deps;
  const program = programOf(name, config, deps);
  const lines = new ServiceLog(clock, program.secrets);
  const nursery = new Nursery({
    name,
    warm: config.warm,
    clock,
    events,
    log,
    create: (observer, own) => new Child(withOwn(program, own), clock, reaper, observer),
    advise: (stderr) => adviceFor(program, config, deps, stderr),
    onNoise: (pid, stream, text, own) => lines.add(pid, stream, text, own?.secrets),
    onGone: (pid, own) => lines.end(pid, own?.secrets),
  });
  let era: Promise<Era> | undefined;
  const configuredEra = config.era === "auto" ? undefined : config.era;
  let knownEra = configuredEra;

  const ownOf = async (caller: AuthInfo): Promise<OwnValues | undefined> =>
    asksPeople(config) ? await ownValues(deps.credentials, name, config, caller) : undefined;

  const findEra = async (caller: AuthInfo): Promise<Era> => {
    const from = clock.now();
    try {
      const own = await ownOf(caller);
      knownEra = await probeEra(() => nursery.probe(own), clock);
    } finally {
      // Silence is not remembered: a slow start now may be a quick one later.
      if (knownEra === undefined) era = undefined;
    }
    if (knownEra === undefined) nursery.probedInVain(from);
    return knownEra ?? "legacy";
  };

  return {
    name,
    config,
    async era(signal, caller) {
      if (config.era !== "auto") return config.era;
      era ??= findEra(caller);
      return await abortable(era, signal);
    },
    connect: async (caller, signal) => nursery.serve(signal, await ownOf(caller)),
    health: () => ({
      ...nursery.health(),
      ...(knownEra && { era: knownEra }),
      sandbox: program.sandbox.tier,
    }),
    log: () => lines.lines(),
    retire: () => nursery.retire(),
    async restart(graceSeconds) {
      era = undefined;
      knownEra = configuredEra;
      await nursery.restart(graceSeconds);
    },
    async stop(graceSeconds) {
      await nursery.stop(graceSeconds);
      reaper?.endWhenIdle();
    },
  };
};

/** The environment of one person's own process. */
function withOwn(program: ChildProgram, own: OwnValues | undefined): ChildProgram {
  if (!own) return program;
  const environment = { ...program.environment, ...own.environment };
  return { ...program, environment, secrets: [...own.secrets, ...program.secrets] };
}

function programOf(
  name: string,
  config: StdioServiceConfig,
  { environment, paths, changeable, log }: ServiceDependencies,
): ChildProgram {
  const configured: Record<string, string> = {};
  const secrets: string[] = [];
  for (const [variable, text] of Object.entries(config.env)) {
    const value = expandReferences(text, `services.${name}.env.${variable}`, environment);
    configured[variable] = value;
    const isSecret = value !== text || SECRET_NAME.test(variable);
    if (isSecret && value.length >= SECRET_LENGTH) secrets.push(value);
  }
  const sandbox = createSandbox({
    service: name,
    config,
    environment,
    changeable,
    hidden: [
      paths.directory,
      dirname(paths.controlSocket),
      credentialsDirectory(environment),
      loginsDirectory(environment),
    ],
    cache: join(paths.directory, "cache", name),
  });
  log.info({ service: name, sandbox: sandbox.tier }, "what confines this service's programs");
  const granted = config.permissions === "all" ? [] : (config.permissions?.env ?? []);
  const free = childEnvironment(environment, {});
  for (const variable of granted) {
    const value = environment[variable];
    if (value === undefined || variable in free) continue;
    free[variable] = value;
    if (value.length >= SECRET_LENGTH) secrets.push(value);
  }
  return {
    name,
    command: config.command,
    args: config.args,
    environment: { ...free, ...configured },
    sandbox,
    directory: config.cwd ?? process.cwd(),
    secrets,
  };
}

function adviceFor(
  { name, sandbox, directory, environment }: ChildProgram,
  { permissions: given = NO_PERMISSIONS }: StdioServiceConfig,
  deps: ServiceDependencies,
  stderr: string,
): string | undefined {
  if (sandbox.tier === "environment" || given === "all") return undefined;
  return explainDenial(stderr, {
    service: name,
    permissions: resolvePermissions(given, directory),
    directory,
    environment,
    outside: deps.environment,
  });
}
