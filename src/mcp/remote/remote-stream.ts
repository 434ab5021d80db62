/**
 * A GET stream of a server elsewhere that is opened again when it breaks, behind the last event that came (MCP 2025-11-25
 * "Resumability and Redelivery"). The server says how long to wait with `retry`; every attempt that brings nothing doubles
 * the wait.
 */
import type { JsonRpcMessage } from "../json-rpc.ts";
import { ask } from "./answer.ts";
import type { Remote } from "./remote.ts";
import { RemoteFailure } from "./remote-failure.ts";

const RETRY = 1; // seconds, unless the server says otherwise
const LONGEST_RETRY = 300; // seconds a server may have us wait
const LONGEST_BACKOFF = 30; // seconds, unless the server asked for more

export interface RemoteStreamOptions {
  readonly remote: Remote;
  /** Names and values by turns: session and version. */
  readonly headers: () => readonly string[];
  readonly lastEventId?: string | undefined;
  /** Seconds before the first attempt, as the server asked; at once when not given. */
  readonly wait?: number | undefined;
  /** Attempts in a row that bring no event. */
  readonly attempts: number;
  readonly onMessage: (message: JsonRpcMessage) => void;
  /** It ended for good. @param status of the refusal, where there was one */
  readonly onGone: (failure: RemoteFailure, status?: number) => void;
}

export class RemoteStream {
  readonly #options: RemoteStreamOptions;
  #lastEventId: string | undefined;
  #retry: number;
  #idle = 0;
  #isClosed = false;
  #stop: () => void = () => undefined;

  constructor(options: RemoteStreamOptions) {
    this.#options = options;
    this.#lastEventId = options.lastEventId;
    this.#retry = options.wait ?? RETRY;
    if (options.wait === undefined) this.#open();
    else this.#later(options.wait);
  }

  close(): void {
    this.#isClosed = true;
    this.#stop();
  }

  #open(): void {
    const { remote, headers, onMessage } = this.#options;
    const behind = this.#lastEventId === undefined ? [] : ["last-event-id", this.#lastEventId];
    const request = {
      method: "GET" as const,
      headers: ["accept", "text/event-stream", ...headers(), ...behind],
      silence: 0,
    };
    this.#stop = ask(remote, request, {
      isOptional: true,
      onMessage: (message) => {
        this.#idle = 0;
        onMessage(message);
      },
      onEventId: (id) => {
        if (id !== this.#lastEventId) this.#idle = 0;
        this.#lastEventId = headerSafe(id);
      },
      onRetry: (milliseconds) => (this.#retry = retrySeconds(milliseconds)),
      onEnd: () => this.#again(new RemoteFailure("ended a stream before the answer")),
      onRefused: (status) => {
        this.#gone(new RemoteFailure(`does not go on with a stream (${status})`), status);
      },
      onFailure: (failure) => {
        if (failure.isPermanent) this.#gone(failure);
        else this.#again(failure);
      },
    });
  }

  #again(failure: RemoteFailure): void {
    if (this.#isClosed) return;
    this.#idle += 1;
    if (this.#idle >= this.#options.attempts) return this.#gone(failure);
    const backoff = Math.min(RETRY * 2 ** (this.#idle - 1), LONGEST_BACKOFF);
    this.#later(Math.max(this.#retry, this.#idle === 1 ? 0 : backoff));
  }

  #later(seconds: number): void {
    this.#stop = this.#options.remote.clock.after(seconds, () => this.#open());
  }

  #gone(failure: RemoteFailure, status?: number): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.onGone(failure, status);
  }
}

/** `retry` of a stream as seconds. */
export function retrySeconds(milliseconds: number): number {
  return Math.min(milliseconds / 1000, LONGEST_RETRY);
}

/** An id that a header cannot carry is none. */
export function headerSafe(id: string): string | undefined {
  return /^[\x21-\x7e][\x20-\x7e]{0,1023}$/.test(id) ? id : undefined;
}
