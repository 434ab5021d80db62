import { Args, Flags } from "@oclif/core";
import { logOutOf } from "../client/administration.ts";
import { gatewayOfEnvironment, knownGateways, meantGateway } from "../client/gateways.ts";
import { BaseCommand } from "../command.ts";

export default class Logout extends BaseCommand {
  static override summary =
    "Log out of a gateway: it takes the tokens back, and they are forgotten here.";
  static override examples = [
    "<%= config.bin %> logout",
    "<%= config.bin %> logout https://gw.example.com",
    "<%= config.bin %> logout --all",
  ];
  static override args = {
    url: Args.string({ description: "Public URL of the gateway; else the one of the last login." }),
  };
  static override flags = {
    all: Flags.boolean({ summary: "Of every gateway." }),
  };

  async run(): Promise<{ url: string; problem?: string }[]> {
    const { args, flags } = await this.parse(Logout);
    const named = args.url ?? gatewayOfEnvironment();
    const meant = flags.all ? (await knownGateways()).gateways : [await meantGateway(named)];
    const ended: { url: string; problem?: string }[] = [];
    for (const gateway of meant) {
      const problem = await logOutOf(gateway);
      this.log(`Logged out of ${gateway.url}.`);
      if (problem !== undefined) this.tell(problem);
      ended.push({ url: gateway.url, ...(problem !== undefined && { problem }) });
    }
    return ended;
  }
}
