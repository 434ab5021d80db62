import type { JsonRpcMessage, RequestId } from "./json-rpc.ts";

/** MCP revisions a server speaks: with `initialize` (up to 2025-11-25), per request (2026-07-28 and later), or both. */
export type Era = "legacy" | "modern" | "dual";

/**
 * A channel to one running server. The names are those of the MCP SDK's `Transport`; the values are plain JSON-RPC.
 * Handlers are set before `start`.
 */
export interface Channel {
  /** @throws when the server cannot be started; the message says what was tried */
  start(): Promise<void>;
  /** Resolves when the message is handed over and there is room for the next (back-pressure). Rejects when closed. */
  send(message: JsonRpcMessage): Promise<void>;
  /** Ends the server politely, then firmly. Resolves when it is gone. @param graceSeconds before each firmer step */
  close(graceSeconds?: number): Promise<void>;
  /** @param about the id of the request it belongs to, where that is known besides what the message itself says */
  onmessage?: (message: JsonRpcMessage, about?: RequestId) => void;
  /** Called once, for whatever reason the channel ended. */
  onclose?: (reason: string) => void;
}
