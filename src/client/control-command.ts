/**
 * What every command is made of that talks to a gateway: to the one on this machine, or to one elsewhere.
 */
import { Flags } from "@oclif/core";
import { lstatSync } from "node:fs";
import { BaseCommand } from "../command.ts";
import { connectControl, stateDirectoryFor, type ControlClient } from "../control.ts";
import { findConfigFile, statePaths } from "../paths.ts";
import { gatewayOfEnvironment, knownGateways, meantGateway } from "./gateways.ts";

export interface GatewayFlags {
  config?: string | undefined;
  gateway?: string | undefined;
}

export abstract class ControlCommand extends BaseCommand {
  static override baseFlags = {
    ...BaseCommand.baseFlags,
    gateway: Flags.string({
      char: "g",
      helpGroup: "GLOBAL",
      helpValue: "URL",
      exclusive: ["config"],
      summary:
        "Gateway elsewhere that you have logged in to; else $MCP_GATEWAY_URL, the one here, the last login.",
    }),
  };

  /**
   * A client of the control API of the gateway that is meant. Where there is a configuration or a socket, that is the one
   * here, whether or not it runs: a command that was meant for it must not reach another.
   * @throws UserError exit 4 when nobody is logged in to the one that is named
   */
  protected async control(flags: GatewayFlags): Promise<ControlClient> {
    const named = this.namedGateway(flags);
    if (named === undefined) {
      const directory = await stateDirectoryFor(flags.config);
      const isHere = flags.config !== undefined || findConfigFile(process.cwd()) !== undefined;
      if (isHere || isThere(statePaths(directory).controlSocket)) {
        return connectControl(directory);
      }
      const { current } = await knownGateways();
      if (current === undefined) return connectControl(directory);
      this.tell(this.paintError("dim", `At ${current}`));
    }
    return openMeant(named);
  }

  /** The gateway elsewhere that the person has named; undefined when none was. */
  protected namedGateway({ config, gateway }: GatewayFlags): string | undefined {
    if (gateway !== undefined || config !== undefined) return gateway;
    return gatewayOfEnvironment();
  }
}

/** Somebody else's, which may not be looked at, is there, too. */
function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== "ENOENT" && code !== "ENOTDIR";
  }
}

/** Loaded by those only who go there. */
async function openMeant(named: string | undefined): Promise<ControlClient> {
  const { openRemote } = await import("./administration.ts");
  return openRemote(await meantGateway(named));
}
