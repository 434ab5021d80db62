/**
 * Sessions that outlive this process: who is remembered, and how a remembered session comes to life in a fresh server.
 */
import { principalOf, type AuthInfo } from "../auth-info.ts";
import type { Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { BridgeCall } from "./call.ts";
import {
  isResponse,
  type JsonRpcMessage,
  type JsonRpcRequest,
  type JsonRpcResponse,
} from "../mcp/json-rpc.ts";
import {
  afterMessage,
  digestOfAnswer,
  digestOfConfiguration,
  type RememberedSession,
  type SessionMemory,
} from "./session-memory.ts";
import type { Channel, Service } from "./service/service.ts";

const LONGEST = 16_384; // characters; a session that takes more to remember is not worth it
const ANSWER_TIMEOUT = 10; // seconds
/**
 * Seconds for which a session whose server died is remembered, though nobody may have it: when a machine stops, servers
 * are ended at the same moment as their gateway, and that must not look as if they had failed.
 */
const DOUBT = 3;

export interface RevivalOptions {
  readonly memory: SessionMemory | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export class Revival {
  readonly #options: RevivalOptions;
  /** Of sessions that are alive here. */
  readonly #remembered = new Map<string, RememberedSession>();
  /** Over for good, though the memory may not have noticed yet. */
  readonly #over = new Set<string>();
  #isClosing = false;

  constructor(options: RevivalOptions) {
    this.#options = options;
  }

  /** A session has begun. @param answer result of its server's `initialize` */
  begin(
    id: string,
    service: Service,
    auth: AuthInfo,
    introduction: RememberedSession["introduction"],
    answer: unknown,
  ): void {
    const { subject, clientId, grantId, resource } = auth;
    if (!this.#options.memory || !mayRevive(service)) return;
    this.#save(id, {
      service: service.name,
      configuration: digestOfConfiguration(service.config),
      subject,
      clientId,
      grantId,
      resource,
      introduction,
      answer: digestOfAnswer(answer),
      subscriptions: [],
      openedAt: this.#options.clock.now(),
    });
  }

  /** It goes on. */
  resume(id: string, session: RememberedSession): void {
    this.#save(id, session);
  }

  /** Its client has said something that changes it. */
  note(id: string, message: JsonRpcMessage): void {
    const session = this.#remembered.get(id);
    if (session) this.#save(id, afterMessage(session, message));
  }

  /** It is over. @param hasCrashed nobody here wanted that */
  async end(id: string, hasCrashed = false): Promise<void> {
    const { memory, clock } = this.#options;
    this.#remembered.delete(id);
    if (!memory || this.#isClosing) return;
    this.#over.add(id);
    if (hasCrashed) await new Promise<void>((resolve) => clock.after(DOUBT, resolve));
    if (!this.#isClosing) await this.#try(memory.forget(id));
    this.#over.delete(id);
  }

  /** What there was before this process, or another replica that is gone; only for the one whose it was. */
  async claim(
    id: string,
    call: BridgeCall,
    service: Service,
  ): Promise<RememberedSession | undefined> {
    const { memory } = this.#options;
    if (!memory || this.#isClosing || this.#over.has(id) || !mayRevive(service)) return undefined;
    const principal = principalOf(call.auth);
    return await this.#try(
      memory.claim(
        id,
        ({ service: name, configuration, ...owner }) =>
          name === service.name &&
          configuration === digestOfConfiguration(service.config) &&
          principalOf({ ...call.auth, ...owner }) === principal,
      ),
    );
  }

  /** What lives now goes on elsewhere. */
  close(): void {
    this.#isClosing = true;
  }

  #save(id: string, session: RememberedSession): void {
    const { memory } = this.#options;
    this.#remembered.set(id, session);
    if (JSON.stringify(session).length <= LONGEST) return void this.#try(memory!.save(id, session));
    this.#remembered.delete(id);
    void this.#try(memory!.forget(id));
  }

  /** A session is not worth less today because it may not be remembered tomorrow. */
  async #try<T>(attempt: Promise<T>): Promise<T | undefined> {
    try {
      return await attempt;
    } catch (error) {
      this.#options.log.warn({ reason: messageOf(error) }, "sessions cannot be remembered");
      return undefined;
    }
  }
}

/** Servers elsewhere keep sessions of their own, and a server that others still use was never gone for them. */
function mayRevive({ config }: Service): boolean {
  return "command" in config && config.revive && config.isolation !== "shared";
}

/**
 * Say to a fresh server what the client said to the one before, besides `initialize`.
 * @param early takes what it says unasked meanwhile
 * @throws when it ends, or does not answer in time; an error as its answer is its own affair
 */
export async function replay(
  channel: Channel,
  { logLevel, subscriptions }: RememberedSession,
  early: JsonRpcMessage[],
  clock: Clock,
): Promise<void> {
  const said: [string, object][] = subscriptions.map((uri) => ["resources/subscribe", { uri }]);
  if (logLevel !== undefined) said.unshift(["logging/setLevel", { level: logLevel }]);
  await channel.send({ jsonrpc: "2.0", method: "notifications/initialized" });
  for (const [index, [method, params]] of said.entries()) {
    const request = { jsonrpc: "2.0", id: `again-${index}`, method, params } as JsonRpcRequest;
    await ask(channel, request, early, clock);
  }
}

function ask(
  channel: Channel,
  request: JsonRpcRequest,
  early: JsonRpcMessage[],
  clock: Clock,
): Promise<JsonRpcResponse> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ANSWER_TIMEOUT, () =>
      reject(new Error(`no answer to ${request.method} within ${ANSWER_TIMEOUT} seconds`)),
    );
    channel.onmessage = (message) => {
      if (!isResponse(message) || message.id !== request.id) early.push(message);
      else {
        cancel();
        resolve(message);
      }
    };
    channel.onclose = (reason) => {
      cancel();
      reject(new Error(reason));
    };
    channel.send(request).catch(reject);
  });
}
