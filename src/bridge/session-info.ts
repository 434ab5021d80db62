/**
 * What others may know about an MCP session.
 */
import { digest } from "../random.ts";
import { asObject } from "../mcp/json-rpc.ts";

export interface SessionInfo {
  /** Public handle for people and logs; not the `Mcp-Session-Id`, which only its client knows. */
  readonly sessionId: string;
  readonly service: string;
  /** modern: the server of one person and client; there are no sessions in those revisions. */
  readonly era: "legacy" | "modern";
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

/** What people may see of an `Mcp-Session-Id`. It begins as ids of random.ts do, for the sake of command lines. */
export function handleOf(id: string): string {
  return digest(id)
    .replace(/^[-_]+/, "")
    .slice(0, HANDLE_LENGTH);
}

const HANDLE_LENGTH = 12; // characters

/** All given members must fit; at least one is given. */
export interface SessionFilter {
  sessionId?: string;
  clientId?: string;
  subject?: string;
  grantId?: string;
  service?: string;
}

/** Whether everything the filter names is so of `candidate`; an empty filter fits nothing. */
export function fits(filter: SessionFilter, candidate: SessionFilter): boolean {
  const wanted = Object.entries(filter).filter(([, value]) => value !== undefined);
  return (
    wanted.length > 0 &&
    wanted.every(([member, value]) => candidate[member as keyof SessionFilter] === value)
  );
}

/** Display only, so a client may not fill the screen with it. */
export function describeClient(clientInfo: unknown): string | undefined {
  const info = asObject(clientInfo);
  const text = [info?.["name"], info?.["version"]]
    .filter((part) => typeof part === "string")
    .join(" ");
  return text === "" ? undefined : text.slice(0, 100);
}
