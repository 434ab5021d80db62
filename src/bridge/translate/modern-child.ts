/**
 * A running server of older revisions, initialised by us, and the requests of modern clients on it.
 *
 * What it says on its own names no request, except answers and progress. So of calls it may ask something for, and of
 * calls whose client wants the log, only one at a time runs on it (modern-pool.ts): that one is meant.
 */
import type { Clock } from "../../clock.ts";
import { InFlight } from "../in-flight.ts";
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
import { Lingering } from "../lingering.ts";
import { LEGACY_VERSIONS } from "../../mcp/revisions.ts";
import type { Channel } from "../service/service.ts";
import { isSevereEnough } from "./modern-request.ts";
import type { Hello } from "./modern-result.ts";

const HANDSHAKE = 60; // seconds; a launcher may have to download the server first
const MAX_HELD = 8; // questions
/** News of what the server has, for whoever listens. */
const CHANGED = /^notifications\/(?:(?:tools|prompts|resources)\/list_changed|resources\/updated)$/;
/** Parts of older revisions that later ones do not know. */
const OBSOLETE = /^notifications\/(?:tasks\/|elicitation\/)/;

/** Whoever waits for an answer of the child. */
export interface Waiter {
  /** Its own log level, where it wants the log. */
  readonly logLevel?: string | undefined;
  settle(response: JsonRpcResponse): void;
  /** The child ended first. */
  fail(reason: string): void;
  tell?(notification: JsonRpcNotification): void;
  /** The child asks something; absent where nobody could answer. */
  ask?: ((question: JsonRpcRequest) => void) | undefined;
  /** The child does not want its question answered any more. */
  withdraw?(id: unknown): void;
}

export interface ChildOptions {
  readonly channel: Channel & { readonly pid?: number | undefined };
  readonly clock: Clock;
  /** `params` of `initialize` besides the version. */
  readonly introduction: { readonly capabilities: object; readonly clientInfo: object };
  /** News of what the server has. */
  readonly onChange: (notification: JsonRpcNotification, child: LegacyChild) => void;
  /** Called once, also when it never got ready. */
  readonly onClose: (child: LegacyChild) => void;
}

export class LegacyChild {
  readonly openedAt: number;
  /** Set once it is open. */
  hello: Hello = { capabilities: {}, serverInfo: undefined, instructions: undefined };
  readonly #options: ChildOptions;
  readonly #inFlight = new InFlight<Waiter>();
  /** Calls that were cancelled and may not know it yet. */
  readonly #lingering: Lingering<number>;
  /** Questions about the client and not about a call, which the next call may put. */
  #held: JsonRpcRequest[] = [];
  #level: string | undefined;
  #endedBecause: string | undefined;
  #isLeaving = false;
  #whenGone: () => void = () => undefined;
  /** Resolves when its process has ended. */
  readonly gone = new Promise<void>((resolve) => (this.#whenGone = resolve));

  constructor(options: ChildOptions) {
    const { channel, clock } = options;
    this.#options = options;
    this.openedAt = clock.now();
    this.#lingering = new Lingering(clock);
    channel.onmessage = (message, about) => this.#receive(message, about);
    channel.onclose = (reason) => {
      this.#endedBecause = reason;
      for (const [number, { owner }] of [...this.#inFlight.entries()]) {
        this.#inFlight.remove(number);
        owner.fail(reason);
      }
      this.#isLeaving = true;
      options.onClose(this);
      this.#whenGone();
    };
  }

  get pid(): number | undefined {
    return this.#options.channel.pid;
  }

  /** Whether it has ended or is about to. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** Start and introduce it. @throws when it cannot be started or does not initialise; it is closed then */
  async open(): Promise<void> {
    const { channel, clock, introduction } = this.#options;
    const protocolVersion = LEGACY_VERSIONS[0];
    try {
      await channel.start();
      const answer = await new Promise<JsonRpcResponse>((resolve, reject) => {
        const cancel = clock.after(HANDSHAKE, () =>
          reject(new Error(`no answer to initialize within ${HANDSHAKE} seconds`)),
        );
        this.ask("initialize", { protocolVersion, ...introduction })
          .then(resolve, reject)
          .finally(cancel);
      });
      if ("error" in answer) throw new Error(`it did not initialize: ${answer.error.message}`);
      const result = asObject(answer.result) ?? {};
      const { serverInfo, instructions } = result;
      this.hello = {
        capabilities: asObject(result["capabilities"]) ?? {},
        serverInfo,
        instructions,
      };
      this.#send({ jsonrpc: "2.0", method: "notifications/initialized" });
    } catch (error) {
      void this.close();
      throw error;
    }
  }

  /** Send `request` under a number of ours. @returns the number */
  call(request: JsonRpcRequest, waiter: Waiter): number {
    const number = this.#inFlight.add(request, waiter);
    const reason = this.#endedBecause;
    if (reason === undefined) this.#send(request);
    else queueMicrotask(() => this.#inFlight.remove(number)?.owner.fail(reason));
    return number;
  }

  /** A request of the bridge itself. @throws when the child ends first */
  ask(method: string, params: { [member: string]: unknown }): Promise<JsonRpcResponse> {
    return new Promise((resolve, reject) => {
      const fail = (reason: string): void => reject(new Error(reason));
      this.call({ jsonrpc: "2.0", id: 0, method, params }, { settle: resolve, fail });
    });
  }

  notify(notification: JsonRpcNotification): void {
    this.#send(notification);
  }

  /** To a question of the child. */
  reply(response: JsonRpcResponse): void {
    this.#send(response);
  }

  /** Keep a question until somebody can put it. @returns false when it cannot wait */
  hold(question: JsonRpcRequest): boolean {
    const { capabilities } = this.#options.introduction;
    const mayWait =
      question.method === "roots/list" && "roots" in capabilities && this.#held.length < MAX_HELD;
    if (mayWait) this.#held.push(question);
    return mayWait;
  }

  /** What was kept; from now on it is the caller's to answer. */
  takeHeld(): JsonRpcRequest[] {
    return this.#held.splice(0);
  }

  /** Whoever waits for `number` waits no longer. */
  cancel(number: number, reason: string): void {
    if (!this.#inFlight.remove(number)) return;
    this.#lingering.add(number, number);
    const params = { requestId: number, reason };
    this.#send({ jsonrpc: "2.0", method: "notifications/cancelled", params });
  }

  /** Resolves when the child logs from `level` on, if it logs at all. */
  async setLevel(level: string): Promise<void> {
    if (this.#level === level || !asObject(this.hello.capabilities["logging"])) return;
    this.#level = level;
    await this.ask("logging/setLevel", { level });
  }

  close(graceSeconds?: number): Promise<void> {
    this.#isLeaving = true;
    return this.#options.channel.close(graceSeconds);
  }

  /** A channel that has ended tells so by `onclose`, which answers whatever waits. */
  #send(message: JsonRpcMessage): void {
    this.#options.channel.send(message).catch(() => undefined);
  }

  #receive(message: JsonRpcMessage, about?: RequestId): void {
    if (isResponse(message)) {
      this.#lingering.delete(message.id);
      this.#inFlight.settle(message)?.owner.settle(message);
    } else if (isRequest(message)) this.#question(message, about);
    else this.#tell(message, about);
  }

  #question(question: JsonRpcRequest, about: RequestId | undefined): void {
    const { id, method } = question;
    if (method === "ping") return this.reply({ jsonrpc: "2.0", id, result: {} });
    const waiter = this.#meant(about, ({ ask }) => ask !== undefined);
    if (waiter?.ask) return waiter.ask(question);
    if (this.hold(question)) return;
    const refused = "No request of a client is running that could answer";
    this.reply(errorResponse(id, ERROR_CODES.methodNotFound, refused));
  }

  #tell(notification: JsonRpcNotification, about: RequestId | undefined): void {
    const { method, params } = notification;
    if (method === "notifications/progress") {
      this.#inFlight.progress(notification)?.owner.tell?.(notification);
    } else if (CHANGED.test(method)) {
      this.#options.onChange(notification, this);
    } else if (method === "notifications/cancelled") {
      const id = params?.["requestId"];
      for (const { owner } of this.#inFlight.values()) owner.withdraw?.(id);
      this.#held = this.#held.filter((question) => question.id !== id);
    } else if (method === "notifications/message") {
      const waiter = this.#meant(about, ({ logLevel }) => logLevel !== undefined);
      if (waiter && isSevereEnough(params?.["level"], waiter.logLevel!))
        waiter.tell?.(notification);
    } else if (!OBSOLETE.test(method)) {
      // It may be about a call that was cancelled, somebody else's even.
      if (about === undefined && this.#lingering.owners().length > 0) return;
      this.#meant(about, (waiter) => waiter.tell !== undefined)?.tell?.(notification);
    }
  }

  /** Whose a message is that does not say: nobody's, unless only one can be meant. */
  #meant(about: RequestId | undefined, may: (waiter: Waiter) => boolean): Waiter | undefined {
    const waiters =
      about === undefined
        ? Array.from(this.#inFlight.values(), ({ owner }) => owner)
        : [this.#inFlight.get(about)?.owner].filter((owner) => owner !== undefined);
    const possible = waiters.filter(may);
    return possible.length === 1 ? possible[0] : undefined;
  }
}
