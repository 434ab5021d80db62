/**
 * What `dev` runs: the program of the command line or the services of the file, always at an address and with the login of
 * this machine.
 */
import type { Config } from "../config.ts";
import { loadConfig, makeConfig, serviceNameFor } from "../config-file.ts";
import { stateDirectoryFor } from "../control.ts";
import { EXIT, UserError } from "../errors.ts";
import { askForPermissions, requirePermissions, type Person } from "./granting.ts";
import { permissionsOfFlags, type PermissionFlagValues } from "./permission-flags.ts";

export interface DevFlags extends PermissionFlagValues {
  config?: string | undefined;
  port: number;
  host: string;
  name?: string | undefined;
  "public-url"?: string | undefined;
}

/**
 * @param command typed by the person who starts it: it may do what that person may, unless flags say less
 * @param person undefined when there is nobody to ask
 */
export async function devConfig(
  command: readonly string[],
  flags: DevFlags,
  person: Person | undefined,
): Promise<Config> {
  const [program, ...args] = command;
  const permissions = permissionsOfFlags(flags);
  const services =
    program === undefined
      ? { any: { command: "any" } }
      : {
          [flags.name ?? serviceNameFor(command)]: {
            command: program,
            args,
            permissions: permissions ?? ("all" as const),
            // The person who waits for the first call is the one who started it.
            warm: 1,
          },
        };
  const config = makeConfig({
    publicUrl:
      flags["public-url"] ?? `http://localhost${flags.port === 80 ? "" : `:${flags.port}`}`,
    listen: { host: flags.host, port: flags.port },
    store: { type: "lowdb", path: await stateDirectoryFor(flags.config) },
    services,
  });
  if (program !== undefined) return config;
  if (permissions !== undefined && permissions !== "all") {
    throw new UserError("What services of a file may reach is written in the file", {
      hint: "Leave out --sandbox and --allow-..., or name a command after two hyphens: mcp-gateway dev --allow-read=. -- COMMAND",
      exitCode: EXIT.usage,
    });
  }
  const { publicUrl, listen, identity } = config;
  const fromFile = await permitted(flags.config, permissions, person);
  return {
    ...fromFile,
    services: withoutRules(fromFile.services),
    publicUrl,
    listen,
    identity,
    routing: "path",
  };
}

/** They are about people of the file's providers; who works here is another. */
function withoutRules(services: Config["services"]): Config["services"] {
  return Object.fromEntries(
    Object.entries(services).map(([name, { allow: _allow, ...service }]) => [name, service]),
  );
}

async function permitted(
  name: string | undefined,
  permissions: "all" | undefined,
  person: Person | undefined,
): Promise<Config> {
  const { file, config } = loadConfig({ file: name });
  if (permissions === "all") {
    const services = Object.entries(config.services).map(([service, entry]) => [
      service,
      "command" in entry ? { ...entry, permissions } : entry,
    ]);
    return { ...config, services: Object.fromEntries(services) as Config["services"] };
  }
  if (person !== undefined) return askForPermissions(config, file, person);
  requirePermissions(config, file);
  return config;
}
