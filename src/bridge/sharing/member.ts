/**
 * One session's channel to a server that it shares with others. It looks like a channel to a server of its own.
 */
import type { JsonRpcMessage, RequestId } from "../../mcp/json-rpc.ts";
import type { Channel } from "../service/service.ts";

/** The shared server, as its members see it. */
export interface Hub {
  readonly pid: number | undefined;
  send(member: Member, message: JsonRpcMessage): Promise<void>;
  leave(member: Member, graceSeconds: number | undefined): Promise<void>;
}

export class Member implements Channel {
  onmessage?: (message: JsonRpcMessage, about?: RequestId) => void;
  onclose?: (reason: string) => void;
  /** Its ids in flight -> those they travel under. */
  readonly calls = new Map<RequestId, number>();
  readonly #hub: Hub;
  #isClosed = false;

  constructor(hub: Hub) {
    this.#hub = hub;
  }

  get pid(): number | undefined {
    return this.#hub.pid;
  }

  /** It runs already. */
  start(): Promise<void> {
    return Promise.resolve();
  }

  async send(message: JsonRpcMessage): Promise<void> {
    if (this.#isClosed) throw new Error("this session has left the server");
    await this.#hub.send(this, message);
  }

  async close(graceSeconds?: number): Promise<void> {
    await this.#hub.leave(this, graceSeconds);
    this.end("was left");
  }

  /** Over, for whatever reason; told once. */
  end(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.onclose?.(reason);
  }
}
