import { Args, Flags } from "@oclif/core";
import { ControlCommand } from "../client/control-command.ts";
import { followGateway } from "../control/follow.ts";
import { sentenceOf } from "../control/sentence.ts";
import type { ControlClient, ControlEvent } from "../control.ts";
import { EXIT } from "../errors.ts";
import { printable } from "../terminal.ts";

export default class Watch extends ControlCommand {
  static override summary =
    "Watch a gateway that runs: sessions, tokens, services, requests, logins.";
  static override description =
    "A dashboard in the terminal; press ? there for its keys. Without a terminal, or with --json, one event a line.";
  static override examples = [
    "<%= config.bin %> watch",
    "<%= config.bin %> watch https://gw.example.com --readonly",
    "<%= config.bin %> watch --screen-reader",
    "<%= config.bin %> watch --json | jq 'select(.type == \"request.finished\")'",
  ];
  static override args = {
    url: Args.string({ description: "Public URL of the gateway; else the one that is meant." }),
  };
  static override flags = {
    readonly: Flags.boolean({ summary: "Only look: nothing can be ended, revoked or restarted." }),
    "screen-reader": Flags.boolean({
      env: "INK_SCREEN_READER",
      summary: "One sentence a line instead of a dashboard, as it happens.",
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Watch);
    const control = await this.control(args.url === undefined ? flags : { gateway: args.url });
    await control.status(); // who is not there at the start is a mistake, later it is a loss
    if (flags["screen-reader"] && !this.jsonEnabled()) {
      // Steps of a login are many, and how it ended is an event of its own.
      const isTold = ({ type }: ControlEvent): boolean => type !== "attempt.noted";
      return await this.#stream(control, (event) => isTold(event) && this.#sentence(event));
    }
    if (this.jsonEnabled() || !process.stdout.isTTY || !process.stdin.isTTY) {
      return await this.#stream(control, (event) => JSON.stringify(event));
    }
    // What Ink and React look at as they are loaded: a person is looking, whatever else is said.
    process.env["NODE_ENV"] = "production";
    process.env["CI"] = process.env["CONTINUOUS_INTEGRATION"] = "false";
    const { watch } = await import("../tui/app.tsx");
    process.exitCode = await watch(control, {
      stdin: process.stdin,
      stdout: process.stdout,
      isReadonly: flags.readonly,
      isColoured: this.paint("bold", "x") !== "x",
    });
  }

  /** Until a signal, or until nobody reads any more. */
  async #stream(
    control: ControlClient,
    write: (event: ControlEvent) => string | false,
  ): Promise<void> {
    const stop = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => {
        process.exitCode = EXIT.interrupted;
        stop.abort();
      });
    }
    process.stdout.once("error", () => stop.abort());
    let isLost = false;
    await followGateway(control, {
      signal: stop.signal,
      onEvent: (event) => {
        const line = write(event);
        if (line !== false) this.writeLine(line);
      },
      onConnection: (connection) => {
        if (connection.state === "lost" && !isLost)
          this.tell(`Lost: ${connection.reason}. Trying again.`);
        if (connection.state === "live" && isLost) this.tell("Connected again.");
        isLost = connection.state === "lost";
      },
    });
  }

  #sentence(event: ControlEvent): string {
    const time = new Date(event.at * 1000).toTimeString().slice(0, 8);
    return `${time} ${event.type.replace(".", " ")}: ${printable(sentenceOf(event))}`;
  }
}
