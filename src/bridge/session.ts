/**
 * One MCP session of a revision with `initialize`: one client, one server process, and the streams between them.
 *
 * The server's messages carry no address. A response goes to the stream of its request and progress to the stream of
 * its token. What the server says unasked about lists and resources belongs on the GET stream; everything else, its own
 * requests included, most likely has to do with the newest call and goes there, or on the GET stream when nothing runs.
 * A channel that knows more says which request a message is about.
 */
import type { ServerResponse } from "node:http";
import { principalOf } from "../auth-info.ts";
import { formatDuration } from "../duration.ts";
import type { Gate } from "./call.ts";
import { ClientCalls } from "./client-calls.ts";
import { EventStore } from "./event-store.ts";
import type { CallLimits } from "./in-flight.ts";
import {
  asObject,
  cancellation,
  ERROR_CODES,
  errorResponse,
  isRequest,
  isResponse,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type RequestId,
} from "../mcp/json-rpc.ts";
import { Refusal } from "./refusal.ts";
import { ServerRequests } from "./server-requests.ts";
import { REMEMBERED_METHODS, STREAMS_OF_A_LIFE } from "./session-memory.ts";
import type { ListKind, SessionOptions } from "./session-options.ts";
import { describeClient, handleOf, type SessionInfo } from "./session-info.ts";
import { SessionStream } from "./session-stream.ts";

/** Of the handle, in the ids of events. */
const TAG_LENGTH = 6;
/** Notifications about what the server has, not about what it does. */
const UNASKED = /^notifications\/(?:(?:tools|prompts|resources)\/list_changed|resources\/updated)$/;

export class McpSession {
  readonly id: string;
  /** What people may see instead of the id. */
  readonly handle: string;
  readonly principal: string;
  /** @see AuthInfo.credentials */
  readonly credentials: string | undefined;
  /** That of the newest request, whoever of its principal it is from. */
  gate: Gate | undefined;
  readonly #options: SessionOptions;
  readonly openedAt: number;
  #lastActiveAt: number;
  #requests = 0;
  #hasEnded = false;
  readonly #store: EventStore;
  readonly #standalone: SessionStream;
  #lastStream: number;
  readonly #calls = new ClientCalls();
  readonly #asked = new ServerRequests();

  constructor(options: SessionOptions) {
    const { id, auth, channel, clock } = options;
    this.#options = options;
    this.id = id;
    this.handle = handleOf(id);
    this.principal = principalOf(auth);
    this.credentials = auth.credentials;
    this.#lastActiveAt = clock.now();
    this.openedAt = options.openedAt ?? this.#lastActiveAt;
    this.#lastStream = options.firstStream ?? 0;
    this.#store = new EventStore(clock, this.handle.slice(0, TAG_LENGTH));
    this.#standalone = this.#newStream(this.#lastStream, Number.POSITIVE_INFINITY);
    channel.onmessage = (message, about) => this.#receive(message, about);
    channel.onclose = (reason) => this.#finish(reason, true);
  }

  get service(): string {
    return this.#options.service;
  }

  get protocolVersion(): string {
    return this.#options.protocolVersion;
  }

  /** Since when nobody needs it, in seconds since the epoch; undefined while a client listens. */
  get idleSince(): number | undefined {
    if (this.#standalone.isAttached) return undefined;
    for (const { owner } of this.#calls.values()) if (owner.isAttached) return undefined;
    return this.#lastActiveAt;
  }

  info(): SessionInfo {
    const { service, auth, channel, introduction, protocolVersion } = this.#options;
    const clientInfo = describeClient(introduction["clientInfo"]);
    return {
      sessionId: this.handle,
      service,
      era: "legacy",
      clientId: auth.clientId,
      subject: auth.subject,
      grantId: auth.grantId,
      protocolVersion,
      ...(clientInfo === undefined ? {} : { clientInfo }),
      openedAt: this.openedAt,
      lastActiveAt: this.#lastActiveAt,
      pid: channel.pid,
      requests: this.#requests,
    };
  }

  /**
   * Messages of one POST.
   * @throws Refusal before anything is sent, so that what already runs is not harmed
   */
  async post(
    messages: readonly JsonRpcMessage[],
    response: ServerResponse,
    isBatch: boolean,
  ): Promise<void> {
    const requests = messages.filter(isRequest);
    this.#calls.check(requests);
    this.#lastActiveAt = this.#options.clock.now();
    let stream: SessionStream | undefined;
    if (requests.length > 0) {
      this.#requests += requests.length;
      stream = this.#newStream(++this.#lastStream, requests.length);
      stream.answer(response, isBatch);
      response.once("close", () => (this.#lastActiveAt = this.#options.clock.now()));
    }
    for (const message of messages) {
      const error = "method" in message && this.gate?.refusal(message, "legacy");
      if (error && "id" in message) stream!.respond({ jsonrpc: "2.0", id: message.id, error });
      if (error) continue;
      if ("method" in message && REMEMBERED_METHODS.has(message.method)) {
        this.#options.onRemarkable?.(message);
      }
      const forwarded = this.#translate(message, stream);
      // A channel that has ended tells so by `onclose`, which answers whatever waits.
      if (forwarded) await this.#options.channel.send(forwarded).catch(() => undefined);
    }
    if (!stream && !response.destroyed) response.writeHead(202, { "content-length": 0 }).end();
  }

  /**
   * The GET stream, or the rest of a stream that broke.
   * @param lastEventId `Last-Event-ID`
   * @throws Refusal 409 when the GET stream is taken, 400 when nothing is known of the event
   */
  listen(response: ServerResponse, lastEventId: string | undefined): void {
    if (lastEventId === undefined) {
      if (this.#standalone.isAttached) {
        throw new Refusal(409, ERROR_CODES.server, "This session already has a GET stream");
      }
      this.#standalone.listen(response);
    } else {
      const place = this.#store.read(lastEventId);
      const stream = place && this.#streamOf(place.stream);
      const unknown = "Nothing is known of this Last-Event-ID";
      if (!stream) throw new Refusal(400, ERROR_CODES.invalidRequest, unknown);
      // Of a life before nothing is left to repeat: the stream goes on from here.
      const isOld = place.stream !== stream.number;
      stream.listen(response, isOld ? undefined : place.sequence);
      if (stream.isDone) stream.end();
    }
    response.once("close", () => (this.#lastActiveAt = this.#options.clock.now()));
  }

  /** Give up calls, and questions of the server, that wait for too long. */
  giveUp(limits: Omit<CallLimits, "timeout"> & { readonly pendingInput: number }): void {
    const { timeout, clock } = this.#options;
    const now = clock.now();
    for (const { id, ours, stream } of this.#asked.giveUp(now, limits.pendingInput)) {
      const reason = `The client did not answer within ${formatDuration(limits.pendingInput)}`;
      this.#reply(errorResponse(id, ERROR_CODES.server, reason));
      (this.#streamOf(stream) ?? this.#standalone).send(cancellation(ours, reason));
    }
    // Whoever waits for a person is not idle; which call it is, a server need not say.
    const overdue = this.#calls.giveUp(now, { ...limits, timeout }, this.#asked.isPending);
    for (const [number, { id, owner }, verdict] of overdue) {
      const reason = `The server ${verdict}`;
      this.#reply(cancellation(number, reason));
      owner.respond(errorResponse(id, ERROR_CODES.server, reason));
    }
  }

  /** Tell the client that a list is another one now, if its server could have told it so. */
  announce(kind: ListKind): void {
    if (!this.#options.announces?.has(kind)) return;
    this.#tell({ jsonrpc: "2.0", method: `notifications/${kind}/list_changed` }, undefined);
  }

  /** Over for everybody: what waits is answered, the server is ended. @param graceSeconds as for the channel */
  async end(reason: string, graceSeconds?: number): Promise<void> {
    const closed = this.#options.channel.close(graceSeconds);
    this.#finish(reason, false);
    await closed;
  }

  #finish(reason: string, hasCrashed: boolean): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const { id, owner } of this.#calls.values()) {
      owner.respond(errorResponse(id, ERROR_CODES.server, `The session has ended: ${reason}`));
    }
    this.#standalone.end();
    this.#store.clear();
    this.#options.onEnd(reason, hasCrashed);
  }

  /** From the client's world into the server's. @returns undefined when it concerns nobody there */
  #translate(
    message: JsonRpcMessage,
    stream: SessionStream | undefined,
  ): JsonRpcMessage | undefined {
    if (isResponse(message)) return this.#asked.settle(message) ? message : undefined;
    if (isRequest(message)) {
      this.#calls.add(message, stream!);
      return message;
    }
    if (message.method !== "notifications/cancelled") return message;
    const cancelled = this.#calls.cancel(message);
    if (!cancelled) return undefined;
    // The server owes no answer any more; the stream that waits for one must not wait for ever.
    cancelled.owner.respond(errorResponse(cancelled.id, ERROR_CODES.server, "Cancelled"));
    return message;
  }

  /** @param about the request of ours it belongs to, where the channel knows */
  #receive(message: JsonRpcMessage, about?: RequestId): void {
    if (isResponse(message)) {
      const pending = this.#calls.settle(message);
      if (!pending) return;
      this.#lastActiveAt = this.#options.clock.now();
      this.gate?.filter(pending.method, message);
      pending.owner.respond(message);
    } else if (isRequest(message)) this.#ask(message, about);
    else this.#tell(message, about);
  }

  #ask(request: JsonRpcRequest, about: RequestId | undefined): void {
    if (request.method === "ping")
      return this.#reply({ jsonrpc: "2.0", id: request.id, result: {} });
    const capabilities = asObject(this.#options.introduction["capabilities"]) ?? {};
    const refused = this.#asked.refuse(request, capabilities);
    if (refused) return this.#reply(refused);
    const stream = this.#calls.owner(about) ?? this.#calls.newest() ?? this.#standalone;
    this.#asked.add(request, stream.number);
    stream.send(request);
  }

  #tell(notification: JsonRpcNotification, about: RequestId | undefined): void {
    const { method, params } = notification;
    if (this.gate?.mayHear(notification) === false) return;
    if (method === "notifications/progress") {
      const pending = this.#calls.progress(notification);
      if (!pending) return;
      this.#lastActiveAt = this.#options.clock.now();
      return pending.owner.send(notification);
    }
    if (method === "notifications/cancelled") {
      const asked = this.#asked.withdraw(params?.["requestId"]);
      if (!asked) return;
      params!["requestId"] = asked.id;
      // The stream it was asked on is over when the client cancelled the call.
      return (this.#calls.stream(asked.stream) ?? this.#standalone).send(notification);
    }
    const isUnasked = UNASKED.test(method) && this.#standalone.isAttached;
    const related = this.#calls.owner(about) ?? this.#calls.newest();
    ((isUnasked ? undefined : related) ?? this.#standalone).send(notification);
  }

  #reply(message: JsonRpcMessage): void {
    this.#options.channel.send(message).catch(() => undefined);
  }

  #streamOf(number: number): SessionStream | undefined {
    if (this.#isStandalone(number)) return this.#standalone;
    const running = this.#calls.stream(number);
    if (running || !this.#store.has(number)) return running;
    return this.#newStream(number, 0);
  }

  /** Also that of a life before, see revival.ts. */
  #isStandalone(number: number): boolean {
    const current = this.#standalone.number;
    return number === current || (number < current && number % STREAMS_OF_A_LIFE === 0);
  }

  #newStream(number: number, expected: number): SessionStream {
    const { id, clock, protocolVersion } = this.#options;
    return new SessionStream({
      number,
      expected,
      clock,
      store: this.#store,
      primes: protocolVersion >= "2025-11-25",
      headers: { "mcp-session-id": id },
    });
  }
}
