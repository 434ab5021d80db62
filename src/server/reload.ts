/**
 * A configuration that changes while the gateway runs. Services come, go and change; sessions of those that stay as they
 * are notice nothing. What cannot change in a running process is named, and takes effect with its next start.
 */
import { readFileSync, watch } from "node:fs";
import { basename, dirname } from "node:path";
import type { Bridge, Service } from "../bridge/bridge.ts";
import { epochSeconds } from "../clock.ts";
import type { Config } from "../config.ts";
import { isNarrower } from "../config/narrowing.ts";
import type { ServiceRules } from "../config/policy.ts";
import { messageOf } from "../errors.ts";
import { KINDS, type Kind } from "../policy/decide.ts";
import type { ServerContext } from "./context.ts";
import type { LiveResources } from "./resources.ts";

/** Members that take effect at once. */
const LIVE = [
  "services",
  "defaultService",
  "limits",
  "allowedOrigins",
  "proxy",
  "$schema",
] as const;
const SETTLE = 0.2; // seconds after the last change of the file: editors write in several steps

/** Where the configuration comes from. */
export interface ConfigSource {
  readonly file: string;
  /** @throws UserError when it is wrong */
  load(): Config | Promise<Config>;
}

export interface ReloadOptions {
  readonly context: Pick<ServerContext, "config" | "clock" | "events" | "log">;
  readonly resources: LiveResources;
  readonly bridge: Bridge;
  readonly source: ConfigSource;
  /** Ends what was given to people who may not come in any more. */
  readonly endGrantsOfStrangers: () => Promise<void>;
  readonly services: ReadonlyMap<string, Service>;
  /** Those that are as before stay the same objects. @throws UserError */
  readonly createServices: (
    config: Config,
    before: ReadonlyMap<string, Service>,
  ) => ReadonlyMap<string, Service>;
  /** The configuration as it was read; that of the context knows more. */
  readonly loaded: Config;
}

export interface Reload {
  /** Read the file and apply it. @returns whether it is in force now; if not, the log says why */
  now(): Promise<boolean>;
  stop(): void;
}

/** Watches the file, and reads it whenever it has changed. */
export function startReload(options: ReloadOptions): Reload {
  const { context, source } = options;
  const { clock, log } = context;
  let services = options.services;
  let loaded = options.loaded;
  let text = readText(source.file);
  let cancel: (() => void) | undefined;
  let running: Promise<boolean> = Promise.resolve(true);

  const apply = async (): Promise<boolean> => {
    text = readText(source.file);
    try {
      const next = await source.load();
      const nextServices = options.createServices(next, services);
      warnOfFixed(options, next, loaded);
      change(options, next, services, nextServices);
      services = nextServices;
      loaded = next;
      return true;
    } catch (error) {
      log.error(`${messageOf(error)}\nThe configuration in force stays as it was.`);
      return false;
    }
  };
  const now = (): Promise<boolean> => (running = running.then(apply));

  const look = (): void => {
    cancel?.();
    cancel = clock.after(SETTLE, () => {
      if (readText(source.file) !== text) void now();
    });
  };
  // The folder, not the file: editors put a new file in the place of the old one, and mounted files are links.
  const name = basename(source.file);
  const watcher = watch(dirname(source.file), { persistent: false }, (_event, changed) => {
    if (changed === null || changed === name || changed.startsWith("..")) look();
  });
  watcher.on("error", (error) =>
    log.warn({ reason: error.message }, "changes of the file go unseen"),
  );
  return {
    now,
    stop() {
      cancel?.();
      watcher.close();
    },
  };
}

function change(
  { context, resources, bridge, endGrantsOfStrangers }: ReloadOptions,
  next: Config,
  before: ReadonlyMap<string, Service>,
  services: ReadonlyMap<string, Service>,
): void {
  const { config, clock, events, log } = context;
  const names = (from: ReadonlyMap<string, Service>, without: ReadonlyMap<string, Service>) =>
    [...from.keys()].filter((name) => !without.has(name));
  const changed = [...services].flatMap(([name, service]) =>
    before.has(name) && before.get(name) !== service ? [name] : [],
  );
  const narrowed = changed.filter((name) =>
    isNarrower(services.get(name)!.config, before.get(name)!.config),
  );
  const listed = Object.entries(next.services).map(([name, entry]) => ({
    service: name,
    kinds: listsThatChange(entry, config.services[name]),
  }));
  // One turn: nobody sees half of it.
  config.services = next.services;
  Object.assign(config.limits, next.limits);
  config.allowedOrigins = next.allowedOrigins;
  config.proxy = next.proxy;
  config.identity = withRulesOf(next, config);
  if (next.defaultService === undefined) delete config.defaultService;
  else config.defaultService = next.defaultService;
  resources.replace(config);
  const ending: Promise<unknown>[] = [bridge.replaceServices(services), endGrantsOfStrangers()];
  const reason = "the service may do less than before";
  for (const { service, kinds } of listed) bridge.announce(service, kinds);
  for (const service of narrowed) ending.push(bridge.end({ service }, reason));
  const facts = { added: names(services, before), removed: names(before, services), changed };
  log.info(facts, "the configuration was read again");
  events.publish({ type: "config.reloaded", at: epochSeconds(clock), ...facts });
  Promise.all(ending).catch((error: unknown) =>
    log.error({ err: error }, "sessions or grants could not be ended"),
  );
}

/** Rules decide at once for sessions that run, whose clients may have shown people what is no more. */
function listsThatChange(next: ServiceRules, before: ServiceRules | undefined): Kind[] {
  const text = (rules: ServiceRules | undefined, kind: Kind): string =>
    JSON.stringify([rules?.[kind], rules?.policies]);
  return KINDS.filter((kind) => before && text(next, kind) !== text(before, kind));
}

function warnOfFixed({ context }: ReloadOptions, next: Config, before: Config): void {
  const fixed = { ...next, identity: withRulesOf(before, next) };
  const members = (Object.keys({ ...before, ...next }) as (keyof Config)[]).filter(
    (member) =>
      !(LIVE as readonly string[]).includes(member) &&
      JSON.stringify(fixed[member]) !== JSON.stringify(before[member]),
  );
  if (members.length === 0) return;
  context.log.warn({ members }, `Changes of ${members.join(", ")} need a restart of the gateway`);
}

/** Who may come in can change; who says which person it is cannot. */
function withRulesOf({ identity: { allow, admins } }: Config, config: Config): Config["identity"] {
  const { allow: _allow, admins: _admins, ...identity } = config.identity;
  return { ...identity, ...(allow && { allow }), ...(admins && { admins }) };
}

/** Nothing while it is being replaced. */
function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
