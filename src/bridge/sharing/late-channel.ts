/**
 * A channel that is opened by the `initialize` it is sent: only that tells what a shared server is to be told, should it be
 * the first.
 */
import type { Greeted } from "../greet.ts";
import {
  isRequest,
  type JsonRpcMessage,
  type JsonRpcRequest,
  type RequestId,
} from "../../mcp/json-rpc.ts";
import type { Channel } from "../service/service.ts";

export class LateChannel implements Channel {
  onmessage?: (message: JsonRpcMessage, about?: RequestId) => void;
  onclose?: (reason: string) => void;

  readonly #greet: (hello: JsonRpcRequest, signal: AbortSignal) => Promise<Greeted>;
  readonly #abort = new AbortController();
  #channel: (Channel & { readonly pid?: number | undefined }) | undefined;
  #isClosed = false;

  constructor(greet: (hello: JsonRpcRequest, signal: AbortSignal) => Promise<Greeted>) {
    this.#greet = greet;
  }

  get pid(): number | undefined {
    return this.#channel?.pid;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  async send(message: JsonRpcMessage): Promise<void> {
    if (this.#channel) return await this.#channel.send(message);
    if (this.#isClosed || !isRequest(message)) throw new Error("the server is not introduced");
    try {
      await this.#open(message);
    } catch (error) {
      this.#finish((error as Error).message);
      throw error;
    }
  }

  async close(graceSeconds?: number): Promise<void> {
    this.#abort.abort();
    await this.#channel?.close(graceSeconds);
    this.#finish("was closed");
  }

  async #open(hello: JsonRpcRequest): Promise<void> {
    const { channel, answer, early } = await this.#greet(hello, this.#abort.signal);
    this.#channel = channel;
    channel.onmessage = (message, about) => this.onmessage?.(message, about);
    channel.onclose = (reason) => this.#finish(reason);
    if (this.#isClosed) return await channel.close();
    for (const message of [answer, ...early]) this.onmessage?.(message);
  }

  #finish(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.onclose?.(reason);
  }
}
