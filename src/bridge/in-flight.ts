/**
 * Requests a server has not answered yet. Each travels under a number of ours, so that two clients that both count from
 * one never meet; its progress token is replaced by the same number. Both come back exactly as they were, type included.
 */
import { formatDuration } from "../duration.ts";
import {
  metaOf,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type RequestId,
} from "../mcp/json-rpc.ts";

export interface Pending<Owner> {
  /** The client's own. */
  readonly id: RequestId;
  readonly method: string;
  readonly progressToken: unknown;
  readonly owner: Owner;
  /** When a look first found it. */
  seenAt?: number;
  /** When a look last found that something had happened. */
  movedAt?: number;
  /** Whether something has happened since the last look. */
  hasMoved?: boolean;
}

/** Seconds. */
export interface CallLimits {
  /** Without a sign of life. */
  readonly timeout: number;
  /** In any case. */
  readonly requestLifetime: number;
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
    const { id, method } = request;
    this.#pending.set(number, { id, method, progressToken, owner });
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

  /**
   * Those that have run for too long, as far as looks from time to time can tell: nothing is measured while messages pass,
   * so a call may live one or two looks longer than it should.
   * @param isPaused nobody can expect a sign of life at the moment
   * @returns number, call, and what is wrong with it in words that follow "the server"
   */
  overdue(
    now: number,
    { timeout, requestLifetime }: CallLimits,
    isPaused: boolean,
  ): [number, Pending<Owner>, string][] {
    const found: [number, Pending<Owner>, string][] = [];
    for (const [number, pending] of this.#pending) {
      pending.seenAt ??= now;
      if (pending.movedAt === undefined || pending.hasMoved || isPaused) pending.movedAt = now;
      pending.hasMoved = false;
      if (now - pending.seenAt >= requestLifetime) {
        found.push([number, pending, `did not finish within ${formatDuration(requestLifetime)}`]);
      } else if (now - pending.movedAt >= timeout) {
        found.push([number, pending, `showed no progress for ${formatDuration(timeout)}`]);
      }
    }
    return found;
  }

  /** Put the client's token into a `notifications/progress`. @returns undefined when nobody waits for it */
  progress(notification: JsonRpcNotification): Pending<Owner> | undefined {
    const pending = this.get(notification.params?.["progressToken"]);
    if (!pending) return undefined;
    pending.hasMoved = true;
    if (pending.progressToken === undefined) return undefined;
    notification.params!["progressToken"] = pending.progressToken;
    return pending;
  }
}
