/**
 * A service: one MCP server behind the gateway, as the configuration names it. `connect` opens a raw JSON-RPC channel to it;
 * nothing is re-serialised through schemas on the way, so unknown methods and members pass unchanged.
 */
import type { AuthInfo } from "../../auth-info.ts";
import type { SandboxTier } from "../../config/permissions.ts";
import type { BridgedServiceConfig } from "../../config/service.ts";
import type { Channel, Era } from "../../mcp/channel.ts";

export type { Channel, Era };

export interface ServiceHealth {
  state: "idle" | "running" | "failing";
  /** Process ids of its children that serve somebody. */
  children: number[];
  /** Process ids of those that were started ahead and wait for somebody. */
  warm?: number[];
  /** How many ended, or could not be started, without being asked to. */
  restarts?: number;
  /** The newest of those ends; secrets filtered. */
  lastExit?: { at: number; reason: string };
  /** Absent while nobody has asked. */
  era?: Era;
  /** What holds its processes to their permissions; absent for a server elsewhere. */
  sandbox?: SandboxTier;
  /** Why it is failing, with the tail of standard error; secrets filtered. */
  reason?: string;
  /** Seconds since the epoch: before this no other child is started. */
  retryAt?: number;
}

/** A line a child wrote besides messages; secrets filtered. */
export interface LogLine {
  /** Counts from 1 while the gateway runs. */
  number: number;
  /** Seconds since the epoch. */
  at: number;
  pid: number;
  stream: "stdout" | "stderr";
  text: string;
}

export interface Service {
  readonly name: string;
  /** Its entry in the configuration. */
  readonly config: BridgedServiceConfig;
  /**
   * Which revisions the server speaks: configured, or found out once and remembered.
   * @param caller with whose credentials it is asked, where it needs some
   */
  era(signal: AbortSignal, caller: AuthInfo): Promise<Era>;
  /**
   * A channel to a server of the caller's own.
   * @param signal gives up waiting; the server is ended
   * @throws ServiceUnavailable while starting another one is pointless
   */
  connect(caller: AuthInfo, signal: AbortSignal): Promise<Channel>;
  health(): ServiceHealth;
  /** What its children wrote last, oldest first; nothing where that cannot be known. */
  log?(): LogLine[];
  /** Another one takes its place: nothing is started ahead any more, channels that are open stay. */
  retire?(): void;
  /** End every channel and forget what was found out; new ones may be opened at once. */
  restart?(graceSeconds: number): Promise<void>;
  /** End every channel. @param graceSeconds between the polite and the impolite signal */
  stop(graceSeconds: number): Promise<void>;
}
