import { Args } from "@oclif/core";
import { ControlCommand } from "../../client/control-command.ts";
import type { ClientSummary } from "../../control/answers.ts";

const REGISTERED = {
  command: "by an operator",
  registration: "by itself",
  document: "by the document at its id",
} as const;

export default class ClientShow extends ControlCommand {
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
      registered: `${new Date(client.registeredAt * 1000).toISOString()} ${REGISTERED[client.via]}`,
      grants: `${client.grants}`,
      "access tokens": `${client.accessTokens}`,
    });
    return client;
  }
}
