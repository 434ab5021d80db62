/**
 * What stands between a program and the machine. The strongest tier that holds all of a service's permissions is taken;
 * where none does, nothing is started.
 */
import type { Permissions, SandboxTier } from "../../config/permissions.ts";

/** A program as it would be started without any walls. */
export interface FreeProgram {
  /** Where the command was found. */
  readonly path: string;
  readonly args: readonly string[];
  readonly directory: string;
  /** The whole environment. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What is started instead. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  /** Texts that `command` reads from descriptors FIRST_INPUT, FIRST_INPUT + 1, ... */
  readonly inputs: readonly string[];
}

/** Standard streams come before it, and the one a program registers itself with at the reaper. */
export const FIRST_INPUT = 4;

export interface Sandbox {
  readonly tier: SandboxTier;
  /** @throws Error when a path or program that is granted does not exist; the message names the setting */
  launch(program: FreeProgram): Launch;
}

/** What a sandbox must know of a service. */
export interface Confinement {
  readonly service: string;
  readonly permissions: Permissions;
  /** What programs of other services may change. */
  readonly changeable: readonly string[];
  /** Folders of the gateway that no program may see. */
  readonly hidden: readonly string[];
  /** Where launchers keep what they fetched; created when needed. */
  readonly cache: string;
}
