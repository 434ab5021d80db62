/**
 * What the control API says about the MCP servers behind the gateway. Times are seconds since the epoch.
 */
import type { SandboxTier } from "../config/permissions.ts";

export interface ServiceStatus {
  service: string;
  /** What was found out, else as configured. */
  era: "auto" | "legacy" | "modern" | "dual";
  /** Absent where the reverse proxy forwards by itself. */
  isolation?: "session" | "user" | "shared";
  /** Resource URIs: the MCP endpoints a client can be pointed at. */
  urls: string[];
  /** forwarded: the reverse proxy speaks to it, and the gateway does not know how it is. */
  state: "idle" | "running" | "failing" | "forwarded";
  /** Process ids. */
  children: number[];
  /** Those of processes that wait for their first client. */
  warm?: number[];
  /** Bytes that they and whatever they started occupy; absent where the system does not tell. */
  memory?: number;
  /** How many ended unasked since the gateway started. */
  restarts?: number;
  lastExit?: { at: number; reason: string };
  /** What holds them to their permissions; absent for a server elsewhere. */
  sandbox?: SandboxTier;
  /** What may be used of it, one sentence for each set of rules; absent where there are none. */
  rules?: string[];
  /** Places below the service in the configuration that allow what is denied. */
  neverUsed?: string[];
  reason?: string;
  /** Before this it is not tried again. */
  retryAt?: number;
}

/** A line a service's children wrote besides messages; secrets filtered. */
export interface ServiceLogLine {
  /** Counts from 1 while the gateway runs. */
  number: number;
  at: number;
  pid: number;
  stream: "stdout" | "stderr";
  text: string;
}

export interface RestartedService {
  service: string;
  /** How many ended with it. */
  sessions: number;
  children: number;
}
