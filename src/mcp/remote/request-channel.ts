/**
 * Requests to a server elsewhere that speaks 2026-07-28: each is a POST of its own, and its answer is all there is to it. A
 * stream that is closed is a request that is cancelled; one that breaks is a request that is lost.
 */
import {
  ERROR_CODES,
  isRequest,
  isResponse,
  type JsonRpcErrorResponse,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type RequestId,
} from "../json-rpc.ts";
import { stringifyJson } from "../exact-json.ts";
import { outageResponse } from "../outage.ts";
import type { Channel } from "../channel.ts";
import { ask } from "./answer.ts";
import { mirrorHeaders } from "./mirror-headers.ts";
import type { Remote } from "./remote.ts";
import { RemoteFailure } from "./remote-failure.ts";
import { SUBSCRIPTION_ID } from "../revisions.ts";

const NOTIFY_TIMEOUT = 30; // seconds
/** Seconds a stream may stay open behind its answer. */
const LINGER = 2;
const MOST_PAGES = 20; // of a list of tools

const POST = ["content-type", "application/json", "accept", "application/json, text/event-stream"];

interface Running {
  readonly request: JsonRpcRequest;
  stop: () => void;
  /** Whether it was sent once more with headers from a fresh list of tools. */
  isSecond: boolean;
  cancelEnd: (() => void) | undefined;
}

export class RequestChannel implements Channel {
  onmessage?: (message: JsonRpcMessage, about?: RequestId) => void;
  onclose?: (reason: string) => void;

  readonly #remote: Remote;
  readonly #running = new Map<RequestId, Running>();
  #isClosed = false;

  constructor(remote: Remote) {
    this.#remote = remote;
  }

  async start(): Promise<void> {
    // There is nothing to start: the protocol keeps no state.
  }

  async send(message: JsonRpcMessage): Promise<void> {
    if (this.#isClosed) throw new Error(`service ${this.#remote.name} was left`);
    if (isRequest(message)) {
      this.#ask({ request: message, stop: nothing, isSecond: false, cancelEnd: undefined });
    } else if (!isResponse(message)) {
      if (message.method === "notifications/cancelled") this.#cancel(message.params?.["requestId"]);
      else await this.#tell(message);
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const { stop } of this.#running.values()) stop();
    this.#running.clear();
    this.onclose?.(`service ${this.#remote.name} was left`);
  }

  #ask(running: Running): void {
    const { request } = running;
    const { timeout } = this.#remote;
    this.#running.set(request.id, running);
    const silence = request.method === "subscriptions/listen" ? 0 : timeout;
    running.stop = ask(this.#remote, this.#post(request, silence), {
      onMessage: (message) => this.#receive(message, running),
      onEnd: () => {
        running.cancelEnd?.();
        this.#ended(running);
      },
      onRefused: (status, error) => this.#refused(running, status, error),
      onFailure: (failure) => this.#fail(running, failure),
    });
  }

  #tell(notification: JsonRpcNotification): Promise<void> {
    return new Promise((resolve, reject) => {
      ask(this.#remote, this.#post(notification, NOTIFY_TIMEOUT), {
        isBodyIgnored: true,
        onMessage: () => undefined,
        onEnd: resolve,
        onRefused: (status) => reject(new Error(`refused with status ${status}`)),
        onFailure: reject,
      });
    });
  }

  #post(message: JsonRpcRequest | JsonRpcNotification, silence: number) {
    const headers = [...POST, ...mirrorHeaders(message, this.#remote.tools)];
    return { method: "POST" as const, headers, body: stringifyJson(message), silence };
  }

  #cancel(id: unknown): void {
    const running = this.#running.get(id as RequestId);
    this.#running.delete(id as RequestId);
    running?.stop();
  }

  #isWaiting(running: Running): boolean {
    return !this.#isClosed && this.#running.get(running.request.id) === running;
  }

  #receive(message: JsonRpcMessage, running: Running): void {
    if (!this.#isWaiting(running)) return;
    const { id, method } = running.request;
    if (!isResponse(message)) return this.onmessage?.(message, id);
    // On the stream of a request there are no answers to others.
    if (message.id !== id && message.id !== null && message.id !== undefined) return;
    if (isHeaderMismatch(message) && this.#askAgain(running)) return;
    if (method === "tools/list" && "result" in message) this.#remote.tools.learn(message.result);
    running.cancelEnd = this.#remote.clock.after(LINGER, () => running.stop());
    this.#settle(running, message);
  }

  #refused(running: Running, status: number, error: JsonRpcErrorResponse | undefined): void {
    if (!this.#isWaiting(running)) return;
    if (error && isHeaderMismatch(error) && this.#askAgain(running)) return;
    if (error) return this.#settle(running, error);
    const failure = new RemoteFailure(`answered with status ${status}`);
    this.#remote.failed(failure);
    this.#fail(running, failure);
  }

  #ended(running: Running): void {
    if (!this.#isWaiting(running)) return;
    const { id, method } = running.request;
    if (method !== "subscriptions/listen") {
      return this.#fail(running, new RemoteFailure("ended its answer before the result"));
    }
    const result = { resultType: "complete", _meta: { [SUBSCRIPTION_ID]: id } };
    this.#settle(running, { jsonrpc: "2.0", id, result });
  }

  #fail(running: Running, failure: RemoteFailure): void {
    if (!this.#isWaiting(running)) return;
    const reason = this.#remote.explain(failure);
    const { id } = running.request;
    this.#settle(running, outageResponse(id, ERROR_CODES.internal, reason, failure.outage));
  }

  #settle(running: Running, answer: JsonRpcMessage & { id?: RequestId | null }): void {
    const { id } = running.request;
    this.#running.delete(id);
    answer.id = id;
    this.onmessage?.(answer);
  }

  /**
   * A tool may want arguments repeated in headers, and we never saw its schema or an older one. Nothing was executed, so
   * it is asked again once the list is read, as clients do. @returns false when that was tried
   */
  #askAgain(running: Running): boolean {
    if (running.isSecond || running.request.method !== "tools/call") return false;
    running.isSecond = true;
    running.stop();
    this.#learnTools(running, undefined, 1);
    return true;
  }

  #learnTools(running: Running, cursor: unknown, page: number): void {
    const { _meta } = running.request.params ?? {};
    const params = cursor === undefined ? { _meta } : { _meta, cursor };
    const request: JsonRpcRequest = { jsonrpc: "2.0", id: "tools", method: "tools/list", params };
    const repeat = (): void => {
      if (this.#isWaiting(running)) this.#ask(running);
    };
    let next: unknown;
    running.stop = ask(this.#remote, this.#post(request, this.#remote.timeout), {
      onMessage: (message) => {
        if (!isResponse(message) || !("result" in message)) return;
        this.#remote.tools.learn(message.result);
        next = (message.result as { nextCursor?: unknown } | null)?.nextCursor;
      },
      onEnd: () => {
        if (typeof next !== "string" || page === MOST_PAGES) repeat();
        else if (this.#isWaiting(running)) this.#learnTools(running, next, page + 1);
      },
      onRefused: repeat,
      onFailure: (failure) => this.#fail(running, failure),
    });
  }
}

const nothing = (): void => undefined;

function isHeaderMismatch(message: JsonRpcMessage): boolean {
  return "error" in message && message.error.code === ERROR_CODES.headerMismatch;
}
