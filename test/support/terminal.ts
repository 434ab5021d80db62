/**
 * A program in a real terminal, typed into and looked at as a person would.
 */
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";

const LIMIT = 20_000; // ms until what is waited for must be seen

export interface Terminal {
  /** Keys of tmux, such as C-d; anything else is typed as it stands. */
  press(...keys: string[]): void;
  type(line: string): void;
  /** @returns the screen once it shows this */
  see(what: string | RegExp): Promise<string>;
  /** @returns the screen once it no longer shows this */
  miss(what: string | RegExp): Promise<string>;
  /** The screen with its colours, as escape sequences. */
  coloured(): string;
  /** A format of tmux about the terminal, such as `#{alternate_on}`. */
  ask(format: string): string;
  resize(columns: number, rows: number): void;
  close(): void;
}

export function openTerminal(
  command: readonly string[],
  cwd: string,
  { columns = 100, rows = 60 }: { columns?: number; rows?: number } = {},
): Terminal {
  const socket = `mcp-gateway-${randomUUID()}`;
  const tmux = (...args: string[]): string =>
    spawnSync("tmux", ["-L", socket, "-f", "/dev/null", ...args], { cwd, encoding: "utf8" }).stdout;
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  // The screen stays after the end of the program.
  const size = ["-x", `${columns}`, "-y", `${rows}`];
  tmux("new-session", "-d", ...size, `${quoted}; echo "ended with $?"; sleep 600`);
  const screen = (): string => tmux("capture-pane", "-p", "-J");
  const until = async (what: string | RegExp, isWanted: boolean): Promise<string> => {
    const end = performance.now() + LIMIT;
    let shown = screen();
    const isThere = (): boolean =>
      typeof what === "string" ? shown.includes(what) : what.test(shown);
    while (isThere() !== isWanted && performance.now() < end) {
      await sleep(50);
      shown = screen();
    }
    if (isWanted) expect(shown).toMatch(what);
    else expect(shown).not.toMatch(what);
    return shown;
  };
  return {
    press: (...keys) => void tmux("send-keys", ...keys),
    type: (line) => {
      tmux("send-keys", "-l", line);
      tmux("send-keys", "Enter");
    },
    see: (what) => until(what, true),
    miss: (what) => until(what, false),
    coloured: () => tmux("capture-pane", "-p", "-e"),
    ask: (format) => tmux("display-message", "-p", format).trim(),
    resize: (x, y) => void tmux("resize-window", "-x", `${x}`, "-y", `${y}`),
    close: () => void tmux("kill-server"),
  };
}
