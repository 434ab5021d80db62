/**
 * Modern requests: checked, and carried to a server of the caller's own. One process for one principal of one service,
 * unless the service is shared: what a process remembers of one person must not reach another.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../clock.ts";
import { randomId } from "../random.ts";
import type { Config } from "../config.ts";
import type { BridgeCall } from "./call.ts";
import { ERROR_CODES, isRequest, type JsonRpcRequest } from "../mcp/json-rpc.ts";
import { Looks } from "./looks.ts";
import { readModern } from "./modern-headers.ts";
import { ModernServer } from "./modern-server.ts";
import type { RequestStates } from "./request-states.ts";
import { Refusal, unavailable } from "./refusal.ts";
import type { Service } from "./service/service.ts";
import { ServiceUnavailable } from "./service/unavailable.ts";
import { fits, handleOf, type SessionFilter, type SessionInfo } from "./session-info.ts";
import type { ListKind } from "./session-options.ts";
import { ownerOf } from "./sharing/owner-of.ts";
import type { SharedChildren } from "./sharing/shared-children.ts";
import type { Slots } from "./slots.ts";
import { ModernTranslation } from "./translate/modern-translation.ts";

/** Methods of older revisions that this one took away; whatever the server would say, they do not exist. */
const REMOVED = new Set([
  "initialize",
  "ping",
  "logging/setLevel",
  "resources/subscribe",
  "resources/unsubscribe",
]);

const NOTHING = { "content-length": 0 };

/** Who answers: a server of this revision, or one of older revisions through a translation. */
type Server = ModernServer | ModernTranslation;

interface Entry {
  readonly service: string;
  /** @see SessionInfo.sessionId */
  readonly sessionId: string;
  /** Seconds a request may take without a sign of life. */
  readonly timeout: number;
  readonly isShared: boolean;
  readonly opened: Promise<Server>;
  /** Once it is open. */
  server?: Server;
}

export interface ModernServersOptions {
  readonly clock: Clock;
  readonly limits: Config["limits"];
  readonly slots: Slots;
  readonly sharing: SharedChildren;
  readonly states: RequestStates;
}

export class ModernServers {
  readonly #options: ModernServersOptions;
  /** Who gets the next request, by service and owner. */
  readonly #servers = new Map<string, Entry>();
  /** Besides these also servers that take nothing new. */
  readonly #alive = new Set<Entry>();
  readonly #looks: Looks;

  constructor(options: ModernServersOptions) {
    this.#options = options;
    this.#looks = new Looks(options.clock, options.limits, () => {
      this.#look();
      return this.#alive.size > 0;
    });
  }

  /** @param body parsed JSON of a POST with a modern envelope or header */
  async post(
    request: IncomingMessage,
    response: ServerResponse,
    call: BridgeCall,
    service: Service,
    body: unknown,
  ): Promise<void> {
    const message = readModern(request, body);
    const id = isRequest(message) ? message.id : undefined;
    if (REMOVED.has(message.method)) {
      throw new Refusal(404, ERROR_CODES.methodNotFound, `${message.method} was removed`, { id });
    }
    if (service.config.isolation === "shared" && message.method.startsWith("tasks/")) {
      const reason = "Tasks of a shared server belong to nobody";
      throw new Refusal(404, ERROR_CODES.methodNotFound, reason, { id });
    }
    const refused = call.gate?.refusal(message, "modern");
    if (refused && !isRequest(message)) return void response.writeHead(202, NOTHING).end();
    if (refused) {
      const status = refused.code === ERROR_CODES.methodNotFound ? 404 : 200;
      throw new Refusal(status, refused.code, refused.message, { id, data: refused.data });
    }
    const gone = new AbortController();
    response.once("close", () => {
      if (!response.writableFinished) gone.abort(); // making the reason of an abort is dear
    });
    const isOld = (await service.era(gone.signal, call.auth)) === "legacy";
    const keeper = isRequest(message) ? this.#keeperOf(message, call) : undefined;
    const server = keeper ?? (await this.#serverFor(call, service, id, isOld));
    if (response.destroyed) return;
    if (isRequest(message)) {
      await server.checkHeaders(request, message);
      if (response.destroyed) return;
      return await server.call(message, response, call);
    }
    await server.notify(message);
    response.writeHead(202, NOTHING).end();
  }

  /** Those that somebody uses or may use again. */
  list(): SessionInfo[] {
    return Array.from(this.#alive).flatMap(({ server, service, sessionId, isShared }) => {
      if (!server) return [];
      const { clientId, grantId } = server.auth;
      const subject = isShared ? "everybody" : server.auth.subject;
      const facts = { sessionId, service, era: "modern" as const, clientId, subject, grantId };
      return [{ ...facts, ...server.info() }];
    });
  }

  /** Who comes from now on gets another server; what runs may end where it is. */
  retire(service: string, reason: string): void {
    for (const [key, entry] of this.#servers) {
      if (entry.service !== service) continue;
      this.#servers.delete(key);
      entry.opened.then((server) => server.retire(reason)).catch(() => undefined);
    }
  }

  /** @see Exchange.announce */
  announce(service: string, kinds: readonly ListKind[]): void {
    for (const entry of this.#alive) {
      if (entry.service === service) for (const kind of kinds) entry.server?.announce(kind);
    }
  }

  /** @returns how many requests ended */
  async end(filter: SessionFilter, reason: string): Promise<number> {
    let count = 0;
    // Who comes while these end is not meant.
    for (const { service, sessionId, isShared, opened } of [...this.#alive]) {
      const server = await opened.catch(() => undefined);
      if (!server) continue;
      const isMeant = ({ clientId, subject, grantId }: BridgeCall["auth"]): boolean =>
        fits(filter, { sessionId, clientId, subject, grantId, service });
      count += server.end(isMeant, reason);
      // A shared one is of no person: it goes only when the service is meant.
      const isOver = isShared ? fits(filter, { service, sessionId }) : isMeant(server.auth);
      if (isOver && server.idleSince !== undefined) void server.close(reason);
    }
    return count;
  }

  async close(reason: string, graceSeconds: number): Promise<void> {
    this.#looks.stop();
    await Promise.all(
      Array.from(this.#alive, async ({ opened }) => {
        const server = await opened.catch(() => undefined);
        await server?.close(reason, graceSeconds);
      }),
    );
  }

  async #serverFor(
    call: BridgeCall,
    service: Service,
    id: JsonRpcRequest["id"] | undefined,
    isOld: boolean,
  ): Promise<Server> {
    const key = JSON.stringify([service.name, ownerOf(service, call.auth), isOld]);
    const { isolation, timeout } = service.config;
    const isShared = isolation === "shared";
    let entry = this.#servers.get(key);
    const retire = (): void => {
      if (this.#servers.get(key) === entry) this.#servers.delete(key);
    };
    if (!entry && isOld) {
      const opened = Promise.resolve(this.#translate(call, service, () => retire()));
      entry = this.#add(key, { service: service.name, timeout, isShared, opened });
    }
    if (!entry) {
      // What belongs to everybody is no one person's session.
      const subject = isShared ? `everybody at ${service.name}` : call.auth.subject;
      const giveBack = this.#options.slots.take(subject, id, service);
      const opened = this.#open(call, service, () => retire(), giveBack);
      entry = this.#add(key, { service: service.name, timeout, isShared, opened });
      entry.opened.catch(() => {
        retire();
        giveBack();
      });
    }
    this.#looks.begin(timeout);
    try {
      return await entry.opened;
    } catch (error) {
      throw this.#outage(error, service, id);
    }
  }

  #add(key: string, members: Omit<Entry, "sessionId">): Entry {
    const entry: Entry = { ...members, sessionId: handleOf(randomId()) };
    this.#servers.set(key, entry);
    this.#alive.add(entry);
    const remove = (): boolean => this.#alive.delete(entry);
    entry.opened
      .then((server) => {
        entry.server = server;
        void server.closed.then(remove);
      })
      .catch(remove);
    return entry;
  }

  /** Where the call waits that this continues: the service may have been replaced since. */
  #keeperOf(message: JsonRpcRequest, call: BridgeCall): Server | undefined {
    if (message.params?.["requestState"] === undefined) return undefined;
    for (const { server } of this.#alive) {
      if (server instanceof ModernTranslation && server.keeps(message, call.auth)) return server;
    }
    return undefined;
  }

  #outage(error: unknown, service: Service, id: JsonRpcRequest["id"] | undefined): Refusal {
    if (error instanceof Refusal) return error;
    const { reason = (error as Error).message, retryAt = 0 } = service.health();
    const wait = retryAt - this.#options.clock.now();
    const outage =
      error instanceof ServiceUnavailable ? error : new ServiceUnavailable(reason, wait);
    return unavailable(outage, id, ERROR_CODES.internal);
  }

  /** Takes no slot: its children do. */
  #translate(call: BridgeCall, service: Service, onRetire: () => void): ModernTranslation {
    const { sharing, clock, limits } = this.#options;
    return new ModernTranslation({
      ...this.#options,
      service: sharing.viewOf(service, { clock, pendingInput: limits.pendingInput }),
      auth: call.auth,
      isShared: service.config.isolation === "shared",
      explain: (error, id) => this.#outage(error, service, id),
      onRetire,
    });
  }

  async #open(
    call: BridgeCall,
    service: Service,
    onRetire: () => void,
    onClose: () => void,
  ): Promise<ModernServer> {
    // The server outlives the request it was started for.
    const channel = await service.connect(call.auth, new AbortController().signal);
    const server = new ModernServer(channel, call.auth, this.#options, onRetire);
    void server.closed.then(onClose);
    await channel.start();
    return server;
  }

  #look(): void {
    const { clock, limits } = this.#options;
    for (const { server, timeout } of this.#alive) {
      if (!server) continue;
      server.giveUp({ timeout, requestLifetime: limits.requestLifetime });
      const now = clock.now();
      const { idleSince } = server;
      if (now - server.openedAt >= limits.sessionLifetime) void server.close("lifetime over");
      else if (idleSince !== undefined && now - idleSince >= limits.sessionIdle) {
        void server.close("idle");
      }
    }
  }
}
