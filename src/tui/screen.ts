/**
 * The terminal as a whole: an alternate screen to draw on, and the way back, however the program ends. Only `kill -9` leaves
 * no chance to tidy up.
 *
 * Ink hands over whole frames (its `debug` mode); here a frame is compared with what stands on the screen, and only lines
 * that differ are written, at most ten times a second and each time in one piece. Ink's own ways either erase everything
 * first, which flickers, or (6.8, incremental) write one line too low.
 */
import { writeSync } from "node:fs";
import type { ReadStream, WriteStream } from "node:tty";

const ENTER = "\u001b[?1049h\u001b[2J\u001b[H\u001b[?25l";
const LEAVE = "\u001b[0m\u001b[?2026l\u001b[?25h\u001b[?1049l";
const BEGIN = "\u001b[?2026h"; // synchronized output: terminals that know it show all of it at once
const END = "\u001b[?2026l";
const FRAME = 100; // ms

export interface Screen {
  /** What Ink draws on. */
  readonly canvas: NodeJS.WriteStream;
  /** Ask the terminal to take `text` into the clipboard (OSC 52); many do, none says whether. */
  copy(text: string): void;
  /** May be called again. */
  close(): void;
}

export function openScreen(stdin: ReadStream, stdout: WriteStream & { fd: number }): Screen {
  let isOpen = true;
  let standing: readonly string[] = [];
  let next: string | undefined;
  let drawnAt = 0;
  let timer: NodeJS.Timeout | undefined;

  function draw(): void {
    timer = undefined;
    if (!isOpen || next === undefined) return;
    const lines = next.split("\n");
    const changes = lines.map((line, index) =>
      line === standing[index] ? "" : `\u001b[${index + 1};1H${line}\u001b[0m\u001b[K`,
    );
    if (lines.length < standing.length) changes.push(`\u001b[${lines.length + 1};1H\u001b[J`);
    standing = lines;
    next = undefined;
    drawnAt = performance.now();
    const change = changes.join("");
    if (change !== "") stdout.write(BEGIN + change + END);
  }

  function onResize(): void {
    // What stands there was laid out for another size, and the terminal has moved it about.
    standing = [];
    stdout.write("\u001b[2J");
  }

  const canvas = {
    isTTY: true,
    get columns() {
      return stdout.columns;
    },
    get rows() {
      return stdout.rows;
    },
    write(frame: string) {
      next = frame;
      timer ??= setTimeout(draw, Math.max(0, drawnAt + FRAME - performance.now()));
      return true;
    },
    on: stdout.on.bind(stdout),
    off: stdout.off.bind(stdout),
  } as unknown as NodeJS.WriteStream;

  function close(): void {
    if (!isOpen) return;
    isOpen = false;
    clearTimeout(timer);
    process.off("exit", close);
    stdout.off("resize", onResize);
    try {
      stdin.setRawMode(false);
      // At once: the process may be about to end.
      writeSync(stdout.fd, LEAVE);
    } catch {
      // The terminal is gone, and its state with it.
    }
  }

  stdout.write(ENTER);
  stdout.on("resize", onResize);
  process.on("exit", close);
  return {
    canvas,
    copy: (text) => void stdout.write(`\u001b]52;c;${Buffer.from(text).toString("base64")}\u0007`),
    close,
  };
}
