/**
 * What a row of the control API is made of.
 */
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

interface ControlCall {
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
  handle(context: ControlContext, call: ControlCall): Promise<unknown>;
}
