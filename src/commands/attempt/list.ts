import { Flags } from "@oclif/core";
import { systemClock } from "../../clock.ts";
import { ControlCommand } from "../../client/control-command.ts";
import type { AttemptState, AttemptSummary } from "../../control/attempts.ts";
import { formatDuration, parseDuration } from "../../duration.ts";

const STATES: readonly AttemptState[] = ["running", "succeeded", "failed", "stopped"];

export default class AttemptList extends ControlCommand {
  static override summary = "List login attempts, newest first, and what came of each.";
  static override description =
    "The gateway keeps the last few hundred in memory. mcp-gateway attempt show says what to do about one.";
  static override examples = [
    "<%= config.bin %> attempt list",
    "<%= config.bin %> attempt list --state stopped --since 1h",
    "<%= config.bin %> attempt list --client Claude --json",
  ];
  static override flags = {
    client: Flags.string({
      summary: "Only of this client: its id, the beginning of it, or its name.",
    }),
    state: Flags.option({ options: STATES, summary: "Only those in this state." })(),
    limit: Flags.integer({ min: 1, max: 1000, default: 50, summary: "At most so many." }),
    since: Flags.string({ helpValue: "DURATION", summary: "Only those of the last 30s, 15m, 2h." }),
  };

  async run(): Promise<AttemptSummary[]> {
    const { flags } = await this.parse(AttemptList);
    const now = systemClock.now();
    const since = flags.since === undefined ? undefined : now - parseDuration(flags.since);
    const { client, state, limit } = flags;
    const control = await this.control(flags);
    const attempts = await control.attempts({ client, state, limit, since });
    this.printTable(
      attempts.map((attempt) => ({
        attempt: attempt.id.slice(0, 8),
        age: formatDuration(now - attempt.startedAt),
        client: attempt.clientName ?? attempt.clientId ?? attempt.userAgent ?? "",
        resource: attempt.resource === undefined ? "" : new URL(attempt.resource).pathname,
        state: attempt.state,
        verdict: attempt.verdict,
        from: attempt.source ?? "",
      })),
      "Nobody has tried to log in.",
    );
    return attempts;
  }
}
