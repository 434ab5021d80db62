/**
 * Nobody grants anything by forgetting a line: a program of the configuration that does not say what it may reach is not
 * started before somebody has said it.
 */
import type { Config } from "../config.ts";
import { EXIT, UserError } from "../errors.ts";
import { NO_PERMISSIONS } from "./permissions.ts";

/** Names of the services that do not say what their program may reach. */
function servicesWithoutPermissions({ services }: Config): string[] {
  return Object.entries(services).flatMap(([name, service]) =>
    "command" in service && service.permissions === undefined ? [name] : [],
  );
}

/**
 * @param file where it is to be written
 * @throws UserError that names the setting
 */
export function requirePermissions(config: Config, file: string): void {
  const [name, ...others] = servicesWithoutPermissions(config);
  if (name === undefined) return;
  const more = others.length === 0 ? "" : `, nor do ${others.join(", ")}`;
  throw new UserError(`services.${name} does not say what its program may reach${more}`, {
    hint: `In ${file}, under services.${name}, write permissions: {} for nothing but the system's programs and its own files, permissions: { read: [./data], net: true } or the like for more, or permissions: all.`,
    exitCode: EXIT.usage,
  });
}

/** What the person at the terminal is needed for. */
export interface Person {
  /** @returns what was typed */
  ask(question: string): Promise<string>;
  tell(sentence: string): void;
}

/**
 * Ask for each service that says nothing: nothing, all, or a word of their own in the file.
 * @returns the configuration with the answers
 * @throws UserError when the person wants to write it
 */
export async function askForPermissions(
  config: Config,
  file: string,
  person: Person,
): Promise<Config> {
  const services = { ...config.services };
  for (const name of servicesWithoutPermissions(config)) {
    const service = services[name]!;
    if (!("command" in service)) continue;
    person.tell(
      [
        `Service ${name} (${[service.command, ...service.args].join(" ")}) does not say what it may reach.`,
        "  n  nothing but the system's programs and its own files",
        "  a  all that you may",
        "  e  something else: I write it myself",
      ].join("\n"),
    );
    const answer = (await person.ask("Choose [n/a/e]: ")).trim().toLowerCase();
    if (answer !== "n" && answer !== "a") requirePermissions(config, file);
    const isAll = answer === "a";
    const keep = await person.ask(
      `Write permissions: ${isAll ? "all" : "{}"} into ${file}? [Y/n] `,
    );
    if (/^(?:y(?:es)?)?$/i.test(keep.trim())) await write(file, name, isAll ? "all" : {});
    services[name] = { ...service, permissions: isAll ? "all" : NO_PERMISSIONS };
  }
  return { ...config, services };
}

async function write(file: string, name: string, value: "all" | object): Promise<void> {
  const { setPermissions, writeEdit } = await import("./edit.ts");
  writeEdit(setPermissions(file, name, value));
}
