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
  close(): void;
}

export function openTerminal(command: readonly string[], cwd: string): Terminal {
  const socket = `mcp-gateway-${randomUUID()}`;
  const tmux = (...args: string[]): string =>
    spawnSync("tmux", ["-L", socket, "-f", "/dev/null", ...args], { cwd, encoding: "utf8" }).stdout;
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  // The screen stays after the end of the program.
  tmux("new-session", "-d", "-x", "100", "-y", "60", `${quoted}; echo "ended with $?"; sleep 600`);
  const screen = (): string => tmux("capture-pane", "-p", "-J");
  return {
    press: (...keys) => void tmux("send-keys", ...keys),
    type: (line) => {
      tmux("send-keys", "-l", line);
      tmux("send-keys", "Enter");
    },
    see: async (what) => {
      const end = performance.now() + LIMIT;
      while (performance.now() < end) {
        const shown = screen();
        if (typeof what === "string" ? shown.includes(what) : what.test(shown)) return shown;
        await sleep(50);
      }
      expect(screen()).toMatch(what);
      return screen();
    },
    close: () => void tmux("kill-server"),
  };
}
