/**
 * Room for servers that run for callers: so many in total, so many for one person, so many of one service.
 */
import { ERROR_CODES, type RequestId } from "../mcp/json-rpc.ts";
import { Refusal } from "./refusal.ts";
import type { Service } from "./service/service.ts";

const RETRY_AFTER = { "retry-after": "5" }; // seconds

export class Slots {
  readonly #limits: { readonly sessions: number; readonly sessionsPerUser: number };
  readonly #ofPeople = new Map<string, number>();
  readonly #ofServices = new Map<string, number>();
  /** Sessions of a service whose sessions all share one server; together they take one place of the total. */
  readonly #sharing = new Map<string, number>();
  #total = 0;

  /** @param limits asked each time, so that they may change */
  constructor(limits: { readonly sessions: number; readonly sessionsPerUser: number }) {
    this.#limits = limits;
  }

  /**
   * @param isMember shares a server with all others of the service that say so: together they take one place of the total
   * @returns gives the slot back; calling it again does nothing
   * @throws Refusal 429 when this person has enough, 503 when the service or the gateway is full
   */
  take(subject: string, id: RequestId | undefined, service: Service, isMember = false): () => void {
    const { name } = service;
    const refuse = (status: number, message: string): Refusal =>
      new Refusal(status, ERROR_CODES.server, message, { id, headers: RETRY_AFTER });
    if ((this.#ofPeople.get(subject) ?? 0) >= this.#limits.sessionsPerUser) {
      throw refuse(429, "You have too many sessions; end one of them");
    }
    if ((this.#ofServices.get(name) ?? 0) >= (service.config.maxSessions ?? Infinity)) {
      throw refuse(503, `All sessions of the service ${name} are in use`);
    }
    const isFirst = !isMember || !this.#sharing.has(name);
    if (isFirst && this.#total >= this.#limits.sessions) {
      throw refuse(503, "All sessions of the gateway are in use");
    }
    count(this.#ofPeople, subject, 1);
    count(this.#ofServices, name, 1);
    if (isMember) count(this.#sharing, name, 1);
    if (isFirst) this.#total += 1;
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      if (isMember) count(this.#sharing, name, -1);
      if (!isMember || !this.#sharing.has(name)) this.#total -= 1;
      count(this.#ofPeople, subject, -1);
      count(this.#ofServices, name, -1);
    };
  }
}

function count(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const next = (counts.get(key) ?? 0) + change;
  if (next === 0) counts.delete(key);
  else counts.set(key, next);
}
