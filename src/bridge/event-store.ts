/**
 * What one session sent lately, so that a client whose connection broke can have it again. Bounded in number, bytes and
 * age; the oldest goes first, whatever stream it belongs to. All sessions together are bounded, too: beyond that, who
 * says more keeps little of it.
 *
 * The id of an event names its session, its stream and its place in it. What a client holds of another session says
 * nothing here.
 */
import type { Clock } from "../clock.ts";

const MAX_EVENTS = 1000;
const MAX_BYTES = 4 * 1_048_576; // the newest event stays even when it alone is larger
const MAX_AGE = 600; // seconds
const MAX_TOTAL = 256 * 1_048_576; // bytes of all sessions together
const SHARE = 64 * 1024; // bytes that a session may keep even when all together keep too much

/** What several sessions keep together. */
export class EventBudget {
  readonly #limit: number;
  bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isExceeded(): boolean {
    return this.bytes > this.#limit;
  }
}

const EVERYBODY = new EventBudget(MAX_TOTAL);

/** Where a client was in a stream when it last heard of it. */
export interface Place {
  readonly stream: number;
  /** Of the last event it got; 0 before the first. */
  readonly sequence: number;
}

interface StoredEvent extends Place {
  /** As it went, or will go, over the wire. */
  readonly text: string;
  readonly bytes: number;
  /** Seconds since the epoch. */
  readonly at: number;
}

export class EventStore {
  readonly #clock: Clock;
  readonly #tag: string;
  readonly #budget: EventBudget;
  readonly #events: StoredEvent[] = [];
  #bytes = 0;
  #primers = 0;
  #cancelLook: (() => void) | undefined;

  /**
   * @param tag of the session, of letters, digits, - and _
   * @param budget that of the whole process, unless told
   */
  constructor(clock: Clock, tag: string, budget: EventBudget = EVERYBODY) {
    this.#budget = budget;
    this.#clock = clock;
    this.#tag = tag;
  }

  id({ stream, sequence }: Place): string {
    return `${this.#tag}-${stream}-${sequence}`;
  }

  /** An id for an event that only tells a client where it is: resuming from it is resuming from there. */
  primer(place: Place): string {
    return `${this.id(place)}.${++this.#primers}`;
  }

  /** @param id `Last-Event-ID` @returns undefined when it is none of this session */
  read(id: string): Place | undefined {
    if (!id.startsWith(`${this.#tag}-`)) return undefined;
    const own = id.slice(this.#tag.length + 1);
    const [, stream, sequence] = /^(\d{1,15})-(\d{1,15})(?:\.\d{1,15})?$/.exec(own) ?? [];
    if (stream === undefined) return undefined;
    return { stream: Number(stream), sequence: Number(sequence) };
  }

  append(place: Place, text: string): void {
    const bytes = Buffer.byteLength(text);
    this.#events.push({ ...place, text, bytes, at: this.#clock.now() });
    this.#grow(bytes);
    this.#trim();
    this.#cancelLook ??= this.#lookLater();
  }

  /** Events of one stream after a place, oldest first. */
  after({ stream, sequence }: Place): StoredEvent[] {
    this.#trim();
    return this.#events.filter((event) => event.stream === stream && event.sequence > sequence);
  }

  /** Whether anything of this stream is still here. */
  has(stream: number): boolean {
    this.#trim();
    return this.#events.some((event) => event.stream === stream);
  }

  /** Nobody will come back. */
  clear(): void {
    this.#cancelLook?.();
    this.#events.length = 0;
    this.#grow(-this.#bytes);
  }

  #grow(bytes: number): void {
    this.#bytes += bytes;
    this.#budget.bytes += bytes;
  }

  #trim(): void {
    const oldest = this.#clock.now() - MAX_AGE;
    let excess = 0;
    for (const { bytes, at } of this.#events) {
      const left = this.#events.length - excess;
      const limit = this.#budget.isExceeded ? SHARE : MAX_BYTES;
      const isExcess = left > MAX_EVENTS || (this.#bytes > limit && left > 1);
      if (!isExcess && at > oldest) break;
      this.#grow(-bytes);
      excess += 1;
    }
    if (excess > 0) this.#events.splice(0, excess);
  }

  /** A session that is silent now must not hold what it said before. */
  #lookLater(): () => void {
    return this.#clock.after(MAX_AGE, () => {
      this.#trim();
      this.#cancelLook = this.#events.length > 0 ? this.#lookLater() : undefined;
    });
  }
}
