import { Args, Flags } from "@oclif/core";
import { ControlCommand } from "../../client/control-command.ts";
import type { ServiceLogLine } from "../../control/services.ts";
import { EXIT, UserError } from "../../errors.ts";
import { printable } from "../../terminal.ts";

const LOOK = 500; // ms

export default class ServiceLogs extends ControlCommand {
  static override summary = "Show what a service's processes wrote to standard error.";
  static override description =
    "The gateway keeps the last 500 lines of each service in memory, without secrets. With --json and --follow, one object a line.";
  static override examples = [
    "<%= config.bin %> service logs memory",
    "<%= config.bin %> service logs memory --follow --limit 20",
  ];
  static override args = {
    service: Args.string({ required: true, description: "name of the service" }),
  };
  static override flags = {
    follow: Flags.boolean({ char: "f", summary: "Go on with what is written from now on." }),
    limit: Flags.integer({ min: 0, default: 100, summary: "At most so many lines of the past." }),
  };

  async run(): Promise<ServiceLogLine[] | undefined> {
    const { args, flags } = await this.parse(ServiceLogs);
    const control = await this.control(flags);
    const lines = await control.serviceLog(args.service);
    const past = flags.limit === 0 ? [] : lines.slice(-flags.limit);
    if (!flags.follow) {
      if (lines.length === 0) this.tell(`${args.service} has written nothing.`);
      for (const line of past) this.log(this.#format(line));
      return past;
    }
    this.#show(past);
    let last = lines.at(-1)?.number ?? 0;
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, LOOK));
      const news = await control.serviceLog(args.service).catch((error: unknown) => {
        // It was followed to its end.
        if (error instanceof UserError && error.exitCode === EXIT.notRunning) return undefined;
        throw error;
      });
      if (news === undefined) return undefined;
      this.#show(news.filter(({ number }) => number > last));
      last = news.at(-1)?.number ?? last;
    }
  }

  #show(lines: readonly ServiceLogLine[]): void {
    for (const line of lines) {
      this.writeLine(this.jsonEnabled() ? JSON.stringify(line) : this.#format(line));
    }
  }

  #format({ at, pid, text }: ServiceLogLine): string {
    const time = new Date(at * 1000).toISOString().slice(11, 19);
    return `${this.paint("dim", `${time} ${pid}`)}  ${printable(text)}`;
  }
}
