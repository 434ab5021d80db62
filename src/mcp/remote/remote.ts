/**
 * What all channels to one server elsewhere have in common.
 */
import type { Clock } from "../../clock.ts";
import type { RemoteFailure } from "./remote-failure.ts";
import type { HttpSender } from "./remote-http.ts";
import type { ToolHeaders } from "./tool-headers.ts";

export interface Remote {
  /** Of the service. */
  readonly name: string;
  readonly http: HttpSender;
  readonly clock: Clock;
  /** Seconds without a sign of life after which a request is given up. */
  readonly timeout: number;
  readonly tools: ToolHeaders;
  /** It answered as MCP has it. */
  succeeded(): void;
  failed(failure: RemoteFailure): void;
  /** `failure` as clients and operators read it, the service named, secrets filtered. */
  explain(failure: RemoteFailure): string;
  /** JSON without our own credentials, which a server may have put into an error. */
  readonly scrub?: (json: string) => string;
}
