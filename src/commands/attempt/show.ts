import { Args } from "@oclif/core";
import { ControlCommand } from "../../client/control-command.ts";
import type { Attempt, AttemptState } from "../../control/attempts.ts";
import { formatTimeline } from "../../control/timeline.ts";

const COLOURS = { running: "cyan", succeeded: "green", failed: "red", stopped: "yellow" } as const;

export default class AttemptShow extends ControlCommand {
  static override summary = "Show one login attempt: its verdict, what to do, and every step.";
  static override examples = [
    "<%= config.bin %> attempt show Xk3v9QpL",
    "<%= config.bin %> attempt show Xk3v --json",
  ];
  static override args = {
    attempt: Args.string({
      required: true,
      description: "id of the attempt, or its beginning when only one begins so",
    }),
  };

  async run(): Promise<Attempt> {
    const { args, flags } = await this.parse(AttemptShow);
    const attempt = await (await this.control(flags)).attempt(args.attempt);
    const { state, verdict, why, fix } = attempt;
    this.log(`${this.paint(COLOURS[state satisfies AttemptState], state)}  ${verdict}`);
    this.log(why);
    if (fix !== undefined) this.log(`${this.paint("dim", "Next:")} ${fix}`);
    this.log();
    this.printFields({
      attempt: attempt.id,
      client: [attempt.clientName, attempt.clientId].filter(Boolean).join("  "),
      resource: attempt.resource,
      person: attempt.subject,
      from: [attempt.source, attempt.userAgent].filter(Boolean).join("  "),
      began: new Date(attempt.startedAt * 1000).toISOString(),
    });
    this.log();
    this.log(formatTimeline(attempt, this.paint));
    if (attempt.possibly) this.tell("Steps with a ? may be of another client at the same address.");
    return attempt;
  }
}
