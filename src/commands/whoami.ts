import { Args } from "@oclif/core";
import { ControlCommand } from "../client/control-command.ts";
import { knownGateways } from "../client/gateways.ts";
import { systemClock } from "../clock.ts";
import type { CallerSummary } from "../control/answers.ts";
import { formatDuration } from "../duration.ts";

export default class Whoami extends ControlCommand {
  static override summary = "Show as whom, and with which rights, commands reach the gateway.";
  static override examples = [
    "<%= config.bin %> whoami",
    "<%= config.bin %> whoami https://gw.example.com --json",
  ];
  static override args = {
    url: Args.string({ description: "Public URL of the gateway; else the one that is meant." }),
  };

  async run(): Promise<CallerSummary & { others: string[] }> {
    const { args, flags } = await this.parse(Whoami);
    const control = await this.control(args.url === undefined ? flags : { gateway: args.url });
    const self = await control.self();
    const { gateways } = await knownGateways();
    const others = gateways.map(({ url }) => url).filter((url) => url !== self.url);
    const left = self.expiresAt === undefined ? undefined : self.expiresAt - systemClock.now();
    this.printFields({
      gateway: self.url,
      by: self.door === "local" ? "its socket on this machine" : "the network",
      person: self.subject ?? "the user the gateway runs as",
      name: self.name,
      email: self.email,
      scopes: self.scopes?.join(" "),
      token: left === undefined ? undefined : `renewed in ${formatDuration(Math.max(0, left))}`,
      "logged in to": others.join("\n"),
    });
    return { ...self, others };
  }
}
