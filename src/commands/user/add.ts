import { Args, Flags } from "@oclif/core";
import { ControlCommand } from "../../client/control-command.ts";
import type { GivenAccess } from "../../control/accounts.ts";
import { readPassword } from "../../control/read-password.ts";

export default class UserAdd extends ControlCommand {
  static override summary = "Give a person an account of this gateway.";
  static override description =
    "Prints a link at which the person sets a password; hand it over on a way you trust. It works once and runs out. Needs { type: accounts } in identity.providers.";
  static override examples = [
    '<%= config.bin %> user add ada --email ada@example.com --name "Ada Lovelace"',
    "<%= config.bin %> user add ada --password-stdin < password.txt",
  ];
  static override args = {
    name: Args.string({ required: true, description: "what the person logs in with" }),
  };
  static override flags = {
    name: Flags.string({ summary: "Full name, for display." }),
    email: Flags.string({ summary: "E-mail address; counts as verified, because you say so." }),
    "password-stdin": Flags.boolean({ summary: "Read a password from standard input: no link." }),
  };

  async run(): Promise<GivenAccess> {
    const { args, flags } = await this.parse(UserAdd);
    const control = await this.control(flags);
    const added = await control.addAccount({
      name: args.name,
      fullName: flags.name,
      email: flags.email,
      password: flags["password-stdin"] ? await readPassword(process.stdin) : undefined,
    });
    this.printFields({
      name: added.name,
      subject: added.subject,
      "full name": added.fullName,
      "e-mail": added.email,
      "set a password at": added.invitation?.url,
      until: added.invitation && new Date(added.invitation.expiresAt * 1000).toISOString(),
    });
    if (added.invitation) {
      this.tell("\nHand the link over now: it works once, and the gateway stores only its digest.");
    }
    if (!added.isAllowed) {
      this.tell(
        `\nidentity.allow does not let ${added.name} in yet: add "${added.subject}" to it.`,
      );
    }
    return added;
  }
}
