import { Args, Flags } from "@oclif/core";
import { ControlCommand } from "../../client/control-command.ts";
import type { GivenAccess } from "../../control/accounts.ts";
import { readPassword } from "../../control/read-password.ts";

export default class UserReset extends ControlCommand {
  static override summary =
    "Give a person a new link to set a password; the old password and all passkeys end.";
  static override description =
    "Browsers in which the person was logged in must log in again. What the person has connected goes on, unless --end-grants says otherwise.";
  static override examples = [
    "<%= config.bin %> user reset ada",
    "<%= config.bin %> user reset ada --end-grants --yes",
  ];
  static override args = {
    name: Args.string({ required: true, description: "name of the account" }),
  };
  static override flags = {
    "end-grants": Flags.boolean({
      summary: "End all grants, tokens and MCP sessions of the person, too.",
    }),
    "password-stdin": Flags.boolean({ summary: "Read a password from standard input: no link." }),
    yes: Flags.boolean({ summary: "Do not ask." }),
  };

  async run(): Promise<GivenAccess> {
    const { args, flags } = await this.parse(UserReset);
    const control = await this.control(flags);
    const { name, grants, passkeys } = await control.account(args.name);
    const keys = passkeys > 0 ? ` and ${passkeys} passkeys` : "";
    const more = flags["end-grants"] ? `, and its ${grants} grants` : "";
    await this.confirm(`End the password${keys} of ${name}${more}?`, flags.yes);
    const reset = await control.resetAccount(name, {
      endGrants: flags["end-grants"],
      password: flags["password-stdin"] ? await readPassword(process.stdin) : undefined,
    });
    const { invitation, ended } = reset;
    this.printFields({
      name: reset.name,
      "set a password at": invitation?.url,
      until: invitation && new Date(invitation.expiresAt * 1000).toISOString(),
      ended: flags["end-grants"]
        ? `${ended.grants} grants, ${ended.accessTokens} access tokens, ${ended.sessions} sessions`
        : undefined,
    });
    if (invitation) {
      this.tell("\nHand the link over now: it works once, and the gateway stores only its digest.");
    }
    return reset;
  }
}
