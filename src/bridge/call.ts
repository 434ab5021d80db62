import type { AuthInfo } from "../auth-info.ts";
import type {
  JsonRpcErrorResponse,
  JsonRpcNotification,
  JsonRpcRequest,
  JsonRpcResponse,
} from "../mcp/json-rpc.ts";

/** What the gateway already knows about a request when the bridge gets it. */
export interface BridgeCall {
  readonly auth: AuthInfo;
  /** Name of a configured service. */
  readonly service: string;
  /**
   * Asked about each message with a method before any of a POST goes anywhere; what it throws, `Bridge.handle` rejects with.
   * @param name `params.name`: the tool or prompt, or whatever stands there
   */
  readonly authorizeMessage?: (method: string, name: unknown) => void;
  /** What the caller may use of the service; without it everything. */
  readonly gate?: Gate;
}

/** Who sent a request, for the rest of its way. */
export type Sender = Pick<BridgeCall, "auth" | "gate">;

/**
 * Decides by the rules in force at the moment it is asked, so that one that was changed counts for whatever is still under way.
 */
export interface Gate {
  /**
   * Asked about each message of a client before it goes to a server. May take out of a message what the caller must not have.
   * @returns what the client is told instead; undefined when it may go on
   */
  refusal(
    message: JsonRpcRequest | JsonRpcNotification,
    era: "legacy" | "modern",
  ): JsonRpcErrorResponse["error"] | undefined;
  /** Take out of the answer to a request with `method` what the caller must not see. */
  filter(method: string, answer: JsonRpcResponse): void;
  /** Whether the client may be told what a server says unasked. */
  mayHear(notification: JsonRpcNotification): boolean;
}
