/**
 * What has to be remembered of an MCP session so that it can go on in a fresh server after this process has ended: the
 * words that made it, and what its client has asked for since. No call that ran is repeated.
 */
import { withoutRules, type BridgedServiceConfig } from "../config/service.ts";
import { digest } from "../random.ts";
import { asObject, type JsonRpcMessage } from "../mcp/json-rpc.ts";

export interface RememberedSession {
  readonly service: string;
  /** Digest of what the service's configuration says about its server. */
  readonly configuration: string;
  readonly subject: string;
  readonly clientId: string;
  readonly grantId: string;
  /** URI of the endpoint. */
  readonly resource: string;
  /** `params` of the client's `initialize`. */
  readonly introduction: { readonly [member: string]: unknown };
  /** Digest of what the server answered. */
  readonly answer: string;
  /** What the client said last with `logging/setLevel`. */
  readonly logLevel?: string;
  /** URIs. */
  readonly subscriptions: readonly string[];
  /** Seconds since the epoch. */
  readonly openedAt: number;
}

/** Where sessions are remembered. An id is a secret: it is not kept in clear. */
export interface SessionMemory {
  save(id: string, session: RememberedSession): Promise<void>;
  /**
   * A session that nobody serves any more; from now on it is ours.
   * @param isMeant whether it is the one that is looked for; if not, it stays as it is
   */
  claim(
    id: string,
    isMeant: (session: RememberedSession) => boolean,
  ): Promise<RememberedSession | undefined>;
  /** Nobody can have it again. Does nothing to a session that somebody else serves. */
  forget(id: string): Promise<void>;
}

/**
 * How many streams a session can have between two restarts. Each life numbers its streams from the next multiple, by
 * the second in which it begins.
 */
export const STREAMS_OF_A_LIFE = 100_000;

/** Methods after which a session is not what it was. */
export const REMEMBERED_METHODS: ReadonlySet<string> = new Set([
  "logging/setLevel",
  "resources/subscribe",
  "resources/unsubscribe",
]);

/** @returns `session` as it is after a message with one of these methods */
export function afterMessage(
  session: RememberedSession,
  message: JsonRpcMessage,
): RememberedSession {
  if (!("method" in message)) return session;
  const { level, uri } = message.params ?? {};
  if (message.method === "logging/setLevel") {
    return typeof level === "string" ? { ...session, logLevel: level } : session;
  }
  if (typeof uri !== "string") return session;
  const others = session.subscriptions.filter((each) => each !== uri);
  const isNew = message.method === "resources/subscribe";
  return { ...session, subscriptions: isNew ? [...others, uri] : others };
}

/** Another server than before would be a surprise: only what it is made of counts, not how it is looked after. */
export function digestOfConfiguration(config: BridgedServiceConfig): string {
  const { timeout: _timeout, maxSessions: _maxSessions, ...rest } = withoutRules(config);
  if (!("command" in rest)) return digest(JSON.stringify(rest));
  const { warm: _warm, revive: _revive, ...server } = rest;
  return digest(JSON.stringify(server));
}

/** What a client relies on: revision, name, version and abilities. @param result of `initialize` */
export function digestOfAnswer(result: unknown): string {
  const { protocolVersion, serverInfo, capabilities } = asObject(result) ?? {};
  return digest(JSON.stringify([protocolVersion, serverInfo, capabilities]));
}
