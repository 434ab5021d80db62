import { Args, Flags } from "@oclif/core";
import { ControlCommand } from "../../client/control-command.ts";
import type { RemovedAccount } from "../../control/accounts.ts";

export default class UserRemove extends ControlCommand {
  static override summary =
    "Remove an account, with every grant, token and MCP session of that person, at once.";
  static override examples = [
    "<%= config.bin %> user remove ada",
    "<%= config.bin %> user remove ada --yes",
  ];
  static override args = {
    name: Args.string({ required: true, description: "name of the account" }),
  };
  static override flags = { yes: Flags.boolean({ summary: "Do not ask." }) };

  async run(): Promise<RemovedAccount> {
    const { args, flags } = await this.parse(UserRemove);
    const control = await this.control(flags);
    const { name } = await control.account(args.name);
    await this.confirm(`Remove ${name} and end everything this person has connected?`, flags.yes);
    const removed = await control.removeAccount(name);
    const { grants, accessTokens, sessions } = removed.ended;
    this.log(
      `Removed ${name}: ${grants} grants, ${accessTokens} access tokens and ${sessions} sessions ended.`,
    );
    return removed;
  }
}
