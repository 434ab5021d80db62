import { Args } from "@oclif/core";
import { systemClock } from "../../clock.ts";
import { ControlCommand } from "../../client/control-command.ts";
import type { AccessTokenSummary } from "../../control/answers.ts";
import { formatDuration } from "../../duration.ts";

export default class TokenInspect extends ControlCommand {
  static override summary = "Show what one access token is good for, and whose it is.";
  static override examples = [
    "<%= config.bin %> token inspect Yk3vD2xw0fM",
    "<%= config.bin %> token inspect Yk3v --json",
  ];
  static override args = {
    token: Args.string({
      required: true,
      description: "token id (the claim jti), or its beginning when only one begins so",
    }),
  };

  async run(): Promise<AccessTokenSummary> {
    const { args, flags } = await this.parse(TokenInspect);
    const token = await (await this.control(flags)).accessToken(args.token);
    this.printFields({
      "token id": token.tokenId,
      client: token.clientName,
      "client id": token.clientId,
      subject: token.subject,
      resource: token.resource,
      scopes: token.scopes.join(" "),
      issued: new Date(token.issuedAt * 1000).toISOString(),
      "expires in": formatDuration(token.expiresAt - systemClock.now()),
      "bound to key": token.jkt,
      grant: token.grantId,
    });
    return token;
  }
}
