/**
 * The requests of one session that its server has not answered, and the streams they are answered on.
 */
import { InFlight, type CallLimits, type Pending } from "./in-flight.ts";
import {
  ERROR_CODES,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type RequestId,
} from "../mcp/json-rpc.ts";
import { Refusal } from "./refusal.ts";
import type { SessionStream } from "./session-stream.ts";

const MAX_IN_FLIGHT = 256; // requests of one session

export class ClientCalls {
  readonly #inFlight = new InFlight<SessionStream>();
  /** The client's ids in flight -> ours. */
  readonly #numbers = new Map<RequestId, number>();

  values(): IterableIterator<Pending<SessionStream>> {
    return this.#inFlight.values();
  }

  /** @throws Refusal 400 for an id that runs already, 429 when too many do; nothing has been sent then */
  check(requests: readonly JsonRpcRequest[]): void {
    const seen = new Set<RequestId>();
    for (const { id, method } of requests) {
      if (method === "initialize") throw refuse("This session is already initialized", id);
      if (seen.has(id) || this.#numbers.has(id)) {
        throw refuse("A request with this id is still running", id);
      }
      seen.add(id);
    }
    if (this.#inFlight.size + requests.length > MAX_IN_FLIGHT) {
      throw new Refusal(429, ERROR_CODES.server, "Too many requests of this session are running", {
        headers: { "retry-after": "1" },
      });
    }
  }

  /** Note the request and put our number in it. */
  add(request: JsonRpcRequest, stream: SessionStream): void {
    const { id } = request;
    this.#numbers.set(id, this.#inFlight.add(request, stream));
  }

  settle(response: JsonRpcResponse): Pending<SessionStream> | undefined {
    const pending = this.#inFlight.settle(response);
    if (pending) this.#numbers.delete(pending.id);
    return pending;
  }

  progress(notification: JsonRpcNotification): Pending<SessionStream> | undefined {
    return this.#inFlight.progress(notification);
  }

  /** Put our number into a client's `notifications/cancelled` and forget the call. @returns undefined when none runs */
  cancel(notification: JsonRpcNotification): Pending<SessionStream> | undefined {
    const id = notification.params?.["requestId"] as RequestId;
    const number = this.#numbers.get(id);
    if (number === undefined) return undefined;
    notification.params!["requestId"] = number;
    this.#numbers.delete(id);
    return this.#inFlight.remove(number);
  }

  /** The stream of the call that runs under our `number`. */
  owner(number: RequestId | undefined): SessionStream | undefined {
    return this.#inFlight.get(number)?.owner;
  }

  /** Forget those that have run for too long. @see InFlight.overdue */
  giveUp(
    now: number,
    limits: CallLimits,
    isPaused: boolean,
  ): [number, Pending<SessionStream>, string][] {
    const overdue = this.#inFlight.overdue(now, limits, isPaused);
    for (const [number, { id }] of overdue) {
      this.#numbers.delete(id);
      this.#inFlight.remove(number);
    }
    return overdue;
  }

  /** The stream of the newest call, one whose client still listens if there is any. */
  newest(): SessionStream | undefined {
    let newest: SessionStream | undefined;
    for (const { owner } of this.#inFlight.values()) {
      if (owner.isAttached || !newest?.isAttached) newest = owner;
    }
    return newest;
  }

  /** The stream of that number, if anything on it still runs. */
  stream(number: number): SessionStream | undefined {
    for (const { owner } of this.#inFlight.values()) if (owner.number === number) return owner;
    return undefined;
  }
}

function refuse(message: string, id: RequestId): Refusal {
  return new Refusal(400, ERROR_CODES.invalidRequest, message, { id });
}
