/**
 * The bridge: how a message reaches a server. The rest of the program knows this interface and nothing behind it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import { OAuthError } from "../errors.ts";
import type { EventBus } from "../events.ts";
import type { Log } from "../log.ts";
import type { BridgeCall } from "./call.ts";
import { asObject, ERROR_CODES } from "../mcp/json-rpc.ts";
import { asksPeople, credentialsMissing, missing, type CredentialSource } from "./credentials.ts";
import { isModern } from "./modern-headers.ts";
import { ModernServers } from "./modern-servers.ts";
import { Refusal, unavailable } from "./refusal.ts";
import { readJson } from "./request-body.ts";
import type { LogLine, Service, ServiceHealth } from "./service/service.ts";
import { RequestStates, type Secrets } from "./request-states.ts";
import { Revival } from "./revival.ts";
import type { SessionFilter, SessionInfo } from "./session-info.ts";
import type { ListKind } from "./session-options.ts";
import type { SessionMemory } from "./session-memory.ts";
import { ServiceTable } from "./service-table.ts";
import { ServiceUnavailable } from "./service/unavailable.ts";
import { Sessions } from "./sessions.ts";
import { SharedChildren } from "./sharing/shared-children.ts";
import { Slots } from "./slots.ts";
import { StreamableHttp } from "./streamable-http.ts";

export type { Gate } from "./call.ts";
export type { CredentialSource } from "./credentials.ts";
export { createServices } from "./service/index.ts";
export type { Service } from "./service/service.ts";
export { handleOf, type SessionInfo } from "./session-info.ts";
export type { RememberedSession, SessionMemory } from "./session-memory.ts";

export interface Bridge {
  /**
   * Answer one request for an MCP endpoint. The caller is verified and allowed; CORS headers are already set on
   * `response`. Resolves when the response has ended; never rejects because of the client or the server behind, and
   * otherwise only with what `call.authorizeMessage` throws, an OAuthError; then nothing was answered.
   */
  handle(request: IncomingMessage, response: ServerResponse, call: BridgeCall): Promise<void>;
  /** What is alive, newest last. */
  sessions(): SessionInfo[];
  /** End MCP sessions and running exchanges that fit. @returns how many */
  end(filter: SessionFilter, reason: string): Promise<number>;
  health(): Record<string, ServiceHealth>;
  /** What the children of a service wrote last besides messages, oldest first; secrets filtered. */
  log(service: string): LogLine[];
  /** End a service's sessions and children; who comes next gets fresh ones. @returns how many sessions ended */
  restart(service: string, graceSeconds: number): Promise<number>;
  /**
   * Serve these from now on, those that stay the same as the same objects. Sessions of one that is another now go on with
   * the server they have; those of one that is gone end.
   */
  replaceServices(services: ReadonlyMap<string, Service>): Promise<void>;
  /** The gate lets other things through than before: clients that listen to the service may look at these lists again. */
  announce(service: string, kinds: readonly ListKind[]): void;
  /** Refuse new work, end every session and child. @param graceSeconds for each firmer step */
  close(graceSeconds: number): Promise<void>;
}

export interface BridgeOptions {
  readonly services: ReadonlyMap<string, Service>;
  readonly clock: Clock;
  readonly events: EventBus;
  readonly log: Log;
  readonly limits: Config["limits"];
  /** Without it, no session outlives this process. */
  readonly memory?: SessionMemory;
  /** The same for every process that serves the same people; without it, of this process alone. */
  readonly secrets?: Secrets;
  /** Needed where services ask people for credentials. */
  readonly credentials?: CredentialSource;
}

export function createBridge(options: BridgeOptions): Bridge {
  const { clock, events, log, limits, memory } = options;
  const services = new ServiceTable(options.services, clock);
  const slots = new Slots(limits);
  const sharing = new SharedChildren();
  const states = new RequestStates(options.secrets);
  const revival = new Revival({ memory, clock, log });
  const sessions = new Sessions({ clock, events, limits, slots, sharing, revival });
  const modern = new ModernServers({ clock, limits, slots, sharing, states });
  const http = new StreamableHttp(sessions);
  let isClosing = false;

  const answer = async (
    request: IncomingMessage,
    response: ServerResponse,
    given: BridgeCall,
    facts: RequestFacts,
  ): Promise<void> => {
    const service = services.get(given.service);
    if (!service) throw new Refusal(404, ERROR_CODES.invalidRequest, "No such service");
    if (isClosing) {
      const headers = { "retry-after": "5" };
      throw new Refusal(503, ERROR_CODES.server, "The gateway is stopping", { headers });
    }
    const { name } = service;
    const source = asksPeople(service.config) ? options.credentials : undefined;
    const state = await source?.state(name, given.auth.subject);
    const auth = state ? { ...given.auth, credentials: state.version } : given.auth;
    const call = state ? { ...given, auth } : given;
    switch (request.method) {
      case "POST": {
        const body = await readJson(request, limits.requestBody);
        Object.assign(facts, factsOf(body));
        authorizeMessages(call, body);
        const isNew = isModern(request.headers, body);
        const door = isNew ? modern : http;
        const begins = isNew || facts.method === "initialize";
        // Before anything is started, even to find out which revision the server speaks.
        if (state && begins && missing(service.config, state).length > 0) {
          throw credentialsMissing(name, source!.page(name), asObject(body), isNew);
        }
        return await door.post(request, response, call, service, body);
      }
      case "GET":
        return await http.get(request, response, call, service);
      case "DELETE":
        return await http.delete(request, response, call, service);
      default:
        throw new Refusal(405, ERROR_CODES.invalidRequest, "Use POST, GET or DELETE", {
          headers: { allow: "GET, POST, DELETE" },
        });
    }
  };

  const end = async (filter: SessionFilter, reason: string): Promise<number> => {
    const counts = await Promise.all([sessions.end(filter, reason), modern.end(filter, reason)]);
    return counts[0] + counts[1];
  };

  return {
    async handle(request, response, call) {
      const startedAt = clock.now();
      const facts: RequestFacts = {};
      if (response.destroyed) return;
      const ended = new Promise<void>((resolve) => response.once("close", resolve));
      try {
        await answer(request, response, call, facts);
      } catch (error) {
        // Not ours to answer: the caller knows who must be told what.
        if (error instanceof OAuthError) throw error;
        if (error instanceof Refusal) error.write(response);
        else if (error instanceof ServiceUnavailable) unavailable(error, undefined).write(response);
        else if (!request.destroyed || request.complete) {
          log.error({ err: error, service: call.service }, "the bridge failed");
          new Refusal(500, ERROR_CODES.internal, "Internal error").write(response);
        }
        if (!response.writableEnded) response.destroy();
      }
      await ended;
      const { clientId, subject } = call.auth;
      const at = clock.now();
      const status = response.headersSent ? response.statusCode : CLIENT_LEFT;
      const { service } = call;
      events.publish({
        type: "request.finished",
        at,
        service,
        clientId,
        subject,
        ...facts,
        status,
        seconds: at - startedAt,
      });
    },
    sessions: () => [...sessions.list(), ...modern.list()],
    end,
    health: () => services.health(),
    async replaceServices(next) {
      const { removed, changed } = services.replace(next);
      for (const service of changed) modern.retire(service, "the service was changed");
      const counts = removed.map((service) => end({ service }, "the service was removed"));
      await Promise.all(counts);
    },
    announce(service, kinds) {
      sessions.announce(service, kinds);
      modern.announce(service, kinds);
    },
    async restart(service, graceSeconds) {
      const ended = await end({ service }, "the service was restarted");
      await services.get(service)?.restart?.(graceSeconds);
      return ended;
    },
    log: (service) => services.get(service)?.log?.() ?? [],
    async close(graceSeconds) {
      isClosing = true;
      const reason = "the gateway is stopping";
      await Promise.all([sessions.close(reason, graceSeconds), modern.close(reason, graceSeconds)]);
      await services.stop(graceSeconds);
    },
  };
}

/** Every message of a batch, too. What has no method asks for nothing. */
function authorizeMessages({ authorizeMessage }: BridgeCall, body: unknown): void {
  if (!authorizeMessage) return;
  for (const entry of Array.isArray(body) ? (body as unknown[]) : [body]) {
    const message = asObject(entry);
    if (typeof message?.["method"] !== "string") continue;
    authorizeMessage(message["method"], asObject(message["params"])?.["name"]);
  }
}

/** Status for the log when the client left before it got one, as nginx has it. */
const CLIENT_LEFT = 499;

interface RequestFacts {
  method?: string;
  target?: string;
}

/** What the message asks for, for the audit log. */
function factsOf(body: unknown): RequestFacts {
  const message = asObject(body);
  if (typeof message?.["method"] !== "string") return {};
  const params = asObject(message["params"]);
  const target = params?.["name"] ?? params?.["uri"];
  return {
    method: message["method"].slice(0, MAX_FACT),
    ...(typeof target === "string" ? { target: target.slice(0, MAX_FACT) } : {}),
  };
}

const MAX_FACT = 200; // characters
