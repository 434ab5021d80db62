/**
 * A service that is a program on this machine: each channel is a child process of its own.
 */
import type { StdioServiceConfig } from "../../config/service.ts";
import { expandReferences } from "../../secret.ts";
import { childEnvironment } from "../child-environment.ts";
import { Child, type ChildExit, type ChildProgram } from "../child.ts";
import { ServiceLog } from "../service-log.ts";
import { probeEra } from "./probe.ts";
import type { ServiceFactory } from "./service-factory.ts";
import type { Era } from "./service.ts";

/** Names of variables whose value is a secret even where the configuration spells it out. */
const SECRET_NAME = /key|token|secret|password|credential/i;
/** A shorter value would blank out innocent text. */
const SECRET_LENGTH = 6; // characters
const REASON_TAIL = 1000; // characters of standard error that explain a failure

export const createStdioService: ServiceFactory<StdioServiceConfig> = (name, config, deps) => {
  const { clock, events, log, reaper, environment } = deps;
  const program = programOf(name, config, environment);
  const children = new Map<Child, "serving" | "probing">();
  const lines = new ServiceLog(clock, program.secrets);
  let failure: string | undefined;
  let era: Promise<Era> | undefined;
  let isStopped = false;

  const open = (purpose: "serving" | "probing"): Child => {
    if (isStopped) throw new Error(`service ${name} is stopping`);
    const child: Child = new Child(program, clock, reaper, {
      started(pid) {
        if (purpose === "probing") return;
        failure = undefined;
        events.publish({ type: "service.started", at: clock.now(), service: name, pid });
      },
      failed: (reason) => (failure = reason),
      noise(stream, text) {
        log.debug({ service: name, pid: child.pid, stream }, text.trimEnd());
        if (purpose === "serving") lines.add(child.pid, stream, text);
      },
      exited(exit) {
        if (purpose === "probing") return;
        if (!exit.isExpected) failure = explain(exit);
        const { pid, exitCode, signal, stderr } = exit;
        events.publish({
          type: "service.exited",
          at: clock.now(),
          service: name,
          pid,
          exitCode,
          signal,
          stderr,
        });
      },
      closed() {
        children.delete(child);
        lines.end(child.pid);
      },
    });
    children.set(child, purpose);
    return child;
  };

  const findEra = async (): Promise<Era> => {
    const found = await probeEra(() => open("probing"), clock);
    // Silence is not remembered: a slow start now may be a quick one later.
    if (found === undefined) era = undefined;
    return found ?? "legacy";
  };

  const explain = ({ verdict, stderr }: ChildExit): string =>
    stderr === ""
      ? `service ${name} ${verdict}`
      : `service ${name} ${verdict}: ${stderr.slice(-REASON_TAIL)}`;

  return {
    name,
    config,
    async era(signal) {
      if (config.era !== "auto") return config.era;
      era ??= findEra();
      return await abortable(era, signal);
    },
    async connect(_caller, signal) {
      const child = open("serving");
      const give = (): void => void child.close();
      if (signal.aborted) give();
      else signal.addEventListener("abort", give, { once: true });
      return child;
    },
    health() {
      const serving = [...children].filter(([, purpose]) => purpose === "serving");
      const pids = serving.flatMap(([child]) => child.pid ?? []);
      if (failure !== undefined) return { state: "failing", children: pids, reason: failure };
      return { state: pids.length > 0 ? "running" : "idle", children: pids };
    },
    log: () => lines.lines(),
    async restart(graceSeconds) {
      era = undefined;
      failure = undefined;
      await Promise.all([...children.keys()].map((child) => child.close(graceSeconds)));
    },
    async stop(graceSeconds) {
      isStopped = true;
      await Promise.all([...children.keys()].map((child) => child.close(graceSeconds)));
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
