/**
 * Entries of `services` made from what somebody typed: an entry of the catalogue, a command, or a URL.
 */
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { EXIT, UserError } from "../errors.ts";
import { catalogEntry, fillEntry } from "./catalog.ts";
import { launcherFor } from "./install-package.ts";

/** Variables without which some machines reach nothing beyond their own network. */
const WAY_OUT = ["HTTPS_PROXY", "https_proxy", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"];

export interface ServiceWishes {
  readonly command: readonly string[];
  readonly url?: string | undefined;
  /** `NAME=VALUE` each. */
  readonly param?: readonly string[] | undefined;
  readonly env?: readonly string[] | undefined;
  readonly header?: readonly string[] | undefined;
  readonly isolation?: string | undefined;
  readonly allow: Allowances;
  readonly isInstalling: boolean;
}

interface Allowances {
  readonly read?: readonly string[] | undefined;
  readonly write?: readonly string[] | undefined;
  readonly env?: readonly string[] | undefined;
  readonly run?: readonly string[] | undefined;
  readonly net?: boolean | undefined;
  readonly all?: boolean | undefined;
}

export interface NewService {
  /** As it stands in mcp-gateway.yaml. */
  readonly entry: Record<string, unknown>;
  /** What people should know of it, a sentence each. */
  readonly remarks: readonly string[];
  /** What `prepare` will fetch, when that takes a while. */
  readonly task?: string | undefined;
  /** Makes the folders and fetches the program it needs. */
  prepare(): Promise<void>;
}

export interface Places {
  /** Folder of the configuration file. */
  readonly base: string;
  /** What somebody typed is relative to this. */
  readonly here: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Path of this program. */
  readonly program: string;
  /** Where a program is, for services that will run somewhere else; else it is looked for here. */
  readonly find?: (program: string) => string | undefined;
}

/**
 * @param name of the catalogue's entry where neither a command nor a URL is wished for
 * @throws UserError exit 2 when something cannot be as wished
 */
export function newService(name: string, wishes: ServiceWishes, places: Places): NewService {
  const isElsewhere = wishes.url !== undefined;
  if (isElsewhere && wishes.command.length > 0) {
    throw usage("A service is a command or a URL, not both", "Leave out one of them.");
  }
  const isCatalogued = !isElsewhere && wishes.command.length === 0;
  if (!isCatalogued && wishes.param?.length) {
    throw usage("Parameters are for servers of the catalogue", "Leave out --param.");
  }
  const made = isElsewhere ? elsewhere(wishes) : isCatalogued ? undefined : started(wishes, places);
  const { entry, ...rest } = made ?? catalogued(name, wishes, places);
  const { isolation } = wishes;
  const whole = { ...entry, ...(isolation !== undefined && { isolation }) };
  const needed = [...JSON.stringify(whole).matchAll(/\$\{([A-Za-z_]\w*)\}/g)].map(
    ([, one]) => one!,
  );
  const unset = [...new Set(needed)].filter((one) => places.environment[one] === undefined);
  const remarks = unset.map(
    (one) => `It needs the environment variable ${one}, which is not set here.`,
  );
  const { net, env = [] } = (entry["permissions"] ?? {}) as { net?: boolean; env?: string[] };
  const kept = WAY_OUT.filter((one) => places.environment[one] !== undefined && !env.includes(one));
  if (net && kept.length > 0) {
    const flags = kept.map((one) => `--allow-env ${one}`).join(" ");
    remarks.push(`If this machine needs them to reach the network, grant it ${flags}`);
  }
  return { ...rest, entry: whole, remarks: [...rest.remarks, ...remarks] };
}

function elsewhere({ url, header, env, allow }: ServiceWishes): NewService {
  if (env?.length || Object.values(allow).some(Boolean)) {
    throw usage(
      "A server elsewhere has neither environment nor permissions here",
      "Leave them out.",
    );
  }
  const headers = pairs(header, "--header");
  const entry = { url, ...(Object.keys(headers).length > 0 && { headers }) };
  return { entry, remarks: [], prepare: async () => undefined };
}

function started(wishes: ServiceWishes, places: Places): NewService {
  const [command, ...args] = wishes.command;
  const entry = { command, ...(args.length > 0 && { args }), ...environmentOf(wishes) };
  const permissions = permissionsOf(undefined, wishes.allow, places.here);
  return {
    entry: { ...entry, permissions },
    remarks:
      Object.keys(permissions).length === 0
        ? ["It may reach nothing besides its own files; --allow-read and the like grant more."]
        : [],
    prepare: async () => undefined,
  };
}

function catalogued(name: string, wishes: ServiceWishes, places: Places): NewService {
  const entry = catalogEntry(name);
  const { service, folders } = fillEntry(entry, pairs(wishes.param, "--param"), places);
  const launcher = launcherFor(entry, { ...places, isInstalling: wishes.isInstalling });
  const { args, env, permissions: usual, ...members } = service;
  const allow = { ...wishes.allow, ...(launcher.needsNetwork && { net: true }) };
  const permissions = permissionsOf(usual, allow, places.here);
  const words = [...launcher.args, ...args];
  return {
    entry: {
      command: launcher.command,
      ...(words.length > 0 && { args: words }),
      ...environmentOf(wishes, env),
      ...members,
      permissions,
    },
    remarks: [
      `What it reaches: ${entry.reaches}`,
      ...(launcher.needsNetwork
        ? [`It may use the network, so that ${launcher.command} can fetch it.`]
        : []),
    ],
    task: launcher.task,
    async prepare() {
      for (const folder of folders) mkdirSync(folder, { recursive: true, mode: 0o700 });
      await launcher.install?.();
    },
  };
}

function environmentOf({ env }: ServiceWishes, usual: unknown = {}): { env?: object } {
  const all = { ...(usual as object), ...pairs(env, "--env") };
  return Object.keys(all).length > 0 ? { env: all } : {};
}

/** Written out even where they are empty: who reads the file sees that nothing was forgotten. */
function permissionsOf(usual: unknown, allow: Allowances, here: string): "all" | object {
  if (allow.all || usual === "all") return "all";
  const before = (usual ?? {}) as Record<string, unknown>;
  const absolute = (path: string): string => resolve(here, path);
  const added = {
    read: allow.read?.map(absolute),
    write: allow.write?.map(absolute),
    env: allow.env,
    run: allow.run,
  };
  const lists = Object.entries(added).flatMap(([kind, words = []]) => {
    const list = new Set([...((before[kind] as string[] | undefined) ?? []), ...words]);
    return list.size > 0 ? [[kind, [...list]] as const] : [];
  });
  const net = Boolean(before["net"]) || allow.net === true;
  return { ...Object.fromEntries(lists), ...(net && { net }) };
}

function pairs(words: readonly string[] = [], flag: string): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf("=");
      if (at < 1) throw usage(`${flag} ${word} has no value`, `Write ${flag} NAME=VALUE`);
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}

function usage(message: string, hint: string): UserError {
  return new UserError(message, { hint, exitCode: EXIT.usage });
}
