import { Args, Flags } from "@oclif/core";
import { ControlCommand } from "../../client/control-command.ts";
import type { SessionSummary } from "../../control/answers.ts";
import { printable } from "../../terminal.ts";

export default class SessionEnd extends ControlCommand {
  static override summary = "End one MCP session at once.";
  static override description =
    "Its client may open a new one: the access stays. To end that too, revoke the grant.";
  static override examples = [
    "<%= config.bin %> session end 4kVb9x",
    "<%= config.bin %> session end 4kVb9x --yes",
  ];
  static override args = {
    session: Args.string({
      required: true,
      description: "session, or its beginning when only one begins so",
    }),
  };
  static override flags = { yes: Flags.boolean({ summary: "Do not ask." }) };

  async run(): Promise<SessionSummary> {
    const { args, flags } = await this.parse(SessionEnd);
    const control = await this.control(flags);
    const { sessionId, service, clientInfo, clientId, subject } = await control.session(
      args.session,
    );
    const client = printable(clientInfo ?? clientId);
    await this.confirm(
      `End session ${sessionId} of ${client} with ${service}, used by ${subject}?`,
      flags.yes,
    );
    const ended = await control.endSession(sessionId);
    this.log(`Ended ${sessionId} after ${ended.requests} requests.`);
    return ended;
  }
}
