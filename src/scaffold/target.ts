/**
 * Where a deployment runs: each folder of `templates/` that has a `template.json`. A new target is a new folder, and nothing in
 * the code knows its name.
 *
 * Every file `x.eta` of the folder becomes `x` in the deployment; one that comes out empty is left out.
 */
import { Eta } from "eta";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { EXIT, UserError } from "../errors.ts";

const description = z.strictObject({
  title: z.string(),
  summary: z.string(),
  /** Chosen where nobody chooses. */
  isDefault: z.boolean().default(false),
  /** Where mcp-gateway.yaml lies when the gateway runs, the state directory, and what is the services' own. */
  folder: z.string().startsWith("/"),
  state: z.string().startsWith("/"),
  data: z.string().startsWith("/"),
  /** Members of mcp-gateway.yaml that are the target's own, each with what is said above it; `{email}` is filled in. */
  config: z.record(z.string(), z.strictObject({ about: z.string(), value: z.unknown() })),
  /** Folder for the files of a Traefik that is the deployment's own. */
  traefik: z.string().optional(),
  /** Programs that services may be started with; those of this machine where it says nothing. */
  programs: z.array(z.string()).optional(),
  /** What its services' programs get where nothing there can confine them further, and why. */
  permissions: z.strictObject({ all: z.string() }).optional(),
  /** Where Redis is, when it is chosen; `{password}` stands for the generated one. */
  redisUrl: z.string(),
  /** How it reads .env: with quotes around values that need them, or every character as it stands. */
  environment: z.enum(["quoted", "literal"]),
  /** What is to be typed once the files are there and filled in; the first line is the next command. */
  next: z.array(z.string()).min(1),
});

export type Target = z.output<typeof description> & {
  readonly name: string;
  readonly directory: string;
};

export interface RenderedFile {
  /** Relative, with slashes. */
  readonly path: string;
  readonly text: string;
}

const FOLDER = fileURLToPath(new URL("../../templates/", import.meta.url));
const DESCRIPTION = "template.json";
const ENDING = ".eta";

const eta = new Eta({ autoEscape: false, autoTrim: false, cache: false });

/** The default one first. */
export function listTargets(): Target[] {
  return readdirSync(FOLDER, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(FOLDER, entry.name, DESCRIPTION)))
    .map(({ name }) => readTarget(name))
    .toSorted((a, b) => Number(b.isDefault) - Number(a.isDefault) || (a.name < b.name ? -1 : 1));
}

/** @throws UserError exit 2 when there is none of that name */
export function findTarget(name: string | undefined): Target {
  const targets = listTargets();
  const found = name === undefined ? targets[0] : targets.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new UserError(`There is no target ${name}`, {
    hint: `Choose one of: ${targets.map((one) => one.name).join(", ")}.`,
    exitCode: EXIT.usage,
  });
}

function readTarget(name: string): Target {
  const directory = join(FOLDER, name);
  const text = readFileSync(join(directory, DESCRIPTION), "utf8");
  return { name, directory, ...description.parse(JSON.parse(text)) };
}

/** @param values what templates call `it` */
export function renderTarget({ directory }: Target, values: object): RenderedFile[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ENDING))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
    .map((file) => ({
      path: relative(directory, file).replaceAll("\\", "/").slice(0, -ENDING.length),
      text: eta.renderString(readFileSync(file, "utf8"), values).replace(/\n{3,}/g, "\n\n"),
    }))
    .filter(({ text }) => text.trim() !== "");
}
