/**
 * A session with a server elsewhere over Streamable HTTP, revisions with `initialize` (MCP 2025-03-26 to 2025-11-25): a
 * POST for each message, a GET stream for what the server says unasked, a DELETE at the end. A session the server does
 * not know any more ends the channel; it is not replaced behind its client's back, because what it remembered is lost.
 */
import type { IncomingHttpHeaders } from "node:http";
import {
  asObject,
  ERROR_CODES,
  isRequest,
  isResponse,
  type JsonRpcErrorResponse,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type RequestId,
} from "../json-rpc.ts";
import { stringifyJson } from "../exact-json.ts";
import { outageResponse } from "../outage.ts";
import type { Channel } from "../channel.ts";
import { ask } from "./answer.ts";
import type { Remote } from "./remote.ts";
import { RemoteFailure } from "./remote-failure.ts";
import { headerSafe, RemoteStream, retrySeconds } from "./remote-stream.ts";

const NOTIFY_TIMEOUT = 30; // seconds
/** Seconds a stream may stay open behind its answer. */
const LINGER = 2;
const GRACE = 2; // seconds for the DELETE, unless told
const RESUME_ATTEMPTS = 5;

const POST = ["content-type", "application/json", "accept", "application/json, text/event-stream"];

/** @param failure where the refusal was not in words of MCP */
type Unfit = (answer: JsonRpcMessage, failure: RemoteFailure | undefined) => void;

/** A request that is not answered yet. */
interface Running {
  readonly id: RequestId;
  stop: () => void;
  lastEventId: string | undefined;
  /** Seconds. */
  retry: number | undefined;
  /** Stops waiting for the end of an answer whose result is here. */
  cancelEnd: (() => void) | undefined;
  /** Its answer comes on a stream that was opened for it alone. */
  isResumed: boolean;
}

export class SessionChannel implements Channel {
  onmessage?: (message: JsonRpcMessage, about?: RequestId) => void;
  onclose?: (reason: string) => void;

  readonly #remote: Remote;
  readonly #onUnfit: Unfit | undefined;
  readonly #running = new Map<RequestId, Running>();
  #sessionId: string | undefined;
  /** Session and version, names and values by turns. */
  #identity: readonly string[] = [];
  #posting: readonly string[] = POST;
  #standalone: RemoteStream | undefined;
  #isClosed = false;

  /** @param onUnfit told instead of the client when the server takes no `initialize` by POST, with what it said */
  constructor(remote: Remote, onUnfit?: Unfit) {
    this.#remote = remote;
    this.#onUnfit = onUnfit;
  }

  async start(): Promise<void> {
    // There is nothing to start: whether the server answers shows with the first message.
  }

  async send(message: JsonRpcMessage): Promise<void> {
    if (this.#isClosed) throw new Error(`the session with service ${this.#remote.name} has ended`);
    if (isRequest(message)) return this.#ask(message);
    await this.#tell(message);
    if (!("method" in message)) return;
    if (message.method === "notifications/initialized") this.#listen();
    // The server owes no answer any more, so the stream it would come on is of no use.
    if (message.method === "notifications/cancelled") this.#forget(message.params?.["requestId"]);
  }

  async close(graceSeconds = GRACE): Promise<void> {
    if (this.#isClosed) return;
    this.#finish("was left");
    if (this.#sessionId === undefined) return;
    await new Promise<void>((resolve) => {
      let abort: () => void = () => undefined;
      const done = (): void => {
        cancel();
        abort();
        resolve();
      };
      const cancel = this.#remote.clock.after(Math.max(graceSeconds, 0.1), done);
      const request = { method: "DELETE" as const, headers: this.#identity, silence: GRACE };
      // A server may keep its sessions to itself (405).
      const listener = {
        isBodyIgnored: true,
        isOptional: true,
        onMessage: () => undefined,
        onEnd: done,
        onRefused: done,
        onFailure: done,
      };
      abort = ask(this.#remote, request, listener);
    });
  }

  #ask(message: JsonRpcRequest): void {
    const { id } = message;
    const running: Running = {
      id,
      stop: () => undefined,
      lastEventId: undefined,
      retry: undefined,
      cancelEnd: undefined,
      isResumed: false,
    };
    this.#running.set(id, running);
    const isOpening = message.method === "initialize";
    running.stop = ask(this.#remote, this.#post(message, this.#remote.timeout), {
      onHead: (_status, headers) => {
        if (isOpening) this.#adopt(headers);
      },
      onMessage: (answer) => this.#receive(answer, running, isOpening),
      onEventId: (eventId) => (running.lastEventId = headerSafe(eventId)),
      onRetry: (milliseconds) => (running.retry = retrySeconds(milliseconds)),
      onEnd: () => {
        running.cancelEnd?.();
        if (this.#running.get(id) !== running) return;
        this.#broke(running, new RemoteFailure("ended its answer before the result"));
      },
      onFailure: (failure) => this.#broke(running, failure),
      onRefused: (status, error) => this.#refused(running, status, error, isOpening),
    });
  }

  /** Resolves when the server has it: what is sent afterwards must not overtake it. */
  #tell(message: JsonRpcNotification | JsonRpcResponse): Promise<void> {
    return new Promise((resolve, reject) => {
      ask(this.#remote, this.#post(message, NOTIFY_TIMEOUT), {
        isBodyIgnored: true,
        onMessage: () => undefined,
        onEnd: resolve,
        onRefused: (status, error) => {
          if (this.#isOver(status, error)) this.#finish("does not know the session any more");
          reject(new Error(`refused with status ${status}`));
        },
        onFailure: reject,
      });
    });
  }

  #post(message: JsonRpcMessage, silence: number) {
    const body = stringifyJson(message);
    return { method: "POST" as const, headers: this.#posting, body, silence };
  }

  #adopt(headers: IncomingHttpHeaders): void {
    const id = headers["mcp-session-id"];
    if (typeof id !== "string") return;
    // Only visible ASCII may go back into a header (MCP "Session Management").
    if (/^[\x21-\x7e]{1,1024}$/.test(id)) this.#sessionId = id;
  }

  #receive(message: JsonRpcMessage, running: Running, isOpening = false): void {
    if (this.#isClosed) return;
    if (!isResponse(message)) return this.onmessage?.(message, running.id);
    // An error that does not say what it is about is about the request it answers.
    const answered = this.#running.get(message.id ?? running.id);
    if (!answered) return;
    message.id = answered.id;
    this.#running.delete(answered.id);
    if (isOpening && "result" in message) this.#identify(asObject(message.result));
    // The stream should end by itself now.
    if (answered.isResumed) answered.stop();
    else answered.cancelEnd = this.#remote.clock.after(LINGER, () => answered.stop());
    this.onmessage?.(message);
  }

  #identify(result: { [member: string]: unknown } | undefined): void {
    const version = result?.["protocolVersion"];
    const isVersion = typeof version === "string" && /^[\x21-\x7e]{1,64}$/.test(version);
    this.#identity = [
      ...(this.#sessionId === undefined ? [] : ["mcp-session-id", this.#sessionId]),
      ...(isVersion ? ["mcp-protocol-version", version] : []),
    ];
    this.#posting = [...POST, ...this.#identity];
  }

  #broke(running: Running, failure: RemoteFailure): void {
    if (this.#isClosed || this.#running.get(running.id) !== running) return;
    if (running.lastEventId === undefined) return this.#fail(running, failure);
    // The request went through; only its answer is missing.
    const { lastEventId, retry = 1 } = running;
    running.isResumed = true;
    const stream = new RemoteStream({
      remote: this.#remote,
      headers: () => this.#identity,
      lastEventId,
      wait: retry,
      attempts: RESUME_ATTEMPTS,
      onMessage: (message) => this.#receive(message, running),
      onGone: (gone, status) => {
        if (this.#isOver(status)) this.#finish("does not know the session any more");
        else this.#fail(running, gone);
      },
    });
    running.stop = () => stream.close();
  }

  #refused(
    running: Running,
    status: number,
    error: JsonRpcErrorResponse | undefined,
    isOpening: boolean,
  ): void {
    if (this.#isClosed || this.#running.get(running.id) !== running) return;
    if (this.#isOver(status, error)) return this.#finish("does not know the session any more");
    const failure = new RemoteFailure(`answered with status ${status}`);
    const answer = error ? { ...error, id: running.id } : this.#outage(running.id, failure);
    this.#running.delete(running.id);
    // The rule by which clients recognise servers of 2024-11-05 (MCP "Backwards Compatibility").
    const mayBeOlder = isOpening && [400, 404, 405].includes(status) && !isModernError(error);
    if (mayBeOlder && this.#onUnfit) return this.#onUnfit(answer, error ? undefined : failure);
    if (!error) this.#remote.failed(failure);
    this.onmessage?.(answer);
  }

  /** Some servers say 400 where the specification has 404; what they say about it names the session. */
  #isOver(status: number | undefined, error?: JsonRpcErrorResponse): boolean {
    if (this.#sessionId === undefined || this.#identity.length === 0) return false;
    return status === 404 || (status === 400 && /session/i.test(String(error?.error.message)));
  }

  #fail(running: Running, failure: RemoteFailure): void {
    this.#running.delete(running.id);
    this.onmessage?.(this.#outage(running.id, failure));
  }

  #outage(id: RequestId, failure: RemoteFailure): JsonRpcMessage {
    const reason = this.#remote.explain(failure);
    return outageResponse(id, ERROR_CODES.server, reason, failure.outage);
  }

  #forget(id: unknown): void {
    const running = this.#running.get(id as RequestId);
    this.#running.delete(id as RequestId);
    running?.stop();
  }

  #listen(): void {
    this.#standalone ??= new RemoteStream({
      remote: this.#remote,
      headers: () => this.#identity,
      attempts: Number.POSITIVE_INFINITY,
      onMessage: (message) => {
        // Answers come on the streams of their requests (MCP "Listening for Messages from the Server").
        if (!this.#isClosed && !isResponse(message)) this.onmessage?.(message);
      },
      onGone: (_failure, status) => {
        // Not every server has such a stream (405).
        if (status === 404 && this.#isOver(status))
          this.#finish("does not know the session any more");
      },
    });
  }

  #finish(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#standalone?.close();
    for (const { stop } of this.#running.values()) stop();
    this.#running.clear();
    this.onclose?.(`service ${this.#remote.name} ${reason}`);
  }
}

function isModernError(error: JsonRpcErrorResponse | undefined): boolean {
  const codes: readonly number[] = [
    ERROR_CODES.headerMismatch,
    ERROR_CODES.missingClientCapability,
    ERROR_CODES.unsupportedVersion,
  ];
  return error !== undefined && codes.includes(error.error.code);
}
