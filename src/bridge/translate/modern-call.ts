/**
 * One call of a modern client on a server of older revisions.
 *
 * When the server asks something, the call is parked: the client gets the questions as a result, the server's call stays
 * open, and both wait for the client to come back with the answers (MCP 2026-07-28, "Multi round-trip requests"). That
 * may happen several times. A call that ends in any other way than by its result takes its child with it: nobody knows
 * what the child still asks on behalf of it.
 */
import type { AuthInfo } from "../../auth-info.ts";
import type { Clock } from "../../clock.ts";
import type { Exchange } from "../exchange.ts";
import type { CallLimits } from "../in-flight.ts";
import {
  asObject,
  ERROR_CODES,
  errorResponse,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
} from "../../mcp/json-rpc.ts";
import type { Waiter } from "./modern-child.ts";
import type { Lease } from "./modern-pool.ts";
import { kindOf, refusalOf, toInputRequest, urlQuestions } from "./modern-questions.ts";
import type { ModernRequest } from "./modern-request.ts";
import { fromLegacy, inputRequired, type Hello } from "./modern-result.ts";

/** A server that asks several things at once asks them one message after the other. */
const BUNDLE = 0.025; // seconds

export interface CallOptions {
  readonly clock: Clock;
  /** @returns the `requestState` it is found by again */
  readonly onPark: (call: TranslatedCall, request: ModernRequest) => string;
  /** The server has said which tools it has. */
  readonly onTools: (result: unknown) => void;
  /** Called once when it neither runs nor is parked any more. */
  readonly onEnd: (call: TranslatedCall) => void;
}

export class TranslatedCall implements Waiter {
  readonly ask: ((question: JsonRpcRequest) => void) | undefined;
  readonly #options: CallOptions;
  /** As it was sent last. */
  #request: ModernRequest;
  /** Undefined while parked. */
  #exchange: Exchange | undefined;
  #auth: AuthInfo;
  /** Undefined once the child has nothing more to do with it. */
  #lease: Lease | undefined;
  readonly #hello: Hello;
  /** Undefined until the server has it. */
  #number: number | undefined;
  /** By key; keys are never used again, so a late answer cannot meet another question. */
  readonly #questions = new Map<string, JsonRpcRequest>();
  #asked = 0;
  /** What came while nobody waited. */
  #outcome: { response: JsonRpcResponse; status?: number } | undefined;
  /** The server wants something done first, and then the call again. */
  #refused: JsonRpcResponse | undefined;
  #isOver = false;
  #cancelBundle: (() => void) | undefined;
  readonly #startedAt: number;
  /** Of the server's last sign of life, or of the client's coming back. */
  #movedAt: number;

  constructor(request: ModernRequest, exchange: Exchange, lease: Lease, options: CallOptions) {
    this.#options = options;
    this.#request = request;
    this.#exchange = exchange;
    this.#auth = exchange.auth;
    this.#lease = lease;
    this.#hello = lease.child.hello;
    this.ask = request.mayBeAsked ? (question) => this.#note(question) : undefined;
    this.#startedAt = this.#movedAt = options.clock.now();
    // A server that has asked for the roots already may not be able to do anything without them.
    if (this.ask) lease.child.takeHeld().forEach(this.ask);
    if (this.#questions.size === 0) this.#send();
  }

  /** Of who sent it last. */
  get auth(): AuthInfo {
    return this.#auth;
  }

  get logLevel(): string | undefined {
    return this.#exchange && this.#request.logLevel;
  }

  /**
   * The client is back. Questions it left unanswered are asked again; answers nobody asked for are ignored.
   * @returns "again" when the server wants the whole call once more; this one is over then
   */
  resume(request: ModernRequest, exchange: Exchange): "again" | undefined {
    this.#request = request;
    this.#auth = exchange.auth;
    this.#exchange = exchange;
    this.#movedAt = this.#options.clock.now();
    let isAccepted = true;
    for (const [key, { id }] of this.#questions) {
      const answer = asObject(request.inputResponses[key]);
      if (!answer) continue;
      this.#questions.delete(key);
      isAccepted &&= answer["action"] === "accept";
      this.#lease?.child.reply({ jsonrpc: "2.0", id, result: answer });
    }
    if (this.#outcome) this.#finish(this.#outcome.response, this.#outcome.status);
    else if (this.#questions.size > 0) this.#bundle();
    else if (this.#refused && isAccepted) {
      this.#end();
      return "again";
    } else if (this.#refused) {
      this.#finish(fromLegacy(request.method, this.#refused, this.#hello));
    } else this.#send();
    return undefined;
  }

  /** Its client went away; for a parked call that was to be expected. */
  abandon(exchange: Exchange): void {
    if (exchange === this.#exchange) this.stop("the client went away");
  }

  /** End it without a result. @param status of the answer */
  stop(reason: string, status = 502): void {
    if (this.#isOver) return;
    const lease = this.#lease;
    this.#lease = undefined;
    if (this.#number !== undefined) lease?.child.cancel(this.#number, reason);
    lease?.release(false);
    this.#exchange?.finish(this.#failure(reason), status);
    this.#end();
  }

  /** End it when it runs for too long; while it is parked it is its client who is late. */
  giveUp({ timeout, requestLifetime }: CallLimits): void {
    const now = this.#options.clock.now();
    const isSilent = this.#exchange !== undefined && now - this.#movedAt >= timeout;
    if (!isSilent && now - this.#startedAt < requestLifetime) return;
    this.stop("The server did not answer in time", 504);
  }

  settle(response: JsonRpcResponse): void {
    this.#cancelBundle?.();
    this.#dismiss("The call has ended");
    this.#lease?.release(true);
    this.#lease = undefined;
    const { onTools } = this.#options;
    if ("result" in response && this.#exchange?.listsTools) onTools(response.result);
    const urls = urlQuestions(response);
    if (!urls) return this.#finish(fromLegacy(this.#request.method, response, this.#hello));
    this.#refused = response;
    for (const question of urls) this.#questions.set(this.#key(question), question);
    if (this.#exchange) this.#park();
  }

  fail(reason: string): void {
    this.#cancelBundle?.();
    this.#questions.clear();
    this.#lease?.release(false);
    this.#lease = undefined;
    this.#finish(this.#failure(reason), 502);
  }

  tell(notification: JsonRpcNotification): void {
    if (!this.#exchange) return;
    this.#movedAt = this.#options.clock.now();
    if (notification.method === "notifications/progress") {
      const { progressToken } = this.#request;
      if (progressToken === undefined) return;
      notification.params = { ...notification.params, progressToken };
    }
    this.#exchange.tell(notification);
  }

  withdraw(id: unknown): void {
    for (const [key, question] of this.#questions) {
      if (question.id === id) this.#questions.delete(key);
    }
  }

  #note(question: JsonRpcRequest): void {
    const refusal = refusalOf(question, this.#request.capabilities);
    if (refusal) {
      const { code, message } = refusal;
      return this.#lease?.child.reply(errorResponse(question.id, code, message));
    }
    this.#questions.set(this.#key(question), question);
    if (this.#exchange) this.#bundle();
  }

  #key(question: JsonRpcRequest): string {
    this.#asked += 1;
    return `${kindOf(question)}-${this.#asked}`;
  }

  /** Ask the client in a moment, when the server has asked all it wants to know. */
  #bundle(): void {
    this.#cancelBundle ??= this.#options.clock.after(BUNDLE, () => this.#park());
  }

  #park(): void {
    this.#cancelBundle?.();
    this.#cancelBundle = undefined;
    // The one who came back may be able to answer less than the one who began.
    for (const [key, question] of this.#questions) {
      const refusal = refusalOf(question, this.#request.capabilities);
      if (!refusal) continue;
      this.#questions.delete(key);
      const { code, message } = refusal;
      this.#lease?.child.reply(errorResponse(question.id, code, message));
    }
    const exchange = this.#exchange!;
    const { id } = exchange;
    if (this.#questions.size > 0) {
      this.#exchange = undefined;
      this.#lease?.leave();
      const entries = Array.from(this.#questions, ([key, each]) => [key, toInputRequest(each)]);
      const state = this.#options.onPark(this, this.#request);
      const result = inputRequired(Object.fromEntries(entries), state, this.#hello);
      exchange.finish({ jsonrpc: "2.0", id, result });
    } else if (this.#refused) {
      const requiredCapabilities = { elicitation: { url: {} } };
      const code = ERROR_CODES.missingClientCapability;
      const message = "The server needs the client to open an address";
      this.#finish(errorResponse(id, code, message, { requiredCapabilities }));
    } else this.#send();
  }

  /** Give it to the server, if that has not got it yet. */
  #send(): void {
    this.#number ??= this.#lease?.child.call(this.#request.toLegacy(), this);
  }

  /** Questions nobody will answer any more. */
  #dismiss(reason: string): void {
    const child = this.#lease?.child;
    for (const question of this.#questions.values()) {
      if (child?.hold(question)) continue;
      child?.reply(errorResponse(question.id, ERROR_CODES.internal, reason));
    }
    this.#questions.clear();
  }

  #failure(reason: string): JsonRpcResponse {
    return errorResponse(this.#exchange?.id ?? 0, ERROR_CODES.internal, reason);
  }

  #finish(response: JsonRpcResponse, status?: number): void {
    if (!this.#exchange) {
      this.#outcome = status === undefined ? { response } : { response, status };
      return;
    }
    response.id = this.#exchange.id;
    this.#exchange.finish(response, status);
    this.#end();
  }

  #end(): void {
    this.#isOver = true;
    this.#cancelBundle?.();
    this.#options.onEnd(this);
  }
}
