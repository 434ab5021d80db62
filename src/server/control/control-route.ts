/**
 * What a row of the control API is made of.
 */
import type { AuthInfo } from "../../auth-info.ts";
import type { Bridge } from "../../bridge/bridge.ts";
import type { ServerContext } from "../context.ts";

export interface ControlContext extends ServerContext {
  readonly bridge: Bridge;
  readonly version: string;
  /** Seconds since the epoch. */
  readonly startedAt: number;
}

/** What the caller sees as `{ error: { message, hint, code } }`. */
export class ControlFailure extends Error {
  /** HTTP status. */
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;

  constructor(status: number, code: string, message: string, hint?: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

/** Who asks. Whoever may use the socket is the user the gateway runs as, and has no name here. */
export interface ControlCaller {
  readonly door: "local" | "remote";
  /** At the remote door: the person, and through which client. */
  readonly auth?: AuthInfo;
  /** Ends streams: the right they were opened with is gone. */
  readonly signal?: AbortSignal;
}

interface ControlCall {
  readonly caller: ControlCaller;
  /** The last segment of the path, decoded. */
  readonly id: string;
  readonly query: URLSearchParams;
  /** Parsed JSON of a POST. */
  readonly body: unknown;
}

export interface ControlRoute {
  readonly method: "GET" | "POST" | "DELETE";
  /** `/noun` or `/noun/:id`. */
  readonly path: string;
  /** Why it cannot be asked from afar; absent where it can. */
  readonly localOnly?: string;
  handle(context: ControlContext, call: ControlCall): Promise<unknown>;
}
