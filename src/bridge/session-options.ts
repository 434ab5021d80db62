/**
 * What an MCP session is made of.
 */
import type { AuthInfo } from "../auth-info.ts";
import type { Clock } from "../clock.ts";
import type { JsonRpcMessage } from "../mcp/json-rpc.ts";
import type { Channel } from "./service/service.ts";

/** What servers have lists of. */
export type ListKind = "tools" | "prompts" | "resources";

export interface SessionOptions {
  /** The `Mcp-Session-Id`. */
  readonly id: string;
  readonly service: string;
  readonly auth: AuthInfo;
  readonly channel: Channel & { readonly pid?: number | undefined };
  readonly clock: Clock;
  /** Result of the server's `initialize`. */
  readonly protocolVersion: string;
  /** Lists of which the server said that it would tell of changes. */
  readonly announces?: ReadonlySet<ListKind>;
  /** Seconds without a sign of life after which a call is given up. */
  readonly timeout: number;
  /** `params` of the client's. */
  readonly introduction: { readonly [member: string]: unknown };
  /** Told of messages after which the session is not what it was (session-memory.ts), before they are sent. */
  readonly onRemarkable?: ((message: JsonRpcMessage) => void) | undefined;
  /** Of a session that has lived before, in seconds since the epoch. */
  readonly openedAt?: number | undefined;
  /** Number of its first stream, so that events of its life before are not taken for those of this one. */
  readonly firstStream?: number | undefined;
  /** Called once when the session is over. @param hasCrashed its server ended, and nobody here wanted that */
  readonly onEnd: (reason: string, hasCrashed: boolean) => void;
}
