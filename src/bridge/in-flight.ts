/**
 * Requests a server has not answered yet. Each travels under a number of ours, so that two clients that both count from
 * one never meet; its progress token is replaced by the same number. Both come back exactly as they were, type included.
 */
import {
  metaOf,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type RequestId,
} from "./json-rpc.ts";

export interface Pending<Owner> {
  /** The client's own. */
  readonly id: RequestId;
  readonly progressToken: unknown;
  readonly owner: Owner;
}

export class InFlight<Owner> {
  #next = 1;
  readonly #pending = new Map<number, Pending<Owner>>();

  get size(): number {
    return this.#pending.size;
  }

  /** In the order they came. */
  values(): IterableIterator<Pending<Owner>> {
    return this.#pending.values();
  }

  /** By our number. */
  entries(): IterableIterator<[number, Pending<Owner>]> {
    return this.#pending.entries();
  }

  /** Note `request` and put our number in it. @returns the number */
  add(request: JsonRpcRequest, owner: Owner): number {
    const number = this.#next++;
    const meta = metaOf(request);
    const progressToken = meta?.["progressToken"];
    this.#pending.set(number, { id: request.id, progressToken, owner });
    request.id = number;
    if (meta && progressToken !== undefined) meta["progressToken"] = number;
    return number;
  }

  /** What runs under our `number`, if it still does. */
  get(number: unknown): Pending<Owner> | undefined {
    return this.#pending.get(number as number);
  }

  /** Forget it; a late answer finds nobody. */
  remove(number: number): Pending<Owner> | undefined {
    const pending = this.#pending.get(number);
    this.#pending.delete(number);
    return pending;
  }

  /** Put the client's id into `response`. @returns undefined when nobody waits for it */
  settle(response: JsonRpcResponse): Pending<Owner> | undefined {
    const pending = this.#pending.get(response.id as number);
    if (!pending) return undefined;
    this.#pending.delete(response.id as number);
    response.id = pending.id;
    return pending;
  }

  /** Put the client's token into a `notifications/progress`. @returns undefined when nobody waits for it */
  progress(notification: JsonRpcNotification): Pending<Owner> | undefined {
    const pending = this.get(notification.params?.["progressToken"]);
    if (!pending || pending.progressToken === undefined) return undefined;
    notification.params!["progressToken"] = pending.progressToken;
    return pending;
  }
}
