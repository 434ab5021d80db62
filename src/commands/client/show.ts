import { Args } from "@oclif/core";
import { BaseCommand } from "../../command.ts";
import type { ClientSummary } from "../../control.ts";

export default class ClientShow extends BaseCommand {
  static override summary = "Show one OAuth client.";
  static override examples = [
    "<%= config.bin %> client show s6BhdRkqt3",
    "<%= config.bin %> client show s6Bh --json",
  ];
  static override args = {
    client: Args.string({
      required: true,
      description: "client id, or its beginning when only one begins so",
    }),
  };

  async run(): Promise<ClientSummary> {
    const { args, flags } = await this.parse(ClientShow);
    const client = await (await this.control(flags)).client(args.client);
    this.printFields({
      "client id": client.clientId,
      name: client.name,
      kind: client.kind,
      "redirects to": client.redirectUris.join("\n"),
      scope: client.scope,
      registered: `${new Date(client.registeredAt * 1000).toISOString()} by ${client.via === "command" ? "an operator" : "itself"}`,
      grants: `${client.grants}`,
      "access tokens": `${client.accessTokens}`,
    });
    return client;
  }
}
