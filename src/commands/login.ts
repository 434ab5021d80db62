import { Args, Flags } from "@oclif/core";
import { logInTo, openRemote } from "../client/administration.ts";
import { gatewayOfEnvironment, gatewayUrl, meantGateway } from "../client/gateways.ts";
import { BaseCommand } from "../command.ts";
import type { CallerSummary } from "../control/answers.ts";

export default class Login extends BaseCommand {
  static override summary = "Log in to a gateway elsewhere, to administer it from here.";
  static override description =
    "Opens the browser. The gateway must name you in identity.admins. The login is kept in the operating system's keyring where one answers, else in a file only you can read, and renewed by itself; commands without --config and without a gateway here then go to this one. Several gateways can be logged in to side by side: --gateway says which is meant.";
  static override examples = [
    "<%= config.bin %> login https://gw.example.com",
    "<%= config.bin %> login gw.example.com --device",
    "<%= config.bin %> client list --gateway https://gw.example.com",
  ];
  static override args = {
    url: Args.string({ description: "Public URL of the gateway; else the one of the last login." }),
  };
  static override flags = {
    device: Flags.boolean({ summary: "Log in by a code, in a browser on any device." }),
    "no-browser": Flags.boolean({ summary: "Only show the address to log in at." }),
    scope: Flags.string({
      summary: "Scopes to ask for, separated by spaces; else gateway:admin.",
    }),
    "callback-port": Flags.integer({
      min: 0,
      max: 65_535,
      default: 0,
      summary: "Port the browser comes back to; 0 takes a free one.",
    }),
  };

  async run(): Promise<CallerSummary> {
    const { args, flags } = await this.parse(Login);
    const named = args.url ?? gatewayOfEnvironment();
    const address = named ? gatewayUrl(named) : (await meantGateway(undefined)).url;
    const gateway = await logInTo(address, {
      grant: flags.device ? "device" : "browser",
      scope: flags.scope,
      callbackPort: flags["callback-port"],
      mayOpenBrowser: !flags["no-browser"],
      tell: (text) => this.tell(text),
    });
    const self = await (await openRemote(gateway)).self();
    const where = gateway.vault === "keyring" ? "the keyring" : "a file only you can read";
    this.log(`Logged in to ${gateway.url} as ${self.subject}. The login is kept in ${where}.`);
    return self;
  }
}
