import { Flags } from "@oclif/core";
import { ControlCommand } from "../../client/control-command.ts";
import { systemClock } from "../../clock.ts";
import type { PrunedClients } from "../../control/answers.ts";
import { formatDuration, formatRelative, parseDuration } from "../../duration.ts";

const MOST_SHOWN = 20;

export default class ClientPrune extends ControlCommand {
  static override summary = "Forget clients of which nothing is alive and that nobody uses.";
  static override description =
    "Those that registered themselves and have no grant, no token and no session. Clients of the operator stay. One that comes back registers again.";
  static override examples = [
    "<%= config.bin %> client prune",
    "<%= config.bin %> client prune --older-than 1d --yes",
  ];
  static override flags = {
    "older-than": Flags.string({
      default: "7d",
      helpValue: "DURATION",
      summary: "Not used, or registered and never used, for so long.",
    }),
    yes: Flags.boolean({ summary: "Do not ask." }),
  };

  async run(): Promise<PrunedClients> {
    const { flags } = await this.parse(ClientPrune);
    const idle = parseDuration(flags["older-than"]);
    const control = await this.control(flags);
    const now = systemClock.now();
    const stale = (await control.clients()).filter(
      ({ isStale, lastUsedAt, registeredAt }) =>
        isStale && (lastUsedAt ?? registeredAt) <= now - idle,
    );
    if (stale.length === 0) {
      this.log(`No client is stale and older than ${formatDuration(idle)}.`);
      return { clientIds: [] };
    }
    this.printTable(
      stale.slice(0, MOST_SHOWN).map((client) => ({
        "client id": client.clientId,
        name: client.name ?? "-",
        registered: formatRelative(client.registeredAt, now),
        used: client.lastUsedAt === undefined ? "never" : formatRelative(client.lastUsedAt, now),
      })),
      "",
    );
    if (stale.length > MOST_SHOWN) this.log(`and ${stale.length - MOST_SHOWN} more`);
    const them = stale.length === 1 ? "this client" : `these ${stale.length} clients`;
    await this.confirm(`Forget ${them}?`, flags.yes);
    const pruned = await control.pruneClients(idle);
    this.log(`Forgot ${pruned.clientIds.length} of them.`);
    return pruned;
  }
}
