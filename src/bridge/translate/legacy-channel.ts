/**
 * A channel to a modern server that looks like one to a legacy server: who sends `initialize` gets an answer, and the
 * session it begins is kept here, because a server of 2026-07-28 keeps none.
 *
 *   initialize                        server/discover
 *   any request                       the same in an envelope; its questions are put to the client, then called again
 *   ping, logging/setLevel            answered here
 *   resources/subscribe, list changes subscriptions/listen
 *   notifications/cancelled           cancels the call's current round
 *   tasks/*                           unknown
 *
 * What is not named here passes unchanged, methods and members that nobody knows included.
 */
import type { Clock } from "../../clock.ts";
import {
  asObject,
  ERROR_CODES,
  errorResponse,
  isRequest,
  isResponse,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type RequestId,
} from "../../mcp/json-rpc.ts";
import type { Channel } from "../service/service.ts";
import { LegacyCall } from "./legacy-call.ts";
import { legacyError } from "./legacy-failure.ts";
import { Questions } from "./legacy-questions.ts";
import { initializeResult } from "./legacy-result.ts";
import { Subscriptions } from "./legacy-subscriptions.ts";
import { Upstream } from "./legacy-upstream.ts";
import { LOG_LEVELS, MODERN_VERSION } from "../../mcp/revisions.ts";

/** Only modern clients have these, or nobody who could be meant. */
const UNKNOWN = /^(?:server\/discover|subscriptions\/listen|tasks\/.*)$/;
/** Modern servers know no other notification of a client than that it cancels. */
const DROPPED = new Set(["notifications/roots/list_changed", "notifications/progress"]);

export interface LegacyChannelOptions {
  /** To a server that speaks 2026-07-28; nobody else uses it. */
  readonly channel: Channel & { readonly pid?: number | undefined };
  /** Of the service: stands for a server that does not say its name. */
  readonly name: string;
  readonly clock: Clock;
  /** Seconds a user may take for an answer. */
  readonly pendingInput: number;
}

export class LegacyChannel implements Channel {
  onmessage?: (message: JsonRpcMessage, about?: RequestId) => void;
  onclose?: (reason: string) => void;

  readonly #options: LegacyChannelOptions;
  readonly #upstream: Upstream;
  readonly #questions: Questions;
  readonly #subscriptions: Subscriptions;
  readonly #calls = new Map<RequestId, LegacyCall>();

  constructor(options: LegacyChannelOptions) {
    const { channel, clock } = options;
    this.#options = options;
    this.#upstream = new Upstream(channel);
    this.#questions = new Questions((message, about) => this.onmessage?.(message, about));
    this.#subscriptions = new Subscriptions(this.#upstream, clock, (message) =>
      this.onmessage?.(message),
    );
    channel.onmessage = (message) => this.#receive(message);
    channel.onclose = (reason) => {
      this.#subscriptions.close();
      for (const call of this.#calls.values()) call.cancel(reason);
      this.onclose?.(reason);
    };
  }

  get pid(): number | undefined {
    return this.#options.channel.pid;
  }

  start(): Promise<void> {
    return this.#options.channel.start();
  }

  close(graceSeconds?: number): Promise<void> {
    return this.#options.channel.close(graceSeconds);
  }

  async send(message: JsonRpcMessage): Promise<void> {
    if (isResponse(message)) return this.#questions.settle(message);
    if (isRequest(message)) return await this.#request(message);
    const { method, params } = message;
    if (method === "notifications/initialized") return this.#subscriptions.begin();
    if (DROPPED.has(method)) return;
    if (method !== "notifications/cancelled") return await this.#options.channel.send(message);
    const id = params?.["requestId"] as RequestId;
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    const reason = params?.["reason"];
    call?.cancel(typeof reason === "string" ? reason : "cancelled by the client");
  }

  async #request(request: JsonRpcRequest): Promise<void> {
    const { id, method, params } = request;
    switch (method) {
      case "initialize":
        return await this.#initialize(request);
      case "ping":
        return this.#answer({ jsonrpc: "2.0", id, result: {} });
      case "logging/setLevel": {
        const level = params?.["level"];
        if (typeof level !== "string" || !LOG_LEVELS.includes(level)) {
          const message = `params.level must be one of ${LOG_LEVELS.join(", ")}`;
          return this.#answer(errorResponse(id, ERROR_CODES.invalidParams, message));
        }
        this.#upstream.logLevel = level;
        return this.#answer({ jsonrpc: "2.0", id, result: {} });
      }
      case "resources/subscribe":
      case "resources/unsubscribe":
        // It waits for the server; what the client sends next need not.
        void this.#subscriptions.answer(request).then((answer) => this.#answer(answer));
        return;
      default:
    }
    if (UNKNOWN.test(method)) {
      return this.#answer(errorResponse(id, ERROR_CODES.methodNotFound, `No method ${method}`));
    }
    const { clock, pendingInput } = this.#options;
    const call = new LegacyCall(request, {
      upstream: this.#upstream,
      questions: this.#questions,
      clock,
      pendingInput,
      onFinish: (answer) => {
        this.#calls.delete(id);
        this.#answer(answer);
      },
    });
    this.#calls.set(id, call);
    await call.begin();
  }

  #initialize(request: JsonRpcRequest): Promise<void> {
    const { id, params } = request;
    this.#upstream.introduce(params ?? {});
    return this.#upstream.call("server/discover", {}, (answer) => {
      if ("error" in answer) return this.#answer(legacyError(request, answer));
      const result = asObject(answer.result) ?? {};
      const { supportedVersions: versions, capabilities } = result;
      if (!Array.isArray(versions) || !versions.includes(MODERN_VERSION)) {
        const message = "The server speaks no revision of MCP that the gateway knows";
        return this.#answer(errorResponse(id, ERROR_CODES.internal, message));
      }
      this.#subscriptions.advertise(capabilities);
      const { version } = this.#upstream;
      const introduction = initializeResult(result, version, this.#options.name);
      this.#answer({ jsonrpc: "2.0", id, result: introduction });
    }).sent;
  }

  #answer(answer: JsonRpcResponse): void {
    this.onmessage?.(answer);
  }

  #receive(message: JsonRpcMessage): void {
    if (isResponse(message)) return this.#upstream.settle(message);
    if (isRequest(message)) {
      const refused = "Servers of this revision send no requests";
      return this.#upstream.tell(errorResponse(message.id, ERROR_CODES.methodNotFound, refused));
    }
    if (!this.#subscriptions.receive(message)) this.#tell(message);
  }

  #tell(notification: JsonRpcNotification): void {
    const { method, params } = notification;
    if (method === "notifications/progress") {
      const call = this.#calls.get(params?.["progressToken"] as RequestId);
      if (call && !call.mayShow(params?.["progress"])) return;
    }
    this.onmessage?.(notification);
  }
}
