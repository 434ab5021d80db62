/**
 * The requests of all sessions of a shared server, and who may be meant by a message of it that does not say.
 */
import type { Clock } from "../../clock.ts";
import { InFlight } from "../in-flight.ts";
import type {
  JsonRpcNotification,
  JsonRpcRequest,
  JsonRpcResponse,
  RequestId,
} from "../../mcp/json-rpc.ts";
import { Lingering } from "../lingering.ts";
import type { Member } from "./member.ts";

interface Call {
  readonly member: Member;
  /** The server refused it. */
  readonly undo: (() => void) | undefined;
}

export interface Address {
  readonly member: Member;
  /** The member's own id of the request that a message belongs to. */
  readonly about: RequestId;
}

export class MemberCalls {
  readonly #inFlight = new InFlight<Call>();
  readonly #lingering: Lingering<Member>;

  constructor(clock: Clock) {
    this.#lingering = new Lingering(clock);
  }

  /** Note the request and put our number in it. @param undo called when the server refuses it */
  add(request: JsonRpcRequest, member: Member, undo: (() => void) | undefined): void {
    const { id } = request;
    member.calls.set(id, this.#inFlight.add(request, { member, undo }));
  }

  /** Put the member's id into `response`. @returns undefined when nobody waits for it */
  settle(response: JsonRpcResponse): Member | undefined {
    this.#lingering.delete(response.id);
    const pending = this.#inFlight.settle(response);
    if (!pending) return undefined;
    const { member, undo } = pending.owner;
    member.calls.delete(pending.id);
    if ("error" in response) undo?.();
    return member;
  }

  /** Put the member's token into a `notifications/progress`. */
  progress(notification: JsonRpcNotification): Address | undefined {
    const pending = this.#inFlight.progress(notification);
    return pending && { member: pending.owner.member, about: pending.id };
  }

  /** Forget a call of the member's. @returns our number of it, or undefined when it does not run */
  abandon(member: Member, id: unknown): number | undefined {
    const number = member.calls.get(id as RequestId);
    if (number === undefined) return undefined;
    member.calls.delete(id as RequestId);
    this.#inFlight.remove(number);
    this.#lingering.add(number, member);
    return number;
  }

  /** Whose the call under our `number` is. */
  find(number: RequestId | undefined): Address | undefined {
    const pending = number === undefined ? undefined : this.#inFlight.get(number);
    return pending && { member: pending.owner.member, about: pending.id };
  }

  /** Who has a call running, or may have. */
  callers(): Set<Member> {
    const running = Array.from(this.#inFlight.values(), ({ owner }) => owner.member);
    return new Set([...running, ...this.#lingering.owners()]);
  }
}
