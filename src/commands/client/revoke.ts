import { Args, Flags } from "@oclif/core";
import { ControlCommand } from "../../client/control-command.ts";
import type { RevokedClient } from "../../control/answers.ts";
import { printable } from "../../terminal.ts";

export default class ClientRevoke extends ControlCommand {
  static override summary =
    "Revoke a client, every grant and token it holds, and its MCP sessions, at once.";
  static override description =
    "A client whose id is the URL of its own description may come back with a new login; registration.metadataDocuments says whose may.";
  static override examples = [
    "<%= config.bin %> client revoke s6BhdRkqt3",
    "<%= config.bin %> client revoke s6BhdRkqt3 --yes",
  ];
  static override args = {
    client: Args.string({
      required: true,
      description: "client id, or its beginning when only one begins so",
    }),
  };
  static override flags = { yes: Flags.boolean({ summary: "Do not ask." }) };

  async run(): Promise<RevokedClient> {
    const { args, flags } = await this.parse(ClientRevoke);
    const control = await this.control(flags);
    const client = await control.client(args.client);
    const name = client.name === undefined ? "" : ` (${printable(client.name)})`;
    await this.confirm(`Revoke ${client.clientId}${name} and everything it may do?`, flags.yes);
    const revoked = await control.revokeClient(client.clientId);
    this.log(
      `Revoked ${revoked.clientId}: ${revoked.grants} grants, ${revoked.accessTokens} access tokens and ${revoked.sessions} sessions ended.`,
    );
    return revoked;
  }
}
