/**
 * Chooses what confines a service, and says why when nothing can.
 */
import { NO_PERMISSIONS, resolvePermissions } from "../../config/permissions.ts";
import type { StdioServiceConfig } from "../../config/service.ts";
import { UserError } from "../../errors.ts";
import { findCommand } from "../child-environment.ts";
import { createBubblewrapSandbox } from "./bubblewrap.ts";
import { findBubblewrap } from "./find-bubblewrap.ts";
import { createNodeSandbox, whyNotNode } from "./node-permissions.ts";
import type { Confinement, Sandbox } from "./sandbox.ts";

export interface SandboxOptions {
  readonly service: string;
  readonly config: StdioServiceConfig;
  /** The gateway's. */
  readonly environment: NodeJS.ProcessEnv;
  /** What programs of other services may change. */
  readonly changeable: readonly string[];
  /** Folders of the gateway that no program may see. */
  readonly hidden: readonly string[];
  /** Where the launcher of this service keeps what it fetched. */
  readonly cache: string;
}

/**
 * A service without permissions may reach nothing.
 * @throws UserError when nothing here can hold the permissions
 */
export function createSandbox(options: SandboxOptions): Sandbox {
  const { service, config, environment } = options;
  const given = config.permissions ?? NO_PERMISSIONS;
  if (given === "all") {
    return {
      tier: "environment",
      launch: ({ path, args }) => ({ command: path, args, inputs: [] }),
    };
  }
  const directory = config.cwd ?? process.cwd();
  const confinement: Confinement = {
    ...options,
    permissions: resolvePermissions(given, directory),
  };
  const bwrap = findBubblewrap(environment);
  if (typeof bwrap !== "string") return createBubblewrapSandbox(bwrap, confinement);
  const { PATH = "" } = environment;
  const path = findCommand(config.command, { PATH, ...config.env }, directory);
  const whyNot = whyNotNode(path, confinement);
  if (whyNot === undefined) return createNodeSandbox(confinement);
  throw new UserError(
    `services.${service}: what it may reach cannot be enforced here: ${bwrap}, and ${whyNot}`,
    {
      hint: `Install bubblewrap (apt-get install bubblewrap), or write permissions: all under services.${service} to confine it in nothing but its environment.`,
    },
  );
}
