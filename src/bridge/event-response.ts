/**
 * A response that is a stream of events (text/event-stream), kept alive and bounded.
 */
import type { ServerResponse } from "node:http";
import type { Clock } from "../clock.ts";

const PING = 15; // seconds between two comments that keep proxies and their timers quiet
/** Bytes a client may leave unread before we let go of it; what it missed is in the event store. */
const UNREAD_LIMIT = 16 * 1_048_576;

export class EventResponse {
  readonly #response: ServerResponse;
  #cancelPing: () => void = () => undefined;

  /** Sends the head of the response. @param headers besides those every event stream has */
  constructor(response: ServerResponse, clock: Clock, headers: Readonly<Record<string, string>>) {
    this.#response = response;
    if (response.destroyed) return;
    response.writeHead(200, {
      ...headers,
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    });
    response.flushHeaders();
    // With the pings, this is how a client that vanished without a word is noticed.
    response.socket?.setKeepAlive(true, PING * 1000);
    const ping = (): void => {
      this.write(": ping\n\n");
      this.#cancelPing = clock.after(PING, ping);
    };
    this.#cancelPing = clock.after(PING, ping);
    response.once("close", () => this.#cancelPing());
  }

  write(text: string): void {
    if (this.#response.destroyed || this.#response.writableEnded) return;
    this.#response.write(text);
    if (this.#response.writableLength > UNREAD_LIMIT) this.#response.destroy();
  }

  end(): void {
    this.#cancelPing();
    this.#response.end();
  }
}

/** @param id left out where a stream cannot be resumed */
export function formatEvent(data: string, id?: string): string {
  return id === undefined
    ? `event: message\ndata: ${data}\n\n`
    : `event: message\nid: ${id}\ndata: ${data}\n\n`;
}
