/**
 * One running server that speaks 2026-07-28, and the requests on it: of one principal, or of everybody where the service is
 * shared. The protocol keeps no state between requests; each finds its way back by the number it travels under.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { principalOf, type AuthInfo } from "../auth-info.ts";
import type { Clock } from "../clock.ts";
import type { Sender } from "./call.ts";
import { Exchange } from "./exchange.ts";
import { InFlight, type CallLimits, type Pending } from "./in-flight.ts";
import {
  asObject,
  ERROR_CODES,
  errorResponse,
  isRequest,
  isResponse,
  metaOf,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type RequestId,
} from "../mcp/json-rpc.ts";
import { Lingering } from "./lingering.ts";
import { OwnRequests } from "./own-requests.ts";
import { ParamHeaders } from "./param-headers.ts";
import { Refusal } from "./refusal.ts";
import { bringsState, hasState, type RequestStates } from "./request-states.ts";
import type { Channel } from "./service/service.ts";
import type { SessionInfo } from "./session-info.ts";
import type { ListKind } from "./session-options.ts";
import { MODERN_VERSION, SUBSCRIPTION_ID } from "../mcp/revisions.ts";

const MAX_IN_FLIGHT = 256; // requests of one principal
/** From clients over HTTP these mean nothing here: streams are closed to cancel, and nothing is initialized. */
const MEANINGLESS = new Set([
  "notifications/cancelled",
  "notifications/initialized",
  "notifications/roots/list_changed",
]);

export class ModernServer {
  readonly openedAt: number;
  /** Of the newest caller; unless the server is shared the principal never changes, but the grant may. */
  auth: AuthInfo;
  readonly #channel: Channel & { readonly pid?: number | undefined };
  readonly #clock: Clock;
  readonly #inFlight = new InFlight<Exchange>();
  /** By principal. */
  readonly #lingering: Lingering<string>;
  readonly #own: OwnRequests;
  readonly #paramHeaders: ParamHeaders;
  readonly #states: RequestStates;
  #endedBecause: string | undefined;
  #retiredBecause: string | undefined;
  #requests = 0;
  #idleSince: number;
  readonly #onRetire: () => void;
  #whenClosed: () => void = () => undefined;
  /** Resolves when its process is gone. */
  readonly closed = new Promise<void>((resolve) => (this.#whenClosed = resolve));

  /** @param onRetire takes no more requests; may be called twice */
  constructor(
    channel: Channel,
    auth: AuthInfo,
    { clock, states }: { clock: Clock; states: RequestStates },
    onRetire: () => void,
  ) {
    this.#onRetire = onRetire;
    this.#states = states;
    this.#channel = channel;
    this.auth = auth;
    this.#clock = clock;
    this.openedAt = clock.now();
    this.#idleSince = this.openedAt;
    this.#lingering = new Lingering(clock);
    this.#own = new OwnRequests(channel);
    this.#paramHeaders = new ParamHeaders((request) => this.#own.ask(request), clock);
    channel.onmessage = (message, about) => this.#receive(message, about);
    channel.onclose = (reason) => {
      this.#endedBecause = reason;
      this.#own.fail(reason);
      this.#fail(() => true, reason);
      onRetire();
      this.#whenClosed();
    };
  }

  /** Seconds since the epoch; undefined while a request runs. */
  get idleSince(): number | undefined {
    return this.#inFlight.size > 0 ? undefined : this.#idleSince;
  }

  /** @throws Refusal 400 when headers of a tool call do not agree with its arguments, 503 when that cannot be told */
  async checkHeaders(
    head: Pick<IncomingMessage, "headers" | "rawHeaders">,
    request: JsonRpcRequest,
  ): Promise<void> {
    await this.#paramHeaders.check(head, request);
  }

  /** @throws Refusal 429, 503 when it has ended meanwhile, or -32602 for a `requestState` of another */
  async call(request: JsonRpcRequest, response: ServerResponse, sender: Sender): Promise<void> {
    const { auth } = sender;
    if (bringsState(request) && !(await this.#states.open(auth, request))) {
      const reason = "requestState is not one of this request";
      throw new Refusal(200, ERROR_CODES.invalidParams, reason, { id: request.id });
    }
    if (this.#inFlight.size >= MAX_IN_FLIGHT && this.#running(auth) >= MAX_IN_FLIGHT) {
      throw new Refusal(429, ERROR_CODES.internal, "You have too many requests running", {
        id: request.id,
        headers: { "retry-after": "1" },
      });
    }
    if (this.#endedBecause !== undefined) {
      throw new Refusal(503, ERROR_CODES.internal, this.#endedBecause, {
        id: request.id,
        headers: { "retry-after": "1" },
      });
    }
    this.auth = auth;
    this.#requests += 1;
    const exchange = new Exchange(request, response, sender, this.#clock);
    const number = this.#inFlight.add(request, exchange);
    response.once("close", () => {
      const isRunning = this.#inFlight.get(number) && !exchange.isListening;
      if (isRunning) this.#lingering.add(number, principalOf(auth));
      this.#cancel(number, "the client went away");
    });
    await this.#send(request);
  }

  async notify(notification: JsonRpcNotification): Promise<void> {
    if (!MEANINGLESS.has(notification.method)) await this.#send(notification);
  }

  /** What it is in the eyes of people. @see SessionInfo */
  info(): Pick<SessionInfo, "protocolVersion" | "openedAt" | "lastActiveAt" | "pid" | "requests"> {
    return {
      protocolVersion: MODERN_VERSION,
      openedAt: this.openedAt,
      lastActiveAt: this.idleSince ?? this.#clock.now(),
      pid: this.#channel.pid,
      requests: this.#requests,
    };
  }

  /** Takes nothing new and ends once nothing runs; subscriptions end at once and are opened elsewhere. */
  retire(reason: string): void {
    this.#onRetire();
    this.#retiredBecause = reason;
    for (const [number, { owner }] of this.#inFlight.entries()) {
      if (!owner.isListening) continue;
      this.#cancel(number, reason);
      owner.finish(completion(owner));
    }
    this.#rest();
  }

  /** @see Exchange.announce */
  announce(kind: ListKind): void {
    for (const { owner } of this.#inFlight.values()) owner.announce(kind);
  }

  /** Give up requests that run for too long. A subscription may. */
  giveUp(limits: CallLimits): void {
    for (const [number, { owner }, verdict] of this.#inFlight.overdue(
      this.#clock.now(),
      limits,
      false,
    )) {
      if (owner.isListening) continue;
      const reason = `The server ${verdict}`;
      this.#cancel(number, reason);
      owner.finish(errorResponse(owner.id, ERROR_CODES.internal, reason), 504);
    }
  }

  /** End running requests of callers that fit. @returns how many */
  end(fits: (auth: AuthInfo) => boolean, reason: string): number {
    return this.#fail(fits, reason);
  }

  /** Subscriptions end as they should, everything else with an error; then the process goes. */
  async close(reason: string, graceSeconds?: number): Promise<void> {
    this.#onRetire();
    const closed = this.#channel.close(graceSeconds);
    this.#fail(() => true, reason);
    await closed;
  }

  #fail(fits: (auth: AuthInfo) => boolean, reason: string): number {
    let count = 0;
    for (const [number, { owner }] of this.#inFlight.entries()) {
      if (!fits(owner.auth)) continue;
      count += 1;
      this.#cancel(number, reason);
      if (owner.isListening) owner.finish(completion(owner));
      else owner.finish(errorResponse(owner.id, ERROR_CODES.internal, reason), 502);
    }
    return count;
  }

  #rest(): void {
    this.#idleSince = this.#clock.now();
    if (this.#retiredBecause !== undefined && this.#inFlight.size === 0) {
      void this.close(this.#retiredBecause);
    }
  }

  #cancel(number: number, reason: string): void {
    if (!this.#inFlight.remove(number)) return;
    this.#rest();
    const params = { requestId: number, reason };
    void this.#send({ jsonrpc: "2.0", method: "notifications/cancelled", params });
  }

  /** A channel that has ended tells so by `onclose`, which answers whatever waits. */
  async #send(message: JsonRpcMessage): Promise<void> {
    await this.#channel.send(message).catch(() => undefined);
  }

  /** @param about the request of ours it belongs to, where the channel knows */
  #receive(message: JsonRpcMessage, about?: RequestId): void {
    if (isResponse(message)) {
      if (this.#own.settle(message)) return;
      this.#lingering.delete(message.id);
      const pending = this.#inFlight.settle(message);
      if (!pending) return;
      this.#rest();
      if ("result" in message) restoreSubscription(asObject(message.result)?.["_meta"], pending);
      if ("result" in message && pending.owner.listsTools) this.#paramHeaders.learn(message.result);
      if ("result" in message && hasState(message.result)) {
        const { owner } = pending;
        void this.#states
          .seal(message.result, owner.auth, owner.request)
          .then(() => owner.finish(message));
      } else pending.owner.finish(message);
    } else if (isRequest(message)) {
      const refused = "Servers of this revision send no requests";
      void this.#send(errorResponse(message.id, ERROR_CODES.methodNotFound, refused));
    } else this.#tell(message, about);
  }

  #tell(notification: JsonRpcNotification, about: RequestId | undefined): void {
    const meta = metaOf(notification);
    if (notification.method === "notifications/tools/list_changed") this.#paramHeaders.forget();
    if (notification.method === "notifications/progress") {
      this.#inFlight.progress(notification)?.owner.tell(notification);
    } else if (meta?.[SUBSCRIPTION_ID] !== undefined) {
      const pending = this.#inFlight.get(meta[SUBSCRIPTION_ID]);
      if (!pending?.owner.isListening) return;
      restoreSubscription(meta, pending);
      pending.owner.tell(notification);
    } else if (notification.method === "notifications/cancelled") {
      const number = notification.params?.["requestId"];
      const pending = this.#inFlight.get(number);
      if (!pending?.owner.isListening) return;
      this.#inFlight.remove(number as number);
      pending.owner.finish(completion(pending.owner));
    } else this.#owner(notification.method, about)?.tell(notification);
  }

  /** How many requests of the caller's principal run. */
  #running(auth: AuthInfo): number {
    const principal = principalOf(auth);
    return Array.from(this.#inFlight.values()).filter(
      ({ owner }) => principalOf(owner.auth) === principal,
    ).length;
  }

  /** Whose a notification without an address is: nobody's, unless only one can be meant. */
  #owner(method: string, about: RequestId | undefined): Exchange | undefined {
    const isLog = method === "notifications/message";
    const known = about === undefined ? undefined : this.#inFlight.get(about)?.owner;
    if (known) return known.wantsLog || !isLog ? known : undefined;
    const principals = new Set(this.#lingering.owners());
    const possible: Exchange[] = [];
    for (const { owner } of this.#inFlight.values()) {
      if (owner.isListening) continue;
      principals.add(principalOf(owner.auth));
      if (owner.wantsLog || !isLog) possible.push(owner);
    }
    // It may be about somebody else's request, even one that wants to hear nothing of it.
    if (principals.size > 1) return undefined;
    return possible.length === 1 ? possible[0] : undefined;
  }
}

function completion(exchange: Exchange): JsonRpcMessage & { id: Exchange["id"]; result: unknown } {
  const result = { resultType: "complete", _meta: { [SUBSCRIPTION_ID]: exchange.id } };
  return { jsonrpc: "2.0", id: exchange.id, result };
}

/** The server names a subscription by our number, the client by its own id. */
function restoreSubscription(meta: unknown, pending: Pending<Exchange>): void {
  const members = asObject(meta);
  if (members && Object.hasOwn(members, SUBSCRIPTION_ID)) members[SUBSCRIPTION_ID] = pending.id;
}
