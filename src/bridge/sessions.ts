/**
 * All MCP sessions that are alive: who may open one, who may use one, and when one is over.
 */
import { principalOf, type AuthInfo } from "../auth-info.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { EventBus } from "../events.ts";
import type { BridgeCall } from "./call.ts";
import { ERROR_CODES, type JsonRpcRequest, type JsonRpcResponse } from "../mcp/json-rpc.ts";
import { Looks } from "./looks.ts";
import { openSession, type Opening } from "./open-session.ts";
import { Refusal } from "./refusal.ts";
import type { Revival } from "./revival.ts";
import type { Service } from "./service/service.ts";
import { fits, type SessionFilter, type SessionInfo } from "./session-info.ts";
import type { ListKind } from "./session-options.ts";
import type { McpSession } from "./session.ts";
import type { SharedChildren } from "./sharing/shared-children.ts";
import type { Slots } from "./slots.ts";

export interface SessionsOptions {
  readonly clock: Clock;
  readonly events: EventBus;
  readonly limits: Config["limits"];
  readonly slots: Slots;
  readonly sharing: SharedChildren;
  readonly revival: Revival;
}

export class Sessions {
  readonly #options: SessionsOptions;
  readonly #sessions = new Map<string, McpSession>();
  readonly #opening = new Map<AbortController, SessionFilter>();
  /** By id and principal. */
  readonly #reviving = new Map<string, Promise<McpSession | undefined>>();
  readonly #looks: Looks;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#looks = new Looks(options.clock, options.limits, () => this.#look());
  }

  /**
   * @param abort given up when the client goes away
   * @throws Refusal 429 or 503 when there is no room
   */
  async open(
    service: Service,
    auth: AuthInfo,
    request: JsonRpcRequest,
    abort: AbortController,
    recalled?: Opening["recalled"],
  ): Promise<{ answer: JsonRpcResponse; session?: McpSession }> {
    const { clock, events, limits, slots, revival } = this.#options;
    const isMember = service.config.isolation === "shared";
    const giveBack = slots.take(auth.subject, request.id, service, isMember);
    const { subject, clientId, grantId } = auth;
    this.#opening.set(abort, { service: service.name, subject, clientId, grantId });
    const opened = await openSession({
      service,
      auth,
      request,
      clock,
      signal: abort.signal,
      pendingInput: limits.pendingInput,
      sharing: this.#options.sharing,
      recalled,
      onRemarkable: ({ id }, message) => revival.note(id, message),
      onEnd: (session, reason, hasCrashed) => {
        this.#sessions.delete(session.id);
        void revival.end(session.id, hasCrashed);
        // The slot stands for a process, so it is free when that is gone, not before.
        void session.end(reason).then(giveBack);
        const { handle: sessionId, service: name } = session;
        events.publish({
          type: "session.ended",
          at: clock.now(),
          sessionId,
          service: name,
          reason,
        });
      },
    })
      .catch((error: unknown) => {
        giveBack();
        throw error;
      })
      .finally(() => this.#opening.delete(abort));
    const { session } = opened;
    if (!session) {
      giveBack();
      return opened;
    }
    this.#sessions.set(session.id, session);
    const { answer } = opened;
    if (recalled) revival.resume(session.id, { ...recalled.session, grantId: auth.grantId });
    else
      revival.begin(
        session.id,
        service,
        auth,
        request.params ?? {},
        "result" in answer && answer.result,
      );
    this.#looks.begin(service.config.timeout);
    const { handle: sessionId } = session;
    events.publish({
      type: "session.opened",
      at: clock.now(),
      sessionId,
      service: service.name,
      clientId,
      subject,
    });
    if (abort.signal.aborted) await session.end("the client went away");
    return opened;
  }

  /**
   * The caller's own session. Somebody else's is unknown: whoever guesses ids learns nothing.
   * @throws Refusal 400 without an id, 404 when there is no such session
   */
  find(id: string | undefined, call: BridgeCall): McpSession {
    if (id === undefined || id === "") {
      throw new Refusal(400, ERROR_CODES.invalidRequest, "Mcp-Session-Id is missing");
    }
    const session = this.#sessions.get(id);
    const isOwn = session?.principal === principalOf(call.auth) && session.service === call.service;
    if (!session || !isOwn)
      throw new Refusal(404, ERROR_CODES.sessionNotFound, "Session not found");
    if (session.credentials !== call.auth.credentials) {
      void session.end("credentials were changed");
      throw new Refusal(404, ERROR_CODES.sessionNotFound, "Session not found");
    }
    return session;
  }

  /**
   * The caller's own session, brought back to life if it only ended with the process that served it.
   * @throws Refusal as `find` and `open`
   */
  async findOrRevive(
    id: string | undefined,
    call: BridgeCall,
    service: Service,
  ): Promise<McpSession> {
    if (id === undefined || this.#sessions.has(id)) return this.find(id, call);
    const key = JSON.stringify([id, principalOf(call.auth), service.name]);
    let reviving = this.#reviving.get(key);
    if (!reviving) {
      reviving = this.#revive(id, call, service).finally(() => this.#reviving.delete(key));
      this.#reviving.set(key, reviving);
    }
    return (await reviving) ?? this.find(id, call);
  }

  /** What was negotiated, where it is alive here. */
  versionOf(id: string | undefined): string | undefined {
    return this.#sessions.get(id ?? "")?.protocolVersion;
  }

  /** The client wants it no more. @throws Refusal as `find` */
  async forget(id: string | undefined, call: BridgeCall, service: Service): Promise<void> {
    const session = this.#sessions.get(id ?? "");
    if (id === undefined || session) {
      const { id: own } = this.find(id, call);
      // Before the client is told: not even a crash may bring it back.
      const forgotten = this.#options.revival.end(own);
      void session?.end("ended by client");
      return await forgotten;
    }
    const { revival } = this.#options;
    if (!(await revival.claim(id, call, service))) this.find(id, call);
    await revival.end(id);
  }

  async #revive(id: string, call: BridgeCall, service: Service): Promise<McpSession | undefined> {
    const { revival } = this.#options;
    const session = await revival.claim(id, call, service);
    if (!session) return undefined;
    const params = { ...session.introduction };
    const request: JsonRpcRequest = { jsonrpc: "2.0", id: 0, method: "initialize", params };
    const recalled = { id, session };
    const opened = await this.open(service, call.auth, request, new AbortController(), recalled);
    if (!opened.session) await revival.end(id);
    return opened.session;
  }

  list(): SessionInfo[] {
    return Array.from(this.#sessions.values(), (session) => session.info());
  }

  /** @see McpSession.announce */
  announce(service: string, kinds: readonly ListKind[]): void {
    for (const session of this.#sessions.values()) {
      if (session.service === service) for (const kind of kinds) session.announce(kind);
    }
  }

  async end(filter: SessionFilter, reason: string): Promise<number> {
    const ending = [...this.#sessions.values()].filter((session) => fits(filter, session.info()));
    for (const [abort, candidate] of this.#opening) if (fits(filter, candidate)) abort.abort();
    await Promise.all(ending.map((session) => session.end(reason)));
    return ending.length;
  }

  async close(reason: string, graceSeconds: number): Promise<void> {
    this.#looks.stop();
    this.#options.revival.close();
    for (const abort of this.#opening.keys()) abort.abort();
    await Promise.all(
      [...this.#sessions.values()].map((session) => session.end(reason, graceSeconds)),
    );
  }

  #look(): boolean {
    const { clock, limits } = this.#options;
    const now = clock.now();
    for (const session of this.#sessions.values()) {
      const { idleSince } = session;
      if (now - session.openedAt >= limits.sessionLifetime) void session.end("lifetime over");
      else if (idleSince !== undefined && now - idleSince >= limits.sessionIdle)
        void session.end("idle");
      else session.giveUp(limits);
    }
    return this.#sessions.size > 0;
  }
}
