/**
 * Reading `mcp-gateway.yaml`: from text to a checked configuration, with every mistake named by its place.
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { LineCounter, parseDocument, type Document } from "yaml";
import type { z } from "zod";
import {
  configSchema,
  isLoopbackHost,
  RESERVED_NAMES,
  type Config,
  type ConfigInput,
} from "./config.ts";
import { resolvePermissions } from "./config/permissions.ts";
import type { StdioServiceConfig } from "./config/service.ts";
import { EXIT, messageOf, UserError } from "./errors.ts";
import { CONFIG_FILE, findConfigFile } from "./paths.ts";

export interface LoadedConfig {
  readonly file: string;
  readonly config: Config;
}

/** One mistake: where it stands and what would be right. */
export interface ConfigIssue {
  readonly path: string;
  readonly line: number | undefined;
  readonly message: string;
}

/**
 * Find, read and check the configuration. Relative paths in it mean: relative to the file.
 * @param options.file use this file instead of searching upward from the working directory
 * @throws UserError when there is none or it is wrong; the message lists every mistake with its line
 */
export function loadConfig(
  options: { file?: string | undefined; directory?: string } = {},
): LoadedConfig {
  const file = options.file ?? findConfigFile(options.directory ?? process.cwd());
  if (file === undefined) {
    throw new UserError(`No ${CONFIG_FILE} here or above`, {
      hint: `Name the file with --config, or try a server without any file: mcp-gateway dev -- npx -y @modelcontextprotocol/server-everything`,
    });
  }
  const { config, issues } = checkConfigText(readText(file));
  if (config === undefined) throw configError(file, issues);
  return { file: resolve(file), config: resolvePaths(config, dirname(resolve(file))) };
}

/** Check the text of a configuration file; `config` is there exactly when there is no issue. */
export function checkConfigText(text: string): { config?: Config; issues: ConfigIssue[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const issues = document.errors.map((error) => ({
      path: "",
      line: lines.linePos(error.pos[0]).line,
      message: error.message,
    }));
    return { issues };
  }
  const content = contentOf(document);
  if (content instanceof Error) {
    return { issues: [{ path: "", line: undefined, message: content.message }] };
  }
  const parsed = configSchema.safeParse(content ?? {});
  if (parsed.success) return { config: parsed.data, issues: [] };
  const issues = issuesOf(parsed.error).map(({ path, message }) => ({
    path: path.join("."),
    line: lineOf(document, lines, path),
    message,
  }));
  return { issues };
}

/** A configuration made in code goes through the same checks. @throws UserError like `loadConfig` */
export function makeConfig(input: ConfigInput): Config {
  const parsed = configSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  const issues = issuesOf(parsed.error).map(({ path, message }) => ({
    path: path.join("."),
    line: undefined,
    message,
  }));
  throw configError("The configuration", issues);
}

/** Of several shapes a value could have, the one it comes nearest to is meant. */
function issuesOf(error: { readonly issues: readonly z.core.$ZodIssue[] }): z.core.$ZodIssue[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === "invalid_key") {
      return issuesOf(issue).map((inner) => ({ ...inner, path: issue.path }));
    }
    if (issue.code !== "invalid_union" || issue.errors.length === 0) return [issue];
    const branches = issue.errors.map((issues) => issuesOf({ issues }));
    const nearest = branches.reduce((best, next) =>
      distance(next) < distance(best) ? next : best,
    );
    return nearest.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
  });
}

/** Few mistakes are nearer than many, and one deep inside is nearer than one about the whole. */
function distance(issues: readonly z.core.$ZodIssue[]): number {
  const deepest = Math.max(...issues.map(({ path }) => path.length));
  return issues.length + 1 / (1 + deepest);
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UserError(`Cannot read ${file}`, {
      hint: "Check the path and its permissions.",
      cause: error,
    });
  }
}

/** @param file what has the mistakes, at the beginning of the sentence @param verb for what is not there yet, `would have` */
export function configError(file: string, issues: readonly ConfigIssue[], verb = "has"): UserError {
  const lines = issues.map(
    ({ path, line, message }) =>
      `  ${line === undefined ? "" : `line ${line}: `}${path === "" ? "" : `${path}: `}${message}`,
  );
  return new UserError(
    `${file} ${verb} ${issues.length} mistake${issues.length === 1 ? "" : "s"}:\n${lines.join("\n")}`,
    {
      hint: "mcp-gateway config schema prints everything that may stand in it.",
      exitCode: EXIT.usage,
    },
  );
}

/** Aliases that would grow without bound are an error of the file, found only now. */
function contentOf(document: Document): unknown {
  try {
    return document.toJS();
  } catch (error) {
    return error instanceof Error ? error : new Error(messageOf(error));
  }
}

/** Line of the value at `path`, or of the nearest parent that exists (a missing member has no line of its own). */
function lineOf(
  document: Document,
  lines: LineCounter,
  path: readonly PropertyKey[],
): number | undefined {
  for (let length = path.length; length >= 0; length--) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    const range = (node as { range?: [number, number, number] } | undefined)?.range;
    if (range) return lines.linePos(range[0]).line;
  }
  return undefined;
}

function resolvePaths(config: Config, base: string): Config {
  return {
    ...config,
    store: { ...config.store, path: resolve(base, config.store.path) },
    keys: {
      ...config.keys,
      ...(config.keys.encryption !== undefined && {
        encryption: [config.keys.encryption]
          .flat()
          .map((one) => (typeof one === "string" ? one : { file: resolve(base, one.file) })),
      }),
    },
    services: Object.fromEntries(
      Object.entries(config.services).map(([name, service]) => [
        name,
        "command" in service ? withPaths(service, base) : service,
      ]),
    ),
  };
}

function withPaths(service: StdioServiceConfig, base: string): StdioServiceConfig {
  const { permissions, cwd = "." } = service;
  const isNamed = permissions !== undefined && permissions !== "all";
  return {
    ...service,
    cwd: resolve(base, cwd),
    ...(isNamed && { permissions: resolvePermissions(permissions, base) }),
  };
}

/**
 * What only `serve` minds: settings that are right on a developer's machine and open the gateway elsewhere.
 * @throws UserError for the first one found
 */
export function refuseUnsafe({ publicUrl, listen, identity, trustedProxies }: Config): void {
  const isPublic = !isLoopbackHost(new URL(publicUrl).hostname);
  const isReachable = !isLoopbackHost(listen.host);
  if ((isPublic || isReachable) && identity.providers.some(({ type }) => type === "local")) {
    throw unsafe(
      `The local identity provider lets in whoever reaches ${isPublic ? publicUrl : `${listen.host}:${listen.port}`}`,
      "Configure another identity provider, or keep publicUrl and listen.host on loopback.",
    );
  }
  if (isReachable && !isPublic) {
    throw unsafe(
      `The gateway would listen on ${listen.host} while its public URL is ${publicUrl}`,
      "Set publicUrl to the https address people use, or listen.host to 127.0.0.1.",
    );
  }
  const wide = trustedProxies.find((range) => range.endsWith("/0"));
  if (wide !== undefined) {
    throw unsafe(
      `trustedProxies ${wide} believes the X-Forwarded headers of everybody`,
      "Name the address of the reverse proxy only.",
    );
  }
}

function unsafe(message: string, hint: string): UserError {
  return new UserError(message, { hint, exitCode: EXIT.usage });
}

const LAUNCHERS: ReadonlySet<string> = new Set([
  "npx", "npm", "pnpm", "yarn", "bunx", "bun", "node", "deno", "uv", "uvx", "pipx", "python", "python3", "docker",
  "podman", "env", "sh", "bash", "run", "exec", "dlx", "x", "tool", "start", "index", "main", "cli", "server", "mcp",
  "dist", "build", "src", "bin", "lib", "app",
]); // prettier-ignore

/**
 * A service name made from the command that starts it: `npx -y @modelcontextprotocol/server-everything` is `everything`.
 * `server` when nothing in the command is a name.
 */
export function serviceNameFor(command: readonly string[]): string {
  const words = command
    .filter((word) => !word.startsWith("-"))
    .map((word) => word.replace(/(?<=.)@[^/]*$/, "").replace(/\.\w{1,4}$/, ""))
    .flatMap((word, index) => {
      const segments = word.split(/[/\\]/).toReversed();
      // Where a program is installed, or who published it, says nothing about it; where a script lies may.
      return index === 0 || word.startsWith("@") ? segments.slice(0, 1) : segments;
    });
  for (const word of words) {
    const name = word
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-")
      .replaceAll(/^-|(?:^|-)(?:mcp|server)(?=-|$)|-$/g, "")
      .replaceAll(/^-+|-+$/g, "")
      .slice(0, 63);
    if (name !== "" && !LAUNCHERS.has(name) && !RESERVED_NAMES.has(name)) return name;
  }
  return "server";
}
