/**
 * What every command is made of: the global flags, the control client, questions, tables, and how failures end.
 *
 * Standard output carries data and nothing else; sentences for people go to standard error.
 */
import { Command, Flags } from "@oclif/core";
import { createInterface } from "node:readline/promises";
import { connectControl, stateDirectoryFor, type ControlClient } from "./control.ts";
import { EXIT, messageOf, UserError } from "./errors.ts";
import { createPaint, formatTable, printable, printableJson, type Paint } from "./terminal.ts";

export interface Failure {
  message: string;
  hint?: string;
  /** Stable name of the exit code. */
  code: string;
  exitCode: number;
  /** What a person reads; empty when there is nothing to say. */
  text: string;
}

const GRACE = 10; // seconds for requests and children before each firmer step

// Who closes the pipe has seen enough; a gateway that logs into it goes on.
process.stderr.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;
  static override baseFlags = {
    config: Flags.string({
      char: "c",
      helpGroup: "GLOBAL",
      helpValue: "FILE",
      summary: "Configuration file; else mcp-gateway.yaml here or above.",
    }),
    "no-color": Flags.boolean({
      helpGroup: "GLOBAL",
      summary: "No colours; NO_COLOR does the same.",
    }),
  };

  protected readonly paint: Paint = createPaint(process.stdout);
  protected readonly paintError: Paint = createPaint(process.stderr);

  /**
   * A client of the control API of the gateway on this machine, for commands that read or edit its configuration as well. Nothing
   * is dialled before its first call.
   */
  protected async localControl(flags: { config?: string | undefined }): Promise<ControlClient> {
    return connectControl(await stateDirectoryFor(flags.config));
  }

  /**
   * Ask before something that cannot be undone.
   * @throws UserError exit 2 when nobody can be asked and `yes` was not given; exit 1 when the answer is no
   */
  protected async confirm(question: string, yes: boolean): Promise<void> {
    if (yes) return;
    if (!this.isInteractive()) {
      throw new UserError("This needs a yes, and there is no terminal to ask on", {
        hint: "Pass --yes.",
        exitCode: EXIT.usage,
      });
    }
    const answer = await this.ask(`${question} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new UserError("Nothing was changed");
  }

  /** Whether there is somebody to ask. */
  protected isInteractive(): boolean {
    return process.stdin.isTTY && process.stderr.isTTY;
  }

  /** @throws UserError exit 130 on Ctrl-C, and on Ctrl-D: who ends the input answers nothing more */
  protected async ask(question: string): Promise<string> {
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    const interrupted = new AbortController();
    terminal.once("SIGINT", () => interrupted.abort());
    try {
      return await terminal.question(question, { signal: interrupted.signal });
    } catch (error) {
      if ((error as Error).name !== "AbortError") throw error;
      throw new UserError("Nothing was changed", { exitCode: EXIT.interrupted });
    } finally {
      terminal.close();
    }
  }

  /** Print rows as a table that fits the terminal; cut nothing when the output goes to a program. */
  protected printTable(rows: readonly Readonly<Record<string, string>>[], whenEmpty: string): void {
    if (rows.length === 0) this.tell(whenEmpty);
    else this.log(formatTable(rows, terminalWidth(), this.paint));
  }

  /** Print one thing, member by member; empty members are left out. */
  protected printFields(fields: Readonly<Record<string, string | undefined>>): void {
    const present = Object.entries(fields).filter(
      ([, value]) => value !== undefined && value !== "",
    );
    const width = Math.max(...present.map(([name]) => name.length));
    for (const [name, value] of present) {
      const lines = value!.split("\n").map(printable);
      this.log(
        `${this.paint("bold", name.padEnd(width))}  ${lines.join(`\n${" ".repeat(width + 2)}`)}`,
      );
    }
  }

  /**
   * Stay until a signal. The first one asks politely and ends with exit 0, the second one does not wait. SIGHUP means that
   * the terminal is gone; where there is none, that the configuration shall be read again.
   * @param sayReady called once signals are heard: whoever reads that it stands may end it at once
   */
  protected async keepRunning(
    gateway: { stop(graceSeconds: number): Promise<void>; reload?(): Promise<boolean> },
    sayReady: () => void,
  ): Promise<void> {
    const signal = await new Promise<NodeJS.Signals>((fulfil) => {
      let isFirst = true;
      const onSignal = (name: NodeJS.Signals): void => {
        if (name === "SIGHUP" && gateway.reload && !process.stdin.isTTY) {
          return void gateway.reload();
        }
        if (!isFirst) process.exit(EXIT.interrupted);
        isFirst = false;
        fulfil(name);
      };
      for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, onSignal);
      sayReady();
    });
    if (process.stderr.isTTY) this.tell(`\n${signal}: stopping. Once more stops at once.`);
    await gateway.stop(GRACE);
  }

  /**
   * The command somebody wrote after two hyphens; empty when there is none.
   * @param rest of what was parsed, the command included @param usage what stands before the hyphens, for the hint
   * @throws UserError exit 2 for words that belong to nothing
   */
  protected commandAfterHyphens(rest: readonly unknown[], usage: string): string[] {
    const separator = this.argv.indexOf("--");
    const command = separator === -1 ? [] : this.argv.slice(separator + 1);
    const [stray] = rest.slice(0, rest.length - command.length) as string[];
    if (stray === undefined) return command;
    const hint = `The command to start comes after two hyphens: mcp-gateway ${usage} -- COMMAND`;
    throw new UserError(`${stray} is not understood`, { hint, exitCode: EXIT.usage });
  }

  /** Columns there are for standard output; Infinity when it goes to a program. */
  protected get width(): number {
    return terminalWidth();
  }

  /** A sentence for the person at the terminal, `--json` or not. */
  protected tell(sentence: string): void {
    process.stderr.write(`${sentence}\n`);
  }

  override log(message = ""): void {
    if (!this.jsonEnabled()) this.writeLine(message);
  }

  override logJson(json: unknown): void {
    this.writeLine(printableJson(json, 2));
  }

  /** One line of standard output, `--json` or not. */
  protected writeLine(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  protected override async catch(error: Error & { exitCode?: number }): Promise<void> {
    const { message, hint, code, exitCode, text } = describeFailure(error);
    // Help and --version end with an ExitError that says nothing.
    if (!this.jsonEnabled() || text === "") throw error;
    this.logJson({ error: { message, hint, code } });
    process.exitCode = exitCode;
  }
}

const CODES: Readonly<Record<number, string>> = {
  [EXIT.failed]: "failed",
  [EXIT.usage]: "usage",
  [EXIT.notRunning]: "not_running",
  [EXIT.notAuthorised]: "not_authorised",
  [EXIT.bug]: "bug",
  [EXIT.interrupted]: "interrupted",
};

/** Turn whatever a command threw into a sentence, a next step and an exit code. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof UserError) return failure(error.message, error.exitCode, error.hint);
  const thrown = Object(error) as { code?: string; oclif?: { exit?: number }; stack?: string };
  if (thrown.code === "EPIPE") return { ...failure("", EXIT.ok), text: "" };
  if (thrown.code === "EEXIT") return { ...failure("", thrown.oclif?.exit ?? EXIT.ok), text: "" };
  if (thrown.oclif !== undefined) {
    const message = messageOf(error)
      .replace(/\n?See more help with --help$/, "")
      .replace(
        /^command (.+) not found$/,
        (_, id: string) => `There is no command ${id.replaceAll(":", " ")}`,
      );
    return failure(message, EXIT.usage, "Add --help to see what is possible.");
  }
  const isDebugging = Boolean(process.env["MCP_GATEWAY_DEBUG"]);
  return failure(
    `This is a bug in mcp-gateway: ${(isDebugging && thrown.stack) || messageOf(error)}`,
    EXIT.bug,
    isDebugging ? undefined : "Run it again with MCP_GATEWAY_DEBUG=1 to see where, and report it.",
  );
}

function failure(message: string, exitCode: number, hint?: string): Failure {
  const paint = createPaint(process.stderr);
  const lines = [`${paint("red", "Error:")} ${message}`];
  if (hint !== undefined) lines.push(`  ${paint("dim", "Next:")} ${hint}`);
  return {
    message,
    ...(hint !== undefined && { hint }),
    code: CODES[exitCode] ?? "failed",
    exitCode,
    text: lines.join("\n"),
  };
}

function terminalWidth(): number {
  const asked = Number.parseInt(process.env["COLUMNS"] ?? "", 10);
  if (asked > 0) return asked;
  return process.stdout.isTTY ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY;
}
