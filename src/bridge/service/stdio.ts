/**
 * A service that is a program on this machine: each channel is a child process of its own.
 */
import type { StdioServiceConfig } from "../../config/service.ts";
import { expandReferences } from "../../secret.ts";
import { childEnvironment } from "../child-environment.ts";
import { Child, type ChildProgram } from "../child.ts";
import { ServiceLog } from "../service-log.ts";
import { Nursery } from "./nursery.ts";
import { probeEra } from "./probe.ts";
import type { ServiceFactory } from "./service-factory.ts";
import type { Era } from "./service.ts";

/** Names of variables whose value is a secret even where the configuration spells it out. */
const SECRET_NAME = /key|token|secret|password|credential/i;
/** A shorter value would blank out innocent text. */
const SECRET_LENGTH = 6; // characters

export const createStdioService: ServiceFactory<StdioServiceConfig> = (name, config, deps) => {
  const { clock, events, log, reaper, environment } = deps;
  const program = programOf(name, config, environment);
  const lines = new ServiceLog(clock, program.secrets);
  const nursery = new Nursery({
    name,
    warm: config.warm,
    clock,
    events,
    log,
    create: (observer) => new Child(program, clock, reaper, observer),
    onNoise: (pid, stream, text) => lines.add(pid, stream, text),
    onGone: (pid) => lines.end(pid),
  });
  let era: Promise<Era> | undefined;
  let knownEra = config.era === "auto" ? undefined : config.era;

  const findEra = async (): Promise<Era> => {
    const from = clock.now();
    try {
      knownEra = await probeEra(() => nursery.probe(), clock);
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
    async era(signal) {
      if (config.era !== "auto") return config.era;
      era ??= findEra();
      return await abortable(era, signal);
    },
    connect: (_caller, signal) => nursery.serve(signal),
    health: () => ({ ...nursery.health(), ...(knownEra && { era: knownEra }) }),
    log: () => lines.lines(),
    async stop(graceSeconds) {
      await nursery.stop(graceSeconds);
      reaper?.endWhenIdle();
    },
  };
};

function programOf(
  name: string,
  config: StdioServiceConfig,
  environment: NodeJS.ProcessEnv,
): ChildProgram {
  const configured: Record<string, string> = {};
  const secrets: string[] = [];
  for (const [variable, text] of Object.entries(config.env)) {
    const value = expandReferences(text, `services.${name}.env.${variable}`, environment);
    configured[variable] = value;
    const isSecret = value !== text || SECRET_NAME.test(variable);
    if (isSecret && value.length >= SECRET_LENGTH) secrets.push(value);
  }
  return {
    name,
    command: config.command,
    args: config.args,
    environment: childEnvironment(environment, configured),
    directory: config.cwd ?? process.cwd(),
    secrets,
  };
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new Error("given up"));
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
