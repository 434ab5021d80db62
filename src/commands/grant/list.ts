import { systemClock } from "../../clock.ts";
import { ControlCommand } from "../../client/control-command.ts";
import type { GrantSummary } from "../../control/answers.ts";
import { listFlags, narrowed } from "../../control/list-flags.ts";
import { formatDuration, formatRelative } from "../../duration.ts";

export default class GrantList extends ControlCommand {
  static override summary = "List the grants: which client may do what, in whose name.";
  static override examples = [
    "<%= config.bin %> grant list",
    "<%= config.bin %> grant list --subject github:583231",
    "<%= config.bin %> grant list --client s6Bh --limit 20 --json",
  ];
  static override flags = listFlags;

  async run(): Promise<GrantSummary[]> {
    const { flags } = await this.parse(GrantList);
    const grants = narrowed(await (await this.control(flags)).grants(), flags);
    const now = systemClock.now();
    this.printTable(
      grants.map((grant) => ({
        "grant id": grant.grantId,
        client: grant.clientName ?? grant.clientId,
        subject: grant.subject,
        resource: grant.resource,
        scopes: grant.scopes.join(" "),
        age: formatDuration(now - grant.createdAt),
        "last used":
          grant.lastUsedAt === undefined ? "never" : formatRelative(grant.lastUsedAt, now),
        tokens: `${grant.accessTokens}`,
        sessions: `${grant.sessions}`,
      })),
      "No grants are alive.",
    );
    return grants;
  }
}
