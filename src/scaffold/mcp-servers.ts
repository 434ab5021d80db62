/**
 * The servers of an `mcpServers` file: Claude Desktop, Claude Code and others (`.mcp.json`), Cursor, and VS Code, which calls
 * them `servers`. Secrets go into .env and are named in their place; what cannot be taken over is said.
 */
import { basename } from "node:path";
import { z } from "zod";
import { RESERVED_NAMES } from "../config.ts";
import { EXIT, messageOf, UserError } from "../errors.ts";
import type { ChosenService } from "./answers.ts";
import { argumentLooksSecret, looksSecret } from "./looks-secret.ts";
import { COMMAND_REACHES, FETCHING, placed } from "./services.ts";
import type { Target } from "./target.ts";

export interface Imported {
  readonly services: Record<string, ChosenService>;
  /** For .env; undefined where the file only names what its application asks for. */
  readonly secrets: Record<string, string | undefined>;
  /** A sentence each. */
  readonly remarks: string[];
}

const text = z.union([z.string(), z.number().transform(String), z.boolean().transform(String)]);
const server = z.looseObject({
  type: z.string().optional(),
  transport: z.string().optional(),
  command: z.string().min(1).optional(),
  args: z.array(text).default([]),
  env: z.record(z.string(), text.nullable()).default({}),
  envFile: z.string().optional(),
  cwd: z.string().optional(),
  url: z.string().optional(),
  serverUrl: z.string().optional(),
  headers: z.record(z.string(), text).default({}),
  disabled: z.boolean().default(false),
});
type Server = z.output<typeof server>;
const servers = z.record(z.string(), z.unknown());
const file = z.union([
  z.looseObject({ mcpServers: servers }).transform((one) => one.mcpServers),
  z.looseObject({ servers }).transform((one) => one.servers),
  z.looseObject({ mcp: z.looseObject({ servers }) }).transform((one) => one.mcp.servers),
]);

/** @throws UserError when it is no such file, or nothing of it can be taken */
export function importServers(name: string, content: string, target: Target): Imported {
  const imported: Imported = { services: {}, secrets: {}, remarks: [] };
  for (const [given, value] of Object.entries(readServers(name, content))) {
    try {
      importServer(given, server.parse(value), target, imported);
    } catch (error) {
      const why = error instanceof z.ZodError ? error.issues[0]!.message : messageOf(error);
      imported.remarks.push(`${given} was left out: ${why}.`);
    }
  }
  if (Object.keys(imported.services).length > 0) return imported;
  throw new UserError(`No server of ${name} can be taken over`, {
    hint: imported.remarks.join(" ") || "It names none. Choose servers with --service.",
    exitCode: EXIT.usage,
  });
}

function readServers(name: string, content: string): Record<string, unknown> {
  try {
    return file.parse(JSON.parse(withoutComments(content)));
  } catch (cause) {
    const isShape = cause instanceof z.ZodError;
    throw new UserError(
      isShape ? `${name} has no mcpServers` : `${name} is not JSON: ${messageOf(cause)}`,
      {
        hint: "Name a file such as claude_desktop_config.json, .mcp.json, .vscode/mcp.json or .cursor/mcp.json.",
        exitCode: EXIT.usage,
        cause,
      },
    );
  }
}

/** VS Code's files have comments and commas at the end; strings stay as they are. */
function withoutComments(content: string): string {
  const keepStrings = (pattern: string): RegExp =>
    new RegExp(String.raw`("(?:[^"\\]|\\.)*")|${pattern}`, "g");
  return content
    .replace(/^\uFEFF/, "")
    .replaceAll(keepStrings(String.raw`//[^\n]*|/\*[^]*?\*/`), "$1")
    .replaceAll(keepStrings(String.raw`,(?=\s*[}\]])`), "$1");
}

function importServer(given: string, one: Server, target: Target, imported: Imported): void {
  if (one.disabled) throw new Error("it is disabled there");
  const { services, secrets, remarks } = imported;
  const name = freeName(given, services);
  const moved: Record<string, string | undefined> = {};
  const entryOf = one.command === undefined ? elsewhere : started;
  const service = placed(name, entryOf(name, one, moved, remarks), target);
  services[name] = service;
  if (name !== given) remarks.push(`${given} is called ${name} here.`);
  for (const [variable, value] of Object.entries(moved)) {
    secrets[variable] = value;
    const what = value === undefined ? "has to be filled in there" : "was moved there";
    remarks.push(`${name}: \${${variable}} stands for a value of .env, which ${what}.`);
  }
}

function elsewhere(
  name: string,
  { url, serverUrl, headers, type, transport }: Server,
  moved: Record<string, string | undefined>,
): ChosenService {
  const address = url ?? serverUrl;
  if (address === undefined) throw new Error("it has neither a command nor a url");
  if (/[?&][^=&]*(?:key|token|secret)[^=&]*=/i.test(address)) {
    throw new Error("its url carries a secret, which would stand in mcp-gateway.yaml");
  }
  const entries = Object.entries(headers).map(([header, value]) => {
    const [, scheme = "", rest = value] = /^(Bearer |Basic |Token )(.*)$/i.exec(value) ?? [];
    return [header, scheme + withoutSecret(name, header, rest, moved)];
  });
  return {
    entry: {
      url: address,
      ...(/^sse$/i.test(type ?? transport ?? "") && { transport: "sse" }),
      ...(entries.length > 0 && { headers: Object.fromEntries(entries) as object }),
    },
    about: [],
  };
}

function started(
  name: string,
  one: Server,
  moved: Record<string, string | undefined>,
  remarks: string[],
): ChosenService {
  // Windows starts npx, a script, through its shell.
  const isShell = /^cmd(?:\.exe)?$/i.test(one.command!) && /^\/c$/i.test(one.args[0] ?? "");
  const [command = "", ...args] = isShell ? one.args.slice(1) : [one.command!, ...one.args];
  const env = Object.entries(one.env).map(([variable, value]) => [
    variable,
    withoutSecret(name, variable, value ?? `\${${variable}}`, moved),
  ]);
  const secret = args.findIndex((word, index) => argumentLooksSecret(word, args[index - 1]));
  if (secret !== -1) {
    remarks.push(
      `${name}: argument ${secret + 1} looks like a secret, and everybody on the machine sees arguments; give it by env instead if the server can.`,
    );
  }
  const reference = args.find((word) => /\$\{[^}]*\}/.test(word));
  if (reference !== undefined) {
    remarks.push(`${name}: ${reference} is not replaced in arguments; write the value.`);
  }
  if (one.envFile !== undefined) {
    remarks.push(`${name}: it had variables in ${one.envFile}, which was not read.`);
  }
  const paths = args.filter((word) => /^(?:\/|~\/|[A-Za-z]:\\)/.test(word));
  const net = FETCHING.has(basename(command).replace(/\.(?:cmd|exe)$/i, ""));
  return {
    entry: {
      command,
      ...(args.length > 0 && { args }),
      ...(env.length > 0 && { env: Object.fromEntries(env) as object }),
      ...(one.cwd !== undefined && { cwd: one.cwd }),
      permissions: net ? { net: true } : {},
    },
    about: [
      COMMAND_REACHES,
      ...(net ? [`It may use the network, so that ${basename(command)} can fetch it.`] : []),
      ...(paths.length > 0 ? [`If it is to reach ${paths.join(", ")}: read or write.`] : []),
    ],
  };
}

/** @returns the value, or the name under which it goes into .env */
function withoutSecret(
  service: string,
  name: string,
  value: string,
  moved: Record<string, string | undefined>,
): string {
  // VS Code asks its person for ${input:id}; Cursor and VS Code write ${env:NAME}, Claude Code ${NAME:-default}.
  const replaced = value.replaceAll(
    /\$\{(?:(input|env):)?([\w.-]+)(?::-([^}]*))?\}/g,
    (_, kind: string | undefined, word: string, usual: string | undefined) => {
      const variable = kind === "input" ? variableName(service, word) : variableName("", word);
      moved[variable] = usual;
      return `\${${variable}}`;
    },
  );
  if (replaced !== value || !looksSecret(name, value)) return replaced;
  const variable = variableName(service, name);
  moved[variable] = value;
  return `\${${variable}}`;
}

/** Two services may have a different value under the same name. */
function variableName(service: string, name: string): string {
  const words = `${service}_${name}`.toUpperCase().replaceAll(/[^A-Z0-9]+/g, "_");
  return words.replaceAll(/^_+|_+$/g, "").replace(/^(?=\d)/, "_");
}

function freeName(given: string, taken: object): string {
  const plain = given.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  const base = plain.replaceAll(/^-+|-+$/g, "").slice(0, 58) || "server";
  const first = RESERVED_NAMES.has(base) ? `${base}-server` : base;
  let name = first;
  for (let count = 2; Object.hasOwn(taken, name); count++) name = `${first}-${count}`;
  return name;
}
