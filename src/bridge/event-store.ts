/**
 * What one session sent lately, so that a client whose connection broke can have it again. Bounded in number, bytes and
 * age; the oldest goes first, whatever stream it belongs to.
 */
import type { Clock } from "../clock.ts";

const MAX_EVENTS = 1000;
const MAX_BYTES = 4 * 1_048_576; // the newest event stays even when it alone is larger
const MAX_AGE = 600; // seconds

export interface StoredEvent {
  readonly stream: number;
  /** Place within its stream. */
  readonly sequence: number;
  /** As it went, or will go, over the wire. */
  readonly text: string;
  /** Seconds since the epoch. */
  readonly at: number;
}

export class EventStore {
  readonly #clock: Clock;
  readonly #events: StoredEvent[] = [];
  #bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  append(stream: number, sequence: number, text: string): void {
    this.#events.push({ stream, sequence, text, at: this.#clock.now() });
    this.#bytes += text.length;
    this.#trim();
  }

  /** Events of one stream after `sequence`, oldest first. */
  after(stream: number, sequence: number): StoredEvent[] {
    this.#trim();
    return this.#events.filter((event) => event.stream === stream && event.sequence > sequence);
  }

  /** Whether anything of this stream is still here. */
  has(stream: number): boolean {
    this.#trim();
    return this.#events.some((event) => event.stream === stream);
  }

  #trim(): void {
    const oldest = this.#clock.now() - MAX_AGE;
    for (let first = this.#events[0]; first; first = this.#events[0]) {
      const { length } = this.#events;
      const isExcess = length > MAX_EVENTS || (this.#bytes > MAX_BYTES && length > 1);
      if (!isExcess && first.at >= oldest) break;
      this.#bytes -= first.text.length;
      this.#events.shift();
    }
  }
}
