import { systemClock } from "../../clock.ts";
import { ControlCommand } from "../../client/control-command.ts";
import type { AccessTokenSummary } from "../../control/answers.ts";
import { listFlags, narrowed } from "../../control/list-flags.ts";
import { formatDuration } from "../../duration.ts";

export default class TokenList extends ControlCommand {
  static override summary = "List the access tokens that are alive.";
  static override description = "Token ids name tokens; they are not the tokens and open nothing.";
  static override examples = [
    "<%= config.bin %> token list",
    "<%= config.bin %> token list --client s6Bh --limit 20 --json",
  ];
  static override flags = listFlags;

  async run(): Promise<AccessTokenSummary[]> {
    const { flags } = await this.parse(TokenList);
    const tokens = narrowed(await (await this.control(flags)).accessTokens(), flags);
    this.printTable(
      tokens.map((token) => ({
        "token id": token.tokenId,
        client: token.clientName ?? token.clientId,
        subject: token.subject,
        resource: token.resource,
        scopes: token.scopes.join(" "),
        "expires in": formatDuration(token.expiresAt - systemClock.now()),
      })),
      "No access tokens are alive.",
    );
    return tokens;
  }
}
