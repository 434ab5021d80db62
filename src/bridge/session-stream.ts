/**
 * One stream of a session: what belongs to one POST, or everything that belongs to none (the GET stream).
 *
 * A POST is answered as plain JSON when all its responses arrive soon and nothing had to be told before them; clients
 * behind buffering proxies live on that. Otherwise it becomes an event stream, at the latest after `OPEN_AFTER`, and
 * then every event has an id under which a GET with `Last-Event-ID` finds the rest. A client that disconnects cancels
 * nothing (MCP 2025-11-25, transports).
 */
import type { ServerResponse } from "node:http";
import type { Clock } from "../clock.ts";
import { stringifyJson } from "../mcp/exact-json.ts";
import { EventResponse, formatEvent } from "./event-response.ts";
import type { EventStore } from "./event-store.ts";
import type { JsonRpcMessage, JsonRpcResponse } from "../mcp/json-rpc.ts";
import { writeJson } from "./refusal.ts";

const OPEN_AFTER = 0.1; // seconds
const RETRY = 1000; // milliseconds until a client comes back, as the wire wants it

export interface StreamOptions {
  /** Names the stream in event ids; 0 is the GET stream. */
  readonly number: number;
  /** How many responses end it: those of a POST, 0 for a stream that is over, infinity for the GET stream. */
  readonly expected: number;
  readonly clock: Clock;
  readonly store: EventStore;
  /** Revisions from 2025-11-25 on: begin with an event that has an id and no data. Older clients choke on it. */
  readonly primes: boolean;
  readonly headers: Readonly<Record<string, string>>;
}

export class SessionStream {
  readonly number: number;
  readonly #options: StreamOptions;
  #sequence = 0;
  /** Sequence of the last event that went to a client. */
  #delivered = 0;
  #response: ServerResponse | undefined;
  #events: EventResponse | undefined;
  #expected: number;
  #isBatch = false;
  #responses: JsonRpcResponse[] = [];
  #cancelOpen: () => void = () => undefined;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.number = options.number;
    this.#expected = options.expected;
  }

  /** Whether a client listens. */
  get isAttached(): boolean {
    return this.#response !== undefined;
  }

  /** All responses are there. */
  get isDone(): boolean {
    return this.#expected === 0;
  }

  /** Answer a POST. @param isBatch whether a JSON answer is an array */
  answer(response: ServerResponse, isBatch: boolean): void {
    this.#isBatch = isBatch;
    this.#attach(response);
    this.#cancelOpen = this.#options.clock.after(OPEN_AFTER, () => this.#open());
  }

  /** Answer a GET. @param after replay what came after this place; what was not delivered yet, unless told */
  listen(response: ServerResponse, after = this.#delivered): void {
    this.#cancelOpen();
    this.#events?.end();
    this.#events = undefined;
    this.#attach(response);
    this.#open(after);
    for (const event of this.#options.store.after({ stream: this.number, sequence: after })) {
      this.#events!.write(event.text);
      this.#delivered = Math.max(this.#delivered, event.sequence);
    }
  }

  /** A notification or a request of the server. */
  send(message: JsonRpcMessage): void {
    this.#open();
    const { store } = this.#options;
    const place = { stream: this.number, sequence: ++this.#sequence };
    const text = formatEvent(stringifyJson(message), store.id(place));
    store.append(place, text);
    if (!this.#events) return;
    this.#events.write(text);
    this.#delivered = this.#sequence;
  }

  /** A response; the last one that is expected ends the stream. */
  respond(response: JsonRpcResponse): void {
    this.#expected -= 1;
    if (this.#events || !this.#response) this.send(response);
    else this.#responses.push(response);
    if (this.#expected > 0) return;
    if (this.#responses.length > 0 && this.#response) {
      const answer = this.#isBatch ? this.#responses : this.#responses[0];
      writeJson(this.#response, 200, stringifyJson(answer), this.#options.headers);
    }
    this.end();
  }

  /** Let the client go. What is not delivered stays in the store. */
  end(): void {
    this.#cancelOpen();
    this.#events?.end();
    this.#events = undefined;
    this.#response = undefined;
  }

  #attach(response: ServerResponse): void {
    this.#response = response;
    response.once("close", () => {
      if (this.#response === response) this.end();
    });
  }

  /** @param after where the client is; what was not delivered to it comes behind */
  #open(after = this.#sequence): void {
    if (this.#events || !this.#response) return;
    this.#cancelOpen();
    const { clock, headers, primes, store } = this.#options;
    this.#events = new EventResponse(this.#response, clock, headers);
    if (primes) {
      const id = store.primer({ stream: this.number, sequence: after });
      this.#events.write(`id: ${id}\nretry: ${RETRY}\ndata: \n\n`);
    }
    const waiting = this.#responses;
    this.#responses = [];
    for (const response of waiting) this.send(response);
  }
}
