/**
 * Cuts a byte stream into lines. A line is decoded when it is whole, so a character split between two chunks survives.
 */
const LINE_FEED = 10;

export class LineSplitter {
  readonly #limit: number;
  readonly #onLine: (line: string) => void;
  readonly #onOverflow: () => void;
  #parts: Buffer[] = [];
  #size = 0;

  /**
   * @param limit longest line in bytes
   * @param onOverflow called for a longer one; nothing may be pushed afterwards
   */
  constructor(limit: number, onLine: (line: string) => void, onOverflow: () => void) {
    this.#limit = limit;
    this.#onLine = onLine;
    this.#onOverflow = onOverflow;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start);
      if (end === -1) break;
      if (this.#size + end - start > this.#limit) return this.#onOverflow();
      this.#onLine(
        this.#parts.length === 0
          ? chunk.toString("utf8", start, end)
          : this.#join(chunk.subarray(start, end)),
      );
      start = end + 1;
    }
    if (start === chunk.length) return;
    this.#parts.push(start === 0 ? chunk : chunk.subarray(start));
    this.#size += chunk.length - start;
    if (this.#size > this.#limit) this.#onOverflow();
  }

  #join(last: Buffer): string {
    const line = Buffer.concat([...this.#parts, last]).toString("utf8");
    this.#parts = [];
    this.#size = 0;
    return line;
  }
}
