/**
 * One running server of a revision with `initialize` and the sessions that share it. Each session has a channel of its
 * own and need not know about the others.
 *
 *   ids, progress tokens        replaced by numbers of ours
 *   initialize                  was asked once; each session gets that answer, in the version it asked for
 *   logging/setLevel            the most verbose is set; each session gets what it wants
 *   resources/subscribe         counted; updates go to who subscribed
 *   list_changed                goes to each session once: it says nothing about anybody
 *   the server's own requests   go to the only session that has a call running, if all belong to one principal
 *   everything else             goes to the only session that can be meant, or to nobody
 */
import type { Clock } from "../../clock.ts";
import {
  ERROR_CODES,
  errorResponse,
  isRequest,
  isResponse,
  metaOf,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type RequestId,
} from "../../mcp/json-rpc.ts";
import { OwnRequests } from "../own-requests.ts";
import type { Channel } from "../service/service.ts";
import { resultFor } from "./introduction.ts";
import { LogLevels } from "./log-levels.ts";
import { MemberCalls, type Address } from "./member-calls.ts";
import { Member, type Hub } from "./member.ts";
import { Subscribers } from "./subscribers.ts";

const LIST_CHANGED = /^notifications\/(?:tools|prompts|resources)\/list_changed$/;
/** Notifications of a client that only mean something to a server that may ask its clients. */
const ABOUT_CLIENT = new Set(["notifications/roots/list_changed", "notifications/progress"]);

export interface SharedChildOptions {
  readonly channel: Channel & { readonly pid?: number | undefined };
  readonly clock: Clock;
  /** Result of its `initialize`. */
  readonly hello: unknown;
  /** All sessions belong to one principal. Otherwise nothing that is one person's may reach another. */
  readonly isPrivate: boolean;
  /** Takes no more sessions; may be called twice. */
  readonly onRetire: () => void;
}

export class SharedChild implements Hub {
  readonly #options: SharedChildOptions;
  readonly #members = new Set<Member>();
  readonly #calls: MemberCalls;
  /** The server's questions, by its ids. */
  readonly #asked = new Map<RequestId, Member>();
  readonly #subscribers = new Subscribers<Member>();
  readonly #levels = new LogLevels<Member>();
  readonly #own: OwnRequests;
  /** What the server was told. */
  #level: string | undefined;
  #isRetired = false;

  constructor(options: SharedChildOptions) {
    const { channel, clock } = options;
    this.#options = options;
    this.#calls = new MemberCalls(clock);
    this.#own = new OwnRequests(channel);
    channel.onmessage = (message, about) => this.#receive(message, about);
    channel.onclose = (reason) => {
      this.#retire();
      this.#own.fail(reason);
      for (const member of [...this.#members]) member.end(reason);
      this.#members.clear();
    };
    this.#tell("notifications/initialized");
  }

  get pid(): number | undefined {
    return this.#options.channel.pid;
  }

  /** What a session gets for its own `initialize`. */
  answer(request: JsonRpcRequest): JsonRpcResponse {
    const { hello, isPrivate } = this.#options;
    const result = resultFor(hello, request.params ?? {}, isPrivate);
    return { jsonrpc: "2.0", id: request.id, result };
  }

  /** @returns undefined when it takes no more sessions */
  join(): Member | undefined {
    if (this.#isRetired) return undefined;
    const member = new Member(this);
    this.#members.add(member);
    this.#levels.add(member);
    this.#syncLevel();
    return member;
  }

  async send(member: Member, message: JsonRpcMessage): Promise<void> {
    if (isRequest(message)) return await this.#request(member, message);
    if (isResponse(message)) {
      const id = message.id as RequestId;
      // Only who was asked may answer.
      if (this.#asked.get(id) !== member) return;
      this.#asked.delete(id);
    } else if (!this.#concernsServer(member, message)) return;
    await this.#options.channel.send(message);
  }

  async leave(member: Member, graceSeconds: number | undefined): Promise<void> {
    if (!this.#members.delete(member)) return;
    for (const id of [...member.calls.keys()]) {
      const requestId = this.#calls.abandon(member, id);
      this.#tell("notifications/cancelled", { requestId, reason: "the session has ended" });
    }
    for (const [id, asked] of this.#asked) {
      if (asked !== member) continue;
      this.#asked.delete(id);
      this.#post(errorResponse(id, ERROR_CODES.internal, "The session has ended"));
    }
    const left = this.#subscribers.leave(member);
    this.#levels.delete(member);
    if (this.#members.size === 0) {
      this.#retire();
      return await this.#options.channel.close(graceSeconds);
    }
    for (const uri of left) this.#ask("resources/unsubscribe", { uri });
    this.#syncLevel();
  }

  async #request(member: Member, request: JsonRpcRequest): Promise<void> {
    const { id, method, params } = request;
    const uri = params?.["uri"];
    switch (method) {
      case "logging/setLevel": {
        const undo = this.#levels.set(member, params?.["level"]);
        if (!undo) break;
        this.#level = this.#levels.lowest;
        const loudest = { ...request, params: { ...params, level: this.#level } };
        return await this.#forward(member, loudest, undo);
      }
      case "resources/subscribe":
        if (typeof uri !== "string") break;
        this.#subscribers.add(uri, member);
        return await this.#forward(member, request, () => this.#subscribers.delete(uri, member));
      case "resources/unsubscribe":
        if (typeof uri !== "string" || this.#subscribers.delete(uri, member)) break;
        // Somebody else still wants to hear of it.
        return this.#deliver(member, { jsonrpc: "2.0", id, result: {} });
      default:
    }
    if (!this.#options.isPrivate && method.startsWith("tasks/")) {
      // The server cannot tell whose task it is.
      const refused = "Tasks of a shared server belong to nobody";
      return this.#deliver(member, errorResponse(id, ERROR_CODES.methodNotFound, refused));
    }
    await this.#forward(member, request);
  }

  async #forward(member: Member, request: JsonRpcRequest, undo?: () => void): Promise<void> {
    // Whoever sent it knows it by its own id.
    const meta = metaOf(request);
    const own = meta ? { params: { ...request.params, _meta: { ...meta } } } : {};
    const forwarded = { ...request, ...own };
    this.#calls.add(forwarded, member, undo);
    await this.#options.channel.send(forwarded);
  }

  /** Whether a notification of a client goes on. */
  #concernsServer(member: Member, { method, params }: JsonRpcNotification): boolean {
    if (method === "notifications/initialized") return false; // We said it.
    if (method !== "notifications/cancelled") {
      return this.#options.isPrivate || !ABOUT_CLIENT.has(method);
    }
    const number = this.#calls.abandon(member, params?.["requestId"]);
    if (number === undefined) return false;
    params!["requestId"] = number;
    return true;
  }

  #receive(message: JsonRpcMessage, about: RequestId | undefined): void {
    const known = this.#calls.find(about);
    if (isRequest(message)) this.#question(message, known);
    else if (!isResponse(message)) this.#notify(message, known);
    else if (!this.#own.settle(message)) this.#deliver(this.#calls.settle(message), message);
  }

  #question(request: JsonRpcRequest, known: Address | undefined): void {
    const { id, method } = request;
    if (method === "ping") return this.#post({ jsonrpc: "2.0", id, result: {} });
    const member = known?.member ?? (this.#options.isPrivate ? this.#onlyCaller() : undefined);
    if (!member) {
      const refused = "It cannot be told whose request this belongs to";
      return this.#post(errorResponse(id, ERROR_CODES.methodNotFound, refused));
    }
    this.#asked.set(id, member);
    member.onmessage?.(request, known?.about);
  }

  #notify(notification: JsonRpcNotification, known: Address | undefined): void {
    const { method, params } = notification;
    if (method === "notifications/progress") {
      const address = this.#calls.progress(notification);
      this.#deliver(address?.member, notification, address?.about);
    } else if (LIST_CHANGED.test(method)) {
      this.#spread(this.#members, notification);
    } else if (method === "notifications/resources/updated") {
      this.#spread(this.#subscribers.of(params?.["uri"]), notification);
    } else if (method === "notifications/cancelled") {
      const id = params?.["requestId"] as RequestId;
      const member = this.#asked.get(id);
      this.#asked.delete(id);
      this.#deliver(member, notification);
    } else {
      const member = known?.member ?? this.#onlyCaller() ?? this.#onlyMember();
      const isLog = method === "notifications/message";
      if (!member || (isLog && !this.#levels.wants(member, params?.["level"]))) return;
      this.#deliver(member, notification, known?.about);
    }
  }

  #onlyCaller(): Member | undefined {
    const callers = this.#calls.callers();
    return callers.size === 1
      ? [...callers].find((caller) => this.#members.has(caller))
      : undefined;
  }

  /** Of a server that nobody else has ever used, or only the same principal. */
  #onlyMember(): Member | undefined {
    if (!this.#options.isPrivate || this.#calls.callers().size > 0) return undefined;
    return this.#members.size === 1 ? [...this.#members][0] : undefined;
  }

  /** A copy for each: whoever gets it may change it. */
  #spread(members: Iterable<Member>, notification: JsonRpcNotification): void {
    for (const member of [...members]) {
      this.#deliver(member, structuredClone(notification));
    }
  }

  #deliver(member: Member | undefined, message: JsonRpcMessage, about?: RequestId): void {
    if (member && this.#members.has(member)) member.onmessage?.(message, about);
  }

  /** Tell the server when what the sessions want of its log is something else now. */
  #syncLevel(): void {
    const { lowest } = this.#levels;
    if (lowest === undefined || lowest === this.#level) return;
    this.#level = lowest;
    this.#ask("logging/setLevel", { level: lowest });
  }

  /** Whatever the answer is. */
  #ask(method: string, params: { [member: string]: unknown }): void {
    this.#own.ask({ jsonrpc: "2.0", method, params }).catch(() => undefined);
  }

  #tell(method: string, params?: { [member: string]: unknown }): void {
    this.#post({ jsonrpc: "2.0", method, ...(params && { params }) });
  }

  /** A channel that has ended tells so by `onclose`. */
  #post(message: JsonRpcMessage): void {
    this.#options.channel.send(message).catch(() => undefined);
  }

  #retire(): void {
    this.#isRetired = true;
    this.#options.onRetire();
  }
}
