/**
 * The last lines the children of one service wrote besides messages: standard error, and banners on standard output.
 * Bounded in lines and in their length, and filtered before they are kept, so that whoever reads them finds no secret.
 */
import type { Clock } from "../clock.ts";
import { redact } from "../log.ts";
import type { LogLine } from "./service/service.ts";

const MOST_LINES = 500;
const LONGEST_LINE = 2000; // characters
/** Of a line that does not end, more is not remembered: much more than is shown, so that no secret is cut in two. */
const LONGEST_BEGUN = 65_536; // characters

export class ServiceLog {
  readonly #clock: Clock;
  readonly #secrets: readonly string[];
  readonly #lines: LogLine[] = [];
  /** What a stream has begun and not ended, by process and stream. */
  readonly #begun = new Map<string, string>();
  #count = 0;

  /** @param secrets values that must not be seen, besides those that look like one */
  constructor(clock: Clock, secrets: readonly string[]) {
    this.#clock = clock;
    this.#secrets = secrets;
  }

  /**
   * @param text as it came: part of a line, or many
   * @param own secrets of the one person the process is for
   */
  add(
    pid: number | undefined,
    stream: "stdout" | "stderr",
    text: string,
    own: readonly string[] = [],
  ): void {
    const key = `${pid} ${stream}`;
    const parts = `${this.#begun.get(key) ?? ""}${text}`.split("\n");
    // A line of standard output comes whole and without its end.
    const rest = stream === "stdout" ? "" : parts.pop()!;
    for (const part of parts) this.#keep(pid, stream, part, own);
    if (rest === "") this.#begun.delete(key);
    else this.#begun.set(key, rest.slice(0, LONGEST_BEGUN));
  }

  /** A process has ended: what it began is all there will be. */
  end(pid: number | undefined, own: readonly string[] = []): void {
    const rest = this.#begun.get(`${pid} stderr`);
    if (rest !== undefined) this.#keep(pid, "stderr", rest, own);
    this.#begun.delete(`${pid} stderr`);
  }

  lines(): LogLine[] {
    return [...this.#lines];
  }

  #keep(
    pid: number | undefined,
    stream: "stdout" | "stderr",
    whole: string,
    own: readonly string[],
  ): void {
    const line = whole.slice(0, LONGEST_BEGUN).trimEnd();
    if (line === "") return;
    // Filtered before it is cut: half a secret would not be found.
    let text = redact(line);
    for (const secret of [...own, ...this.#secrets]) text = text.replaceAll(secret, "[redacted]");
    const number = ++this.#count;
    const at = this.#clock.now();
    this.#lines.push({ number, at, pid: pid ?? 0, stream, text: text.slice(0, LONGEST_LINE) });
    if (this.#lines.length > MOST_LINES) this.#lines.shift();
  }
}
