import type { AuthInfo } from "../auth-info.ts";

/** What the gateway already knows about a request when the bridge gets it. */
export interface BridgeCall {
  readonly auth: AuthInfo;
  /** Name of a configured service. */
  readonly service: string;
  /**
   * Asked about each message with a method before any of a POST goes anywhere; what it throws, `Bridge.handle` rejects with.
   * @param name `params.name`: the tool or prompt, or whatever stands there
   */
  readonly authorizeMessage?: (method: string, name: unknown) => void;
}
