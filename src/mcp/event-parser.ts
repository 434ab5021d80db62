/**
 * Reads text/event-stream (WHATWG HTML §9.2.6) from bytes as they come. A line is decoded when it is whole, so a character
 * split between two chunks survives; lines may end in LF, CR or both.
 */
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

export interface StreamEvent {
  /** `message` where the stream names none. */
  readonly type: string;
  /** Empty for an event without data, as priming events are. */
  readonly data: string;
  /** The newest id of the stream so far. */
  readonly id: string | undefined;
}

export interface EventListener {
  /** Called for events without data, too, if they have an id. */
  onEvent(event: StreamEvent): void;
  /** @param milliseconds before the next attempt when the stream breaks */
  onRetry(milliseconds: number): void;
  /** An event is larger than allowed; nothing may be pushed afterwards. */
  onOverflow(): void;
}

export class EventParser {
  readonly #limit: number;
  readonly #listener: EventListener;
  #parts: Buffer[] = [];
  /** Bytes of the event that is being read, its unfinished line included. */
  #size = 0;
  #isFirst = true;
  /** The last line ended in CR: a LF that follows belongs to it. */
  #skipsLineFeed = false;
  #type = "";
  #data: string[] = [];
  #id: string | undefined;
  #hasNewId = false;
  #hasOverflown = false;

  /** @param limit largest event in bytes */
  constructor(limit: number, listener: EventListener) {
    this.#limit = limit;
    this.#listener = listener;
  }

  push(chunk: Buffer): void {
    let start = 0;
    if (this.#skipsLineFeed && chunk.length > 0) {
      this.#skipsLineFeed = false;
      if (chunk[0] === LINE_FEED) start = 1;
    }
    // Most streams have none: one look for the whole chunk instead of one for every line.
    const mayHaveReturns = chunk.includes(CARRIAGE_RETURN, start);
    while (!this.#hasOverflown) {
      const end = endOfLine(chunk, start, mayHaveReturns);
      if (end === -1) break;
      this.#grow(end - start);
      if (this.#hasOverflown) return;
      this.#line(this.#take(chunk, start, end));
      start = end + 1;
      if (chunk[end] !== CARRIAGE_RETURN) continue;
      if (start === chunk.length) this.#skipsLineFeed = true;
      else if (chunk[start] === LINE_FEED) start += 1;
    }
    if (start >= chunk.length) return;
    this.#parts.push(start === 0 ? chunk : chunk.subarray(start));
    this.#grow(chunk.length - start);
  }

  #grow(bytes: number): void {
    this.#size += bytes;
    if (this.#size <= this.#limit || this.#hasOverflown) return;
    this.#hasOverflown = true;
    this.#parts = [];
    this.#data = [];
    this.#listener.onOverflow();
  }

  #take(chunk: Buffer, start: number, end: number): string {
    if (this.#parts.length === 0) return chunk.toString("utf8", start, end);
    const line = Buffer.concat([...this.#parts, chunk.subarray(start, end)]).toString("utf8");
    this.#parts = [];
    return line;
  }

  #line(text: string): void {
    let line = text;
    if (this.#isFirst) {
      this.#isFirst = false;
      if (line.startsWith("\ufeff")) line = line.slice(1);
    }
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) {
      // A comment is no part of an event: a stream of them alone may go on for ever.
      this.#size -= Buffer.byteLength(line);
      return;
    }
    const field = colon === -1 ? line : line.slice(0, colon);
    const from = line[colon + 1] === " " ? colon + 2 : colon + 1;
    this.#field(field, colon === -1 ? "" : line.slice(from));
  }

  #field(name: string, value: string): void {
    switch (name) {
      case "data":
        this.#data.push(value);
        break;
      case "event":
        this.#type = value;
        break;
      case "id":
        if (value.includes("\0")) break;
        this.#id = value;
        this.#hasNewId = true;
        break;
      case "retry":
        if (/^\d{1,9}$/.test(value)) this.#listener.onRetry(Number(value));
        break;
      default:
    }
  }

  #dispatch(): void {
    const isEvent = this.#data.length > 0 || this.#hasNewId;
    const event = { type: this.#type || "message", data: this.#data.join("\n"), id: this.#id };
    this.#size = 0;
    this.#type = "";
    this.#data = [];
    this.#hasNewId = false;
    if (isEvent) this.#listener.onEvent(event);
  }
}

function endOfLine(chunk: Buffer, start: number, mayHaveReturns: boolean): number {
  const feed = chunk.indexOf(LINE_FEED, start);
  if (!mayHaveReturns) return feed;
  const back = chunk.indexOf(CARRIAGE_RETURN, start);
  if (back === -1 || feed === -1) return Math.max(back, feed);
  return Math.min(back, feed);
}
