/**
 * Room for servers that run for callers: so many in total, so many for one person.
 */
import { ERROR_CODES, type RequestId } from "./json-rpc.ts";
import { Refusal } from "./refusal.ts";

const RETRY_AFTER = { "retry-after": "5" }; // seconds

export class Slots {
  readonly #limits: { readonly sessions: number; readonly sessionsPerUser: number };
  readonly #taken = new Map<string, number>();
  #total = 0;

  constructor(limits: { readonly sessions: number; readonly sessionsPerUser: number }) {
    this.#limits = limits;
  }

  /**
   * @returns gives the slot back; calling it again does nothing
   * @throws Refusal 503 when the gateway is full, 429 when this person has enough
   */
  take(subject: string, id: RequestId | undefined): () => void {
    const own = this.#taken.get(subject) ?? 0;
    if (own >= this.#limits.sessionsPerUser) {
      throw new Refusal(429, ERROR_CODES.server, "You have too many sessions; end one of them", {
        id,
        headers: RETRY_AFTER,
      });
    }
    if (this.#total >= this.#limits.sessions) {
      throw new Refusal(503, ERROR_CODES.server, "All sessions of the gateway are in use", {
        id,
        headers: RETRY_AFTER,
      });
    }
    this.#taken.set(subject, own + 1);
    this.#total += 1;
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#total -= 1;
      const left = this.#taken.get(subject)! - 1;
      if (left === 0) this.#taken.delete(subject);
      else this.#taken.set(subject, left);
    };
  }
}
