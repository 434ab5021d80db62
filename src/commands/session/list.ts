import { systemClock } from "../../clock.ts";
import { ControlCommand } from "../../client/control-command.ts";
import type { SessionSummary } from "../../control/answers.ts";
import { listFlags, narrowed } from "../../control/list-flags.ts";
import { formatDuration } from "../../duration.ts";

export default class SessionList extends ControlCommand {
  static override summary = "List the MCP sessions that are open.";
  static override examples = [
    "<%= config.bin %> session list",
    "<%= config.bin %> session list --client s6Bh --limit 20 --json",
  ];
  static override flags = listFlags;

  async run(): Promise<SessionSummary[]> {
    const { flags } = await this.parse(SessionList);
    const sessions = narrowed(await (await this.control(flags)).sessions(), flags);
    const now = systemClock.now();
    this.printTable(
      sessions.map((session) => ({
        session: session.sessionId,
        service: session.service,
        client: session.clientInfo ?? session.clientId,
        subject: session.subject,
        revision: session.protocolVersion,
        age: formatDuration(now - session.openedAt),
        idle: formatDuration(now - session.lastActiveAt),
        requests: `${session.requests}`,
      })),
      "No MCP session is open.",
    );
    return sessions;
  }
}
