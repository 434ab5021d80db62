import { Args, Flags } from "@oclif/core";
import { ControlCommand } from "../../client/control-command.ts";
import type { AccessTokenSummary } from "../../control/answers.ts";
import { printable } from "../../terminal.ts";

export default class TokenRevoke extends ControlCommand {
  static override summary = "Revoke one access token at once.";
  static override description =
    "The grant it came from lives on: its client may fetch a new token. To end that too, revoke the grant.";
  static override examples = [
    "<%= config.bin %> token revoke Yk3vD2xw0fM",
    "<%= config.bin %> token revoke Yk3vD2xw0fM --yes",
  ];
  static override args = {
    token: Args.string({
      required: true,
      description: "token id, or its beginning when only one begins so",
    }),
  };
  static override flags = { yes: Flags.boolean({ summary: "Do not ask." }) };

  async run(): Promise<AccessTokenSummary> {
    const { args, flags } = await this.parse(TokenRevoke);
    const control = await this.control(flags);
    const token = await control.accessToken(args.token);
    const holder = printable(token.clientName ?? token.clientId);
    await this.confirm(
      `Revoke token ${token.tokenId} of ${holder} for ${token.resource}?`,
      flags.yes,
    );
    const revoked = await control.revokeAccessToken(token.tokenId);
    this.log(`Revoked ${revoked.tokenId}.`);
    return revoked;
  }
}
