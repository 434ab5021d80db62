/**
 * A server that does only what a test says: what it was sent is there to look at, and it says what it is told to.
 */
import type { JsonRpcMessage, RequestId } from "../../src/mcp/json-rpc.ts";
import type { Channel } from "../../src/bridge/service/service.ts";
import type { Wire } from "./mcp-session.ts";

export class ScriptedChannel implements Channel {
  onmessage?: (message: JsonRpcMessage, about?: RequestId) => void;
  onclose?: (reason: string) => void;
  /** Every message it was sent, oldest first. */
  readonly received: Wire[] = [];
  isStarted = false;
  isClosed = false;

  start(): Promise<void> {
    this.isStarted = true;
    return Promise.resolve();
  }

  send(message: JsonRpcMessage): Promise<void> {
    if (this.isClosed) return Promise.reject(new Error("it has ended"));
    this.received.push(structuredClone(message));
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.end("closed");
    return Promise.resolve();
  }

  /** Its own doing, or that of whoever closed it. */
  end(reason: string): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.onclose?.(reason);
  }

  /** The newest message it was sent. */
  get last(): Wire {
    return this.received.at(-1);
  }

  say(message: object): void {
    this.onmessage?.({ jsonrpc: "2.0", ...message } as JsonRpcMessage);
  }

  /** Answer the newest request, or that with `id`. */
  answer(result: object, id: RequestId = this.last.id): void {
    this.say({ id, result });
  }

  refuse(code: number, message: string, data?: unknown, id: RequestId = this.last.id): void {
    this.say({ id, error: { code, message, ...(data !== undefined && { data }) } });
  }
}
