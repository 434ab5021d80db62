/**
 * One modern request and its answer: plain JSON, or an event stream once something has to be told before the result, or
 * the result is long in coming. Nothing is kept: a stream that breaks is a request that is cancelled (MCP 2026-07-28).
 */
import type { ServerResponse } from "node:http";
import type { AuthInfo } from "../auth-info.ts";
import type { Clock } from "../clock.ts";
import type { Gate, Sender } from "./call.ts";
import { stringifyJson } from "../mcp/exact-json.ts";
import { EventResponse, formatEvent } from "./event-response.ts";
import {
  asObject,
  ERROR_CODES,
  metaOf,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type RequestId,
} from "../mcp/json-rpc.ts";
import { outageOf } from "../mcp/outage.ts";
import { SUBSCRIPTION_ID } from "../mcp/revisions.ts";
import { writeJson } from "./refusal.ts";
import type { ListKind } from "./session-options.ts";

const OPEN_AFTER = 5; // seconds: long enough for an error to keep its own status

/** Errors with a status of their own; all others are results of a request that worked. */
const STATUS: Readonly<Record<number, number>> = {
  [ERROR_CODES.methodNotFound]: 404,
  [ERROR_CODES.headerMismatch]: 400,
  [ERROR_CODES.missingClientCapability]: 400,
  [ERROR_CODES.unsupportedVersion]: 400,
};

export class Exchange {
  readonly auth: AuthInfo;
  /** The client's id. */
  readonly id: RequestId;
  readonly isListening: boolean;
  /** Whether it asked for the server's log. */
  readonly wantsLog: boolean;
  readonly request: Pick<JsonRpcRequest, "method" | "params">;
  /** Whether its answer says what tools there are. */
  readonly listsTools: boolean;
  readonly #gate: Gate | undefined;
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  readonly #cancelOpen: () => void;
  #events: EventResponse | undefined;
  /** What it was promised to hear of, once its `subscriptions/listen` is acknowledged. */
  #promised: Readonly<Record<string, unknown>> | undefined;

  constructor(request: JsonRpcRequest, response: ServerResponse, sender: Sender, clock: Clock) {
    this.auth = sender.auth;
    this.#gate = sender.gate;
    this.id = request.id;
    this.request = request;
    this.isListening = request.method === "subscriptions/listen";
    this.listsTools = request.method === "tools/list" && request.params?.["cursor"] === undefined;
    this.wantsLog = metaOf(request)?.["io.modelcontextprotocol/logLevel"] !== undefined;
    this.#response = response;
    this.#clock = clock;
    this.#cancelOpen = clock.after(OPEN_AFTER, () => this.#open());
    response.once("close", this.#cancelOpen);
  }

  tell(notification: JsonRpcNotification): void {
    if (this.#gate?.mayHear(notification) === false) return;
    if (notification.method === "notifications/subscriptions/acknowledged") {
      this.#promised = asObject(notification.params?.["notifications"]);
    }
    this.#open().write(formatEvent(stringifyJson(notification)));
  }

  /** Tell who listens that a list is another one now, if the server has promised to say so. */
  announce(kind: ListKind): void {
    if (this.#promised?.[`${kind}ListChanged`] !== true) return;
    const params = { _meta: { [SUBSCRIPTION_ID]: this.id } };
    this.tell({ jsonrpc: "2.0", method: `notifications/${kind}/list_changed`, params });
  }

  /** @param status of an error that is not the server's own */
  finish(answer: JsonRpcResponse, status?: number): void {
    this.#cancelOpen();
    this.#gate?.filter(this.request.method, answer);
    if (this.#events) {
      this.#events.write(formatEvent(stringifyJson(answer)));
      this.#events.end();
      return;
    }
    const known = "error" in answer ? STATUS[answer.error.code] : undefined;
    const outage = "error" in answer ? outageOf(answer) : undefined;
    const shown = status ?? outage?.status ?? known ?? 200;
    writeJson(this.#response, shown, stringifyJson(answer), outage?.headers);
  }

  #open(): EventResponse {
    this.#cancelOpen();
    this.#events ??= new EventResponse(this.#response, this.#clock, {});
    return this.#events;
  }
}
