/**
 * What the bridge itself asks a server. These ids are strings, those of clients' requests numbers, so they never meet.
 */
import type { JsonRpcRequest, JsonRpcResponse } from "../mcp/json-rpc.ts";
import type { Channel } from "./service/service.ts";

interface Waiting {
  resolve(response: JsonRpcResponse): void;
  reject(error: Error): void;
}

export class OwnRequests {
  readonly #channel: Channel;
  readonly #waiting = new Map<string, Waiting>();
  #next = 1;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Rejects when the server ends first. */
  ask(request: Omit<JsonRpcRequest, "id">): Promise<JsonRpcResponse> {
    const id = `gateway-${this.#next++}`;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      const fail = (error: Error): void => {
        this.#waiting.delete(id);
        reject(error);
      };
      this.#channel.send({ ...request, id }).catch(fail);
    });
  }

  /** @returns whether it was ours */
  settle(response: JsonRpcResponse): boolean {
    const waiting = this.#waiting.get(response.id as string);
    if (!waiting) return false;
    this.#waiting.delete(response.id as string);
    waiting.resolve(response);
    return true;
  }

  /** The server has ended. */
  fail(reason: string): void {
    for (const waiting of this.#waiting.values()) waiting.reject(new Error(reason));
    this.#waiting.clear();
  }
}
