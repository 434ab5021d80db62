/**
 * Which MCP servers a new deployment begins with: names of the catalogue with their parameters, commands, and URLs.
 */
import { messageOf, UserError } from "../errors.ts";
import { checkConfigText } from "../config-file.ts";
import { readCatalog } from "../config/catalog.ts";
import { newService } from "../config/new-service.ts";
import { RESERVED_NAMES } from "../config.ts";
import type { ChosenService } from "./answers.ts";
import type { Target } from "./target.ts";

export interface Here {
  /** What somebody typed is relative to this. */
  readonly directory: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Path of this program. */
  readonly program: string;
}

/** They fetch what they start, so that what they start has the network, too. */
export const FETCHING: ReadonlySet<string> = new Set(["npx", "uvx", "bunx", "pnpx"]);

export const COMMAND_REACHES =
  "It reaches the system's programs, its own files and what permissions name, nothing else.";

/**
 * Each item is `echo`, `filesystem folder=/srv/files`, `notes=node notes.js` or `search=https://mcp.example.com/mcp`.
 * @throws Error that says what cannot be
 */
export function parseServices(
  texts: readonly string[],
  target: Target,
  here: Here,
): Record<string, ChosenService> {
  const items = texts.flatMap((text) => text.split(",")).map((item) => item.trim());
  const services: Record<string, ChosenService> = {};
  for (const item of items) {
    if (item === "") continue;
    const [name, service] = parseService(item, target, here);
    if (Object.hasOwn(services, name)) throw new Error(`${name} is there twice`);
    services[name] = service;
  }
  if (Object.keys(services).length > 0) return services;
  throw new Error("name at least one; mcp-gateway service catalog lists those that are known");
}

function parseService(item: string, target: Target, here: Here): [string, ChosenService] {
  const [first = "", ...rest] = item.split(/\s+/);
  const [, named, word = ""] = /^([^=]+)=(.*)$/.exec(first) ?? [];
  const name = named ?? first;
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name) || RESERVED_NAMES.has(name)) {
    throw new Error(`${name} cannot be a service's name: lower-case letters, digits and hyphens`);
  }
  const isUrl = /^https?:\/\//.test(word);
  const wishes = {
    command: named === undefined || isUrl ? [] : [word, ...rest].filter((one) => one !== ""),
    url: isUrl ? word : undefined,
    param: named === undefined ? rest : [],
    allow: { net: named !== undefined && FETCHING.has(word) },
    isInstalling: false,
  };
  if (named !== undefined && wishes.command.length === 0 && !isUrl) {
    throw new Error(`${name} needs a command or a URL after =`);
  }
  if (named === undefined && !catalog().includes(name)) {
    throw new Error(
      `the catalogue has no ${name} (it has ${catalog().join(", ")}); for one of your own write ${name}=COMMAND or ${name}=URL`,
    );
  }
  const { entry, remarks } = newServiceOrReason(name, wishes, target, here);
  const about = wishes.command.length > 0 ? [COMMAND_REACHES] : remarks;
  return [name, placed(name, { entry, about }, target)];
}

function catalog(): string[] {
  return readCatalog().map(({ name }) => name);
}

function newServiceOrReason(
  name: string,
  wishes: Parameters<typeof newService>[1],
  { data, programs }: Target,
  here: Here,
): ReturnType<typeof newService> {
  const isElsewhere = programs !== undefined;
  const find = (one: string): string | undefined => (programs?.includes(one) ? one : undefined);
  try {
    return newService(name, wishes, {
      base: data,
      here: here.directory,
      environment: isElsewhere ? {} : here.environment,
      program: here.program,
      ...(isElsewhere && { find }),
    });
  } catch (error) {
    // As it is typed here.
    const hint = error instanceof UserError ? error.hint?.replaceAll("--param ", "") : undefined;
    throw new Error([messageOf(error), hint].filter(Boolean).join(": "), { cause: error });
  }
}

/**
 * As the target has it.
 * @throws Error when the configuration would not take it, or the target has no program to start it with
 */
export function placed(name: string, service: ChosenService, target: Target): ChosenService {
  const { entry, about } = service;
  const config = { publicUrl: "https://gw.example.com", services: { [name]: entry } };
  const [issue] = checkConfigText(JSON.stringify(config)).issues;
  if (issue !== undefined) {
    throw new Error(`${issue.path.replace(/^services\.[^.]+\.?/, "")} ${issue.message}`.trim());
  }
  const { programs, permissions } = target;
  const { command } = entry as { command?: string };
  if (command === undefined || programs === undefined) return service;
  if (!command.includes("/") && !programs.includes(command)) {
    throw new Error(`${name} needs ${command}, which ${target.title} does not bring`);
  }
  if (permissions === undefined) return service;
  return { entry: { ...entry, permissions: "all" }, about: [...about, permissions.all] };
}
