/**
 * Servers of older revisions that answer requests of 2026-07-28: what a modern client says is translated for a child that
 * was initialised by us, and back. The requests of one principal share what this holds, or those of everybody where
 * the configuration says so; what belongs to one call stays with it in either case.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { principalOf, type AuthInfo } from "../../auth-info.ts";
import type { Clock } from "../../clock.ts";
import type { Config } from "../../config.ts";
import type { Sender } from "../call.ts";
import { Exchange } from "../exchange.ts";
import {
  ERROR_CODES,
  errorResponse,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type RequestId,
} from "../../mcp/json-rpc.ts";
import type { CallLimits } from "../in-flight.ts";
import { ParamHeaders } from "../param-headers.ts";
import { Refusal } from "../refusal.ts";
import type { Service } from "../service/service.ts";
import type { SessionInfo } from "../session-info.ts";
import type { ListKind } from "../session-options.ts";
import type { Slots } from "../slots.ts";
import { TranslatedCall } from "./modern-call.ts";
import { Children } from "./modern-children.ts";
import { Continuations } from "./modern-continuations.ts";
import type { Lease } from "./modern-pool.ts";
import { ModernRequest } from "./modern-request.ts";
import { discovery } from "./modern-result.ts";
import { Subscriptions } from "./modern-subscriptions.ts";
import { MODERN_VERSION } from "../../mcp/revisions.ts";

const MAX_RUNNING = 256; // requests of one principal
/** What clients of either era tell a server about themselves. Over HTTP, in this revision, it means nothing. */
const MEANINGLESS = /^notifications\/(?:cancelled|initialized|progress|roots\/list_changed)$/;

export interface TranslationOptions {
  readonly service: Service;
  readonly auth: AuthInfo;
  /** Whether several principals use it. */
  readonly isShared: boolean;
  readonly clock: Clock;
  readonly limits: Config["limits"];
  readonly slots: Slots;
  /** What the client is told when a server cannot be started. */
  readonly explain: (error: unknown, id: RequestId | undefined) => Error;
  /** Takes no more requests; may be called twice. */
  readonly onRetire: () => void;
}

export class ModernTranslation {
  readonly openedAt: number;
  /** Of the newest caller. */
  auth: AuthInfo;
  readonly #options: TranslationOptions;
  readonly #children: Children;
  readonly #parked: Continuations<TranslatedCall>;
  readonly #subscriptions = new Subscriptions();
  readonly #paramHeaders: ParamHeaders;
  /** The newest request whose headers were looked at. */
  #checked: JsonRpcRequest | undefined;
  /** Running and parked. */
  readonly #calls = new Set<TranslatedCall>();
  /** Requests that wait for a child. */
  #waiting = 0;
  #idleSince: number;
  #requests = 0;
  #retiredBecause: string | undefined;
  #whenClosed: () => void = () => undefined;
  /** Resolves when its processes are gone. */
  readonly closed = new Promise<void>((resolve) => (this.#whenClosed = resolve));

  constructor(options: TranslationOptions) {
    const { clock, limits } = options;
    this.#options = options;
    this.auth = options.auth;
    this.openedAt = clock.now();
    this.#idleSince = this.openedAt;
    this.#parked = new Continuations(clock, limits.pendingInput);
    this.#children = new Children({
      ...options,
      onChange: (notification, child) => {
        if (notification.method === "notifications/tools/list_changed") this.#paramHeaders.forget();
        this.#subscriptions.change(notification, child);
      },
      onClose: (child) => void this.#subscriptions.end((_, its) => its === child),
      makeRoom: () => this.#parked.stopOldest("the server was needed for another call"),
    });
    this.#paramHeaders = new ParamHeaders((request) => this.#ask(request), clock);
  }

  /** Seconds since the epoch; undefined while a request runs or waits for its client. */
  get idleSince(): number | undefined {
    const isBusy = this.#calls.size + this.#waiting + this.#subscriptions.size > 0;
    return isBusy ? undefined : this.#idleSince;
  }

  /** @throws Refusal 400 when headers of a tool call do not agree with its arguments, 503 when that cannot be told */
  async checkHeaders(
    head: Pick<IncomingMessage, "headers" | "rawHeaders">,
    request: JsonRpcRequest,
  ): Promise<void> {
    this.#checked = request;
    await this.#paramHeaders.check(head, request);
  }

  /** @throws Refusal */
  async call(message: JsonRpcRequest, response: ServerResponse, sender: Sender): Promise<void> {
    const { id, method } = message;
    const { auth } = sender;
    this.auth = auth;
    this.#requests += 1;
    const request = new ModernRequest(message);
    if (method.startsWith("tasks/")) {
      throw new Refusal(404, ERROR_CODES.methodNotFound, `${method} is not known`, { id });
    }
    if (this.#running(auth) >= MAX_RUNNING) {
      throw new Refusal(429, ERROR_CODES.internal, "You have too many requests running", {
        id,
        headers: { "retry-after": "1" },
      });
    }
    if (request.requestState === undefined) return this.#begin(message, request, response, sender);
    const exchange = new Exchange(message, response, sender, this.#options.clock);
    const call = this.#parked.take(request.requestState, () => request.identityFor(auth));
    if (!call) {
      const reason = "requestState is not one of this request, or not any more";
      return exchange.finish(errorResponse(id, ERROR_CODES.invalidParams, reason));
    }
    response.once("close", () => call.abandon(exchange));
    if (call.resume(request, exchange) === "again") {
      await this.#begin(message, request, response, sender, exchange);
    }
  }

  /** Whether this request continues a call that is parked here. */
  keeps(message: JsonRpcRequest, auth: AuthInfo): boolean {
    const request = new ModernRequest(message);
    return this.#parked.has(request.requestState, () => request.identityFor(auth));
  }

  /** Only what is nobody's business but the server's reaches it. */
  async notify(notification: JsonRpcNotification): Promise<void> {
    if (MEANINGLESS.test(notification.method)) return;
    const request = new ModernRequest({ ...notification, id: 0 });
    const { id: _, ...translated } = request.toLegacy();
    const caller = { auth: this.auth, id: undefined, clientInfo: request.clientInfo };
    const { signal } = new AbortController();
    const pool = this.#children.pool("plain", request.capabilities, this.auth);
    const lease = await pool.acquire("plain", caller, signal);
    lease.child.notify(translated);
    lease.release(true);
  }

  /** What it is in the eyes of people. @see SessionInfo */
  info(): Pick<SessionInfo, "protocolVersion" | "openedAt" | "lastActiveAt" | "pid" | "requests"> {
    return {
      protocolVersion: MODERN_VERSION,
      openedAt: this.openedAt,
      lastActiveAt: this.idleSince ?? this.#options.clock.now(),
      pid: this.#children.pid,
      requests: this.#requests,
    };
  }

  /** Requests of this principal. Who waits for a child counts for everybody: that is short, or a sign of trouble. */
  #running(auth: AuthInfo): number {
    const running = this.#calls.size + this.#subscriptions.size;
    if (running < MAX_RUNNING) return running + this.#waiting;
    const principal = principalOf(auth);
    const own = [...this.#calls].filter((call) => principalOf(call.auth) === principal);
    return own.length + this.#subscriptions.of(principal) + this.#waiting;
  }

  /** Takes nothing new and ends once nothing runs; subscriptions end at once and are opened elsewhere. */
  retire(reason: string): void {
    this.#options.onRetire();
    this.#retiredBecause = reason;
    this.#subscriptions.end(() => true);
    this.#rest();
  }

  /** @see Exchange.announce */
  announce(kind: ListKind): void {
    this.#subscriptions.announce(kind);
  }

  /** Give up requests that run for too long. A subscription may. */
  giveUp(limits: CallLimits): void {
    for (const call of this.#calls) call.giveUp(limits);
  }

  /** End running and parked requests of callers that fit. @returns how many */
  end(fits: (auth: AuthInfo) => boolean, reason: string): number {
    const ending = [...this.#calls].filter(({ auth }) => fits(auth));
    for (const call of ending) call.stop(reason);
    return ending.length + this.#subscriptions.end(fits);
  }

  /** Subscriptions end as they should, everything else with an error; then the processes go. */
  async close(reason: string, graceSeconds?: number): Promise<void> {
    this.#options.onRetire();
    this.#subscriptions.end(() => true);
    const closed = this.#children.close(graceSeconds);
    for (const call of this.#calls) call.stop(reason);
    await closed;
    this.#whenClosed();
  }

  #rest(): void {
    this.#idleSince = this.#options.clock.now();
    if (this.#retiredBecause !== undefined && this.idleSince !== undefined) {
      void this.close(this.#retiredBecause);
    }
  }

  async #ask(question: Omit<JsonRpcRequest, "id">): Promise<JsonRpcResponse> {
    const { capabilities, clientInfo } = new ModernRequest(this.#checked!);
    const caller = { auth: this.auth, id: this.#checked!.id, clientInfo };
    return await this.#children.ask(question, capabilities, caller);
  }

  /** @param exchange where one is open already */
  async #begin(
    message: JsonRpcRequest,
    request: ModernRequest,
    response: ServerResponse,
    sender: Sender,
    exchange?: Exchange,
  ): Promise<void> {
    const { clock } = this.#options;
    const { hello } = this.#children;
    const isDiscovery = request.method === "server/discover";
    const answer = (): Exchange => (exchange ??= new Exchange(message, response, sender, clock));
    if (isDiscovery && hello) return answer().finish(discovery(message.id, hello));
    const lease = await this.#lease(message, request, response, sender.auth);
    if (!lease) return;
    if (isDiscovery) {
      lease.release(true);
      return answer().finish(discovery(message.id, lease.child.hello));
    }
    const own = answer();
    if (own.isListening) {
      response.once("close", () => {
        this.#subscriptions.drop(own);
        this.#rest();
      });
      return await this.#subscriptions.listen(message, own, lease);
    }
    const call = new TranslatedCall(request, own, lease, {
      clock,
      onTools: (result) => this.#paramHeaders.learn(result),
      onPark: (parked, sent) => this.#parked.park(parked, sent.identityFor(parked.auth)),
      onEnd: (ended) => {
        this.#calls.delete(ended);
        this.#parked.remove(ended);
        this.#rest();
      },
    });
    this.#calls.add(call);
    response.once("close", () => call.abandon(own));
  }

  /** A child ready for the request. @returns undefined when the client went away @throws Refusal */
  async #lease(
    { id }: JsonRpcRequest,
    request: ModernRequest,
    response: ServerResponse,
    auth: AuthInfo,
  ): Promise<Lease | undefined> {
    const { logLevel, method, capabilities, clientInfo } = request;
    const isLogging = logLevel !== undefined && !/^(?:server|subscriptions)\//.test(method);
    const mode = isLogging ? "logging" : request.mayBeAsked ? "asking" : "plain";
    const pool = this.#children.pool(mode, capabilities, auth);
    const free = isLogging ? undefined : pool.take(mode);
    if (free) return free;
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    this.#waiting += 1;
    try {
      const lease = await pool.acquire(mode, { auth, id, clientInfo }, gone.signal);
      if (isLogging && !response.destroyed) await lease.child.setLevel(logLevel);
      if (!response.destroyed) return lease;
      lease.release(true);
    } catch (error) {
      if (!response.destroyed) throw this.#options.explain(error, id);
    } finally {
      this.#waiting -= 1;
      this.#rest();
    }
    return undefined;
  }
}
