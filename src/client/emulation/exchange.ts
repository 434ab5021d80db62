/**
 * A request and its answer.
 */
import type { IncomingHttpHeaders } from "node:http";

export interface Sent {
  method: "GET" | "HEAD" | "POST" | "DELETE" | "OPTIONS";
  url: URL;
  headers: Readonly<Record<string, string>>;
  body?: string;
}

export interface Answer {
  url: URL;
  status: number;
  /** Lower-case names. */
  headers: IncomingHttpHeaders;
  text: string;
  /** Until the whole answer was there. */
  seconds: number;
}
