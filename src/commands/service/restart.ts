import { Args } from "@oclif/core";
import { ControlCommand } from "../../client/control-command.ts";
import type { RestartedService } from "../../control/services.ts";

export default class ServiceRestart extends ControlCommand {
  static override summary =
    "End a service's sessions and processes; who comes next gets fresh ones.";
  static override description =
    "Clients open a new session by themselves. What is in the middle of a call fails.";
  static override examples = ["<%= config.bin %> service restart memory"];
  static override args = {
    service: Args.string({ required: true, description: "name of the service" }),
  };

  async run(): Promise<RestartedService> {
    const { args, flags } = await this.parse(ServiceRestart);
    const restarted = await (await this.control(flags)).restartService(args.service);
    const { service, sessions, children } = restarted;
    this.log(`Restarted ${service}: ${sessions} sessions and ${children} processes ended.`);
    return restarted;
  }
}
