/**
 * The bridge: how a message reaches a server. The rest of the program knows this interface and nothing behind it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AuthInfo } from "../auth-info.ts";
import type { ServiceHealth } from "./service/service.ts";

export interface Bridge {
  /**
   * Answer one request for an MCP endpoint. The caller is verified and allowed; CORS headers are already set on
   * `response`. Resolves when the response has ended; never rejects because of the client or the server behind.
   */
  handle(request: IncomingMessage, response: ServerResponse, call: BridgeCall): Promise<void>;
  /** What is alive, newest last. */
  sessions(): SessionInfo[];
  /** End MCP sessions and running exchanges that fit. @returns how many */
  end(filter: SessionFilter, reason: string): Promise<number>;
  health(): Record<string, ServiceHealth>;
  /** Refuse new work, end every session and child. @param graceSeconds for each firmer step */
  close(graceSeconds: number): Promise<void>;
}

export interface BridgeCall {
  readonly auth: AuthInfo;
  /** Name of a configured service. */
  readonly service: string;
}

export interface SessionInfo {
  /** Public handle for people and logs; not the `Mcp-Session-Id`, which only its client knows. */
  readonly sessionId: string;
  readonly service: string;
  readonly clientId: string;
  readonly subject: string;
  readonly grantId: string;
  readonly protocolVersion: string;
  /** Name and version the client gave itself; display only. */
  readonly clientInfo?: string;
  /** Seconds since the epoch. */
  readonly openedAt: number;
  readonly lastActiveAt: number;
  readonly pid: number | undefined;
  /** Requests from the client so far. */
  readonly requests: number;
}

/** All given members must fit; at least one is given. */
export interface SessionFilter {
  sessionId?: string;
  clientId?: string;
  subject?: string;
  grantId?: string;
  service?: string;
}
