/**
 * The way between one host and one remote server, which outlives the sessions there. A host on standard input and output
 * cannot begin anew, so when the server forgets a session (it was restarted, or tidied up) the link opens another one with
 * what the host said in `initialize`, and sets again what the host had set: log level and resource subscriptions.
 *
 * A request that was refused for the dead session never ran and is sent again. One that was under way may have run, and
 * gets an error: to do a thing twice is worse.
 *
 * Requests of the revisions without sessions go their own way beside it, so the host may use either or find out which works.
 */
import type { Channel } from "../mcp/channel.ts";
import {
  ERROR_CODES,
  errorResponse,
  isRequest,
  isResponse,
  metaOf,
  type JsonRpcMessage,
  type JsonRpcRequest,
  type RequestId,
} from "../mcp/json-rpc.ts";

const VERSION = "io.modelcontextprotocol/protocolVersion";
const OWN = "mcp-gateway:"; // begins the ids of our own requests

export interface LinkOptions {
  open: () => Channel;
  toHost: (message: JsonRpcMessage) => void;
  /** Whether the server has refused to look at this message for want of a session. */
  wasRefused: (message: JsonRpcMessage) => boolean;
  trace: (line: string) => void;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #pending = new Map<RequestId, JsonRpcRequest>();
  /** Those of them that are on their way; the others wait for their turn. */
  readonly #sent = new Set<RequestId>();
  /** Our own requests, which are answered or end with the channel, for this reason. */
  readonly #own = new Map<RequestId, (answer: JsonRpcMessage | string) => void>();
  #stateless: Channel | undefined;
  #session: Channel | undefined;
  #reopening: Promise<Channel> | undefined;
  /** What the host said to open its session, and has set since. */
  #hello: JsonRpcRequest | undefined;
  #level: JsonRpcRequest | undefined;
  readonly #subscriptions = new Map<unknown, JsonRpcRequest>();
  #count = 0;
  #queue: Promise<void> = Promise.resolve();
  #isClosed = false;
  #whenIdle: (() => void) | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** In the order given: what the server has not yet taken is not overtaken. */
  send(message: JsonRpcMessage): void {
    if (isRequest(message)) this.#pending.set(message.id, message);
    const isAlone = this.#standsForItself(message);
    this.#queue = this.#queue
      .then(async () => {
        const channel = await this.#channelFor(message, isAlone);
        if (isRequest(message)) this.#sent.add(message.id);
        await channel.send(message);
      })
      .catch((error: unknown) => this.#undelivered(message, error));
    // The host awaits no answer any more.
    if (isNotification(message, "notifications/cancelled")) {
      this.#settle(message.params?.["requestId"] as RequestId);
    }
  }

  /** Resolves when no request awaits an answer. */
  idle(): Promise<void> {
    if (this.#pending.size === 0) return Promise.resolve();
    return new Promise((fulfil) => (this.#whenIdle = fulfil));
  }

  async close(graceSeconds: number): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled([
      this.#session?.close(graceSeconds),
      this.#stateless?.close(graceSeconds),
    ]);
    for (const id of this.#pending.keys()) this.#fail(id, "The connection was closed");
  }

  async #channelFor(message: JsonRpcMessage, isAlone: boolean): Promise<Channel> {
    if (isRequest(message) && message.method === "initialize") {
      await this.#session?.close();
      this.#hello = message;
      this.#level = undefined;
      this.#subscriptions.clear();
      return (this.#session = await this.#open((reason, channel) => this.#lost(reason, channel)));
    }
    if (isAlone || this.#hello === undefined) {
      return (this.#stateless ??= await this.#open(() => (this.#stateless = undefined)));
    }
    if (isRequest(message)) this.#remember(message);
    return this.#session ?? (await (this.#reopening ??= this.#reopen()));
  }

  /** Whether it is of the revisions without sessions: it says so, or cancels a request that did. */
  #standsForItself(message: JsonRpcMessage): boolean {
    if (!isNotification(message, "notifications/cancelled")) return isModern(message);
    const cancelled = this.#pending.get(message.params?.["requestId"] as RequestId);
    return cancelled !== undefined && isModern(cancelled);
  }

  async #open(onClose: (reason: string, channel: Channel) => void): Promise<Channel> {
    const channel = this.#options.open();
    channel.onmessage = (message) => this.#receive(message);
    channel.onclose = (reason) => onClose(reason, channel);
    await channel.start();
    return channel;
  }

  #receive(message: JsonRpcMessage): void {
    if (!isResponse(message)) return this.#options.toHost(message);
    const own = this.#own.get(message.id as RequestId);
    if (own) return own(message);
    if (this.#settle(message.id as RequestId)) this.#options.toHost(message);
  }

  /** @returns whether the host awaited it */
  #settle(id: RequestId): boolean {
    const was = this.#pending.delete(id);
    this.#sent.delete(id);
    if (this.#pending.size === 0) this.#whenIdle?.();
    return was;
  }

  #fail(id: RequestId, reason: string): void {
    if (!this.#settle(id)) return;
    this.#options.toHost(errorResponse(id, ERROR_CODES.server, reason));
  }

  #undelivered(message: JsonRpcMessage, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    if (isRequest(message)) this.#fail(message.id, reason);
    else this.#options.trace(`not delivered: ${reason}`);
  }

  #lost(reason: string, channel: Channel): void {
    if (this.#isClosed || this.#session !== channel) return;
    this.#session = undefined;
    this.#options.trace(`the session is over: ${reason}`);
    for (const [id, request] of this.#pending) {
      if (!this.#sent.has(id) || isModern(request)) continue;
      if (request !== this.#hello && this.#options.wasRefused(request)) this.send(request);
      else this.#fail(id, `${reason}; whether this request was carried out is not known`);
    }
  }

  async #reopen(): Promise<Channel> {
    let channel: Channel | undefined;
    try {
      channel = await this.#open((reason, closed) => {
        for (const give of this.#own.values()) give(reason);
        this.#lost(reason, closed);
      });
      await this.#ask(channel, this.#hello!);
      await channel.send({ jsonrpc: "2.0", method: "notifications/initialized" });
      for (const request of [this.#level, ...this.#subscriptions.values()]) {
        if (request) await this.#ask(channel, request);
      }
      this.#options.trace("opened another session");
      return (this.#session = channel);
    } catch (error) {
      await channel?.close();
      throw error;
    } finally {
      this.#reopening = undefined;
    }
  }

  /** A request of ours in the host's words; the answer is not for the host. @throws Error when it is refused */
  async #ask(channel: Channel, request: JsonRpcRequest): Promise<void> {
    this.#count += 1;
    const id = `${OWN}${this.#count}`;
    const answered = new Promise<JsonRpcMessage | string>((fulfil) => this.#own.set(id, fulfil));
    try {
      await channel.send({ ...request, id });
      const answer = await answered;
      if (typeof answer === "string") throw new Error(answer);
      if ("error" in answer) throw new Error(`The session was lost: ${answer.error.message}`);
    } finally {
      this.#own.delete(id);
    }
  }

  #remember(request: JsonRpcRequest): void {
    const uri = request.params?.["uri"];
    if (request.method === "logging/setLevel") this.#level = request;
    if (request.method === "resources/subscribe") this.#subscriptions.set(uri, request);
    if (request.method === "resources/unsubscribe") this.#subscriptions.delete(uri);
  }
}

function isNotification(
  message: JsonRpcMessage,
  method: string,
): message is Extract<JsonRpcMessage, { method: string }> {
  return "method" in message && !("id" in message) && message.method === method;
}

function isModern(message: JsonRpcMessage): boolean {
  return "method" in message && Object.hasOwn(metaOf(message) ?? {}, VERSION);
}
