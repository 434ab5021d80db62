/**
 * A channel to a server elsewhere. The messages tell the era, because both may be spoken at one address: `initialize` opens a
 * session, what carries an envelope stands for itself. Which of the two transports of sessions the server has is
 * configured, or found out as clients do: what refuses `initialize` by POST may be a server of 2024-11-05.
 */
import {
  ERROR_CODES,
  isRequest,
  metaOf,
  type JsonRpcMessage,
  type RequestId,
} from "../json-rpc.ts";
import { outageResponse } from "../outage.ts";
import type { Channel } from "../channel.ts";
import { EventChannel } from "./event-channel.ts";
import type { Remote } from "./remote.ts";
import { RemoteFailure } from "./remote-failure.ts";
import { RequestChannel } from "./request-channel.ts";
import { SessionChannel } from "./session-channel.ts";

/** Shared by the channels of one service. */
export interface Transport {
  /** As configured. */
  readonly configured: "auto" | "streamable-http" | "sse";
  /** Whether the server took its last session by the transport of 2024-11-05. */
  isOld: boolean;
}

export class RemoteChannel implements Channel {
  onmessage?: (message: JsonRpcMessage, about?: RequestId) => void;
  onclose?: (reason: string) => void;

  readonly #remote: Remote;
  readonly #transport: Transport;
  readonly #onClosed: () => void;
  #inner: Channel | undefined;
  #era: "legacy" | "modern" | undefined;
  #opening: Promise<Channel> | undefined;
  #isClosed = false;

  /** @param onClosed called last */
  constructor(remote: Remote, transport: Transport, onClosed: () => void) {
    this.#remote = remote;
    this.#transport = transport;
    this.#onClosed = onClosed;
  }

  async start(): Promise<void> {
    if (this.#isClosed) throw new Error(`service ${this.#remote.name} was left`);
  }

  async send(message: JsonRpcMessage): Promise<void> {
    if (this.#isClosed) throw new Error(`service ${this.#remote.name} was left`);
    const era = eraOf(message) ?? this.#era ?? "modern";
    if (era !== this.#era) this.#opening = this.#open(message, era);
    try {
      const inner = this.#inner ?? (await this.#opening);
      await inner!.send(message);
    } catch (error) {
      if (!(error instanceof RemoteFailure && isRequest(message))) throw error;
      const reason = this.#remote.explain(error);
      this.onmessage?.(outageResponse(message.id, ERROR_CODES.server, reason, error.outage));
    }
  }

  async close(graceSeconds?: number): Promise<void> {
    if (this.#isClosed) return;
    await this.#inner?.close(graceSeconds);
    this.#finish(`service ${this.#remote.name} was left`);
  }

  async #open(first: JsonRpcMessage, era: "legacy" | "modern"): Promise<Channel> {
    this.#era = era;
    this.#leave();
    if (era === "modern") return this.#use(new RequestChannel(this.#remote));
    const { configured, isOld } = this.#transport;
    if (configured === "sse") return await this.#useOld();
    if (configured === "auto" && isOld) {
      try {
        return await this.#useOld();
      } catch {
        // It may have been replaced by a newer one meanwhile.
        this.#transport.isOld = false;
      }
    }
    const onUnfit = (answer: JsonRpcMessage, failure: RemoteFailure | undefined): void => {
      void this.#tryOld(first).then((isOld) => {
        if (isOld) return;
        if (failure) this.#remote.failed(failure);
        this.onmessage?.(answer);
      });
    };
    return this.#use(
      configured === "auto"
        ? new SessionChannel(this.#remote, onUnfit)
        : new SessionChannel(this.#remote),
    );
  }

  /** @returns false when it is no such server either */
  async #tryOld(first: JsonRpcMessage): Promise<boolean> {
    try {
      const old = await this.#useOld();
      this.#transport.isOld = true;
      await old.send(first);
      return true;
    } catch {
      return false;
    }
  }

  async #useOld(): Promise<Channel> {
    const old = new EventChannel(this.#remote);
    // While it is only a guess, its end is not ours.
    await old.start();
    if (this.#isClosed) await old.close();
    return this.#use(old);
  }

  /** A server that took no `initialize` is asked the other way on the same channel. */
  #leave(): void {
    const inner = this.#inner;
    if (!inner) return;
    this.#inner = undefined;
    delete inner.onclose;
    void inner.close();
  }

  #use(inner: Channel): Channel {
    inner.onmessage = (message, about) => this.onmessage?.(message, about);
    inner.onclose = (reason) => this.#finish(reason);
    this.#inner = inner;
    return inner;
  }

  #finish(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.onclose?.(reason);
    this.#onClosed();
  }
}

/** @returns undefined where the message goes with those before it */
function eraOf(message: JsonRpcMessage): "legacy" | "modern" | undefined {
  if (!isRequest(message)) return undefined;
  const isModern = metaOf(message)?.["io.modelcontextprotocol/protocolVersion"] !== undefined;
  if (isModern) return "modern";
  return message.method === "initialize" ? "legacy" : undefined;
}
