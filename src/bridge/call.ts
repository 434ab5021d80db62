import type { AuthInfo } from "../auth-info.ts";

/** What the gateway already knows about a request when the bridge gets it. */
export interface BridgeCall {
  readonly auth: AuthInfo;
  /** Name of a configured service. */
  readonly service: string;
}
