/**
 * The catalogue: MCP servers that are known to work behind the gateway, each a file in `templates/catalog`. A new one is a new
 * file. Versions are fixed: what runs with rights on this machine changes when somebody decides so, not when it is published.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { z } from "zod";
import { EXIT, UserError } from "../errors.ts";
import { findCommand } from "./find-command.ts";

const parameter = z.strictObject({
  /** folder: made absolute; program: found on PATH; words: several arguments in one value. */
  kind: z.enum(["text", "words", "folder", "program"]),
  description: z.string(),
  /** A folder's is relative to the configuration file; of a program's, the first that is there. */
  default: z.union([z.string(), z.array(z.string())]).optional(),
});

const packageSchema = z.union([
  /** `main` is the script that is the server. */
  z.strictObject({ npm: z.string(), version: z.string(), main: z.string() }),
  z.strictObject({
    pypi: z.string(),
    version: z.string(),
    module: z.string(),
    /** Requirements of its own that it does not declare. */
    with: z.array(z.string()).default([]),
  }),
  /** A hidden command of this program. */
  z.strictObject({ own: z.string() }),
]);

const entrySchema = z.strictObject({
  title: z.string(),
  summary: z.string(),
  /** What it can touch and who shares it. */
  reaches: z.string(),
  package: packageSchema,
  /** Programs it cannot do without. */
  needs: z.array(z.string()).default([]),
  parameters: z.record(z.string().regex(/^[a-z]+$/), parameter).default({}),
  /** As in mcp-gateway.yaml, without the command; `{name}` stands for a parameter. */
  service: z.looseObject({ args: z.array(z.string()).default([]) }),
});

export type CatalogPackage = z.output<typeof packageSchema>;
export type CatalogEntry = z.output<typeof entrySchema> & { readonly name: string };

const FOLDER = fileURLToPath(new URL("../../templates/catalog/", import.meta.url));

export function readCatalog(): CatalogEntry[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(".yaml"))
    .toSorted()
    .map((file) => readEntry(basename(file, ".yaml")));
}

/** @throws UserError when there is no such entry */
export function catalogEntry(name: string): CatalogEntry {
  const isName = /^[a-z0-9-]+$/.test(name);
  if (isName && existsSync(resolve(FOLDER, `${name}.yaml`))) return readEntry(name);
  throw new UserError(`The catalogue has no ${name}`, {
    hint: "mcp-gateway service catalog lists it. For another server: mcp-gateway service add NAME -- COMMAND, or --url URL",
    exitCode: EXIT.usage,
  });
}

function readEntry(name: string): CatalogEntry {
  const file = resolve(FOLDER, `${name}.yaml`);
  return { name, ...entrySchema.parse(parse(readFileSync(file, "utf8"))) };
}

export interface FilledEntry {
  /** As in mcp-gateway.yaml, without the command. */
  readonly service: { args: string[] } & Record<string, unknown>;
  /** Folders that must exist before it starts; the entry's own, not those somebody named. */
  readonly folders: readonly string[];
}

/**
 * Put values for an entry's parameters.
 * @param places.base the folder of the configuration file @param places.here what relative values are relative to
 * @throws UserError exit 2 when a value is missing, unknown or cannot be
 */
export function fillEntry(
  entry: CatalogEntry,
  given: Readonly<Record<string, string>>,
  places: {
    base: string;
    here: string;
    environment: NodeJS.ProcessEnv;
    find?: (program: string) => string | undefined;
  },
): FilledEntry {
  const { find = (program: string) => findCommand(program, places.environment, places.here) } =
    places;
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(entry.parameters, name));
  if (unknown !== undefined) {
    throw usage(`${entry.name} has no parameter ${unknown}`, describeParameters(entry));
  }
  for (const program of entry.needs) {
    if (find(program) === undefined) {
      throw new UserError(`${entry.name} needs ${program}, which is not on PATH`, {
        hint: `Install ${program} and run the command again.`,
      });
    }
  }
  const values: Record<string, string> = {};
  const folders: string[] = [];
  for (const [name, { kind, default: usual }] of Object.entries(entry.parameters)) {
    const value = given[name];
    if (kind === "folder") {
      if (value === undefined && usual === undefined) throw missing(entry, name);
      values[name] =
        value === undefined
          ? resolve(places.base, String(usual))
          : existing(resolve(places.here, value));
      if (value === undefined) folders.push(values[name]);
    } else if (kind === "program") {
      const candidates = value === undefined ? [usual ?? []].flat() : [value];
      const found = candidates.flatMap((one) => find(one) ?? []);
      if (found[0] === undefined) {
        throw new UserError(`${entry.name} needs one of: ${candidates.join(", ")}`, {
          hint: `Install one, or name it with --param ${name}=PATH`,
        });
      }
      values[name] = found[0];
    } else {
      const text = value ?? usual;
      if (typeof text !== "string") throw missing(entry, name);
      values[name] = text;
    }
  }
  return { service: fill(entry, values), folders };
}

function fill(
  entry: CatalogEntry,
  values: Readonly<Record<string, string>>,
): FilledEntry["service"] {
  const inText = (text: string): string =>
    text.replaceAll(/\{([a-z]+)\}/g, (whole, name: string) => values[name] ?? whole);
  const inValue = (value: unknown): unknown => {
    if (typeof value === "string") return inText(value);
    if (Array.isArray(value)) return value.map(inValue);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, inValue(member)]),
    );
  };
  const args = entry.service.args.flatMap((word) => {
    const [, name] = /^\{([a-z]+)\}$/.exec(word) ?? [];
    const isWords = name !== undefined && entry.parameters[name]?.kind === "words";
    return isWords ? values[name]!.split(/\s+/).filter((one) => one !== "") : [inText(word)];
  });
  return { ...(inValue(entry.service) as Record<string, unknown>), args };
}

function existing(folder: string): string {
  if (existsSync(folder)) return folder;
  throw usage(`There is no folder ${folder}`, "Make it first, or name another one.");
}

function missing(entry: CatalogEntry, name: string): UserError {
  return usage(`${entry.name} needs a value for ${name}`, describeParameters(entry));
}

function describeParameters({ name, parameters }: CatalogEntry): string {
  const words = Object.entries(parameters).map(
    ([parameter, { description }]) => `--param ${parameter}=... (${description})`,
  );
  return words.length === 0 ? `mcp-gateway service catalog ${name} says more.` : words.join("  ");
}

function usage(message: string, hint: string): UserError {
  return new UserError(message, { hint, exitCode: EXIT.usage });
}
