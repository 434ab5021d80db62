/**
 * Parked calls, and the `requestState` each is found by again (MCP 2026-07-28, "Multi round-trip requests").
 *
 * The state is a name and a seal. The seal covers who asked, what was asked and until when, so that nobody else, no
 * other request and no late one finds the call; it is good for one time, because finding a call takes it out.
 */
import type { Clock } from "../../clock.ts";
import { equalInConstantTime, keyedDigest, randomId, randomToken } from "../../random.ts";

/** A call more, and the oldest is given up: each holds a child. */
const MAX_PARKED = 16;

export interface Parked {
  stop(reason: string): void;
}

export class Continuations<Call extends Parked> {
  readonly #key = Buffer.from(randomToken(), "base64url");
  readonly #clock: Clock;
  /** Seconds a client has to come back. */
  readonly #lifetime: number;
  /** Oldest first. */
  readonly #parked = new Map<string, { call: Call; expiresAt: number; cancel: () => void }>();

  constructor(clock: Clock, lifetime: number) {
    this.#clock = clock;
    this.#lifetime = lifetime;
  }

  /** @param binding who asked what @returns the state */
  park(call: Call, binding: string): string {
    if (this.#parked.size >= MAX_PARKED) this.stopOldest("too many calls wait for answers");
    const name = randomId();
    const expiresAt = this.#clock.now() + this.#lifetime;
    const cancel = this.#clock.after(this.#lifetime, () => {
      this.#parked.delete(name);
      call.stop("nobody came back with the answers");
    });
    this.#parked.set(name, { call, expiresAt, cancel });
    return `${name}.${this.#seal(name, expiresAt, binding)}`;
  }

  /** @returns undefined when the state is not ours, not theirs, not of this request, used or expired */
  take(state: unknown, binding: () => string): Call | undefined {
    const found = this.#find(state, binding);
    if (!found) return undefined;
    this.#forget(found.name);
    return found.call;
  }

  /** Whether `take` would find a call. */
  has(state: unknown, binding: () => string): boolean {
    return this.#find(state, binding) !== undefined;
  }

  /** It has ended while it was parked. */
  remove(call: Call): void {
    for (const [name, parked] of this.#parked) if (parked.call === call) this.#forget(name);
  }

  /** @returns whether there was one */
  stopOldest(reason: string): boolean {
    for (const [name, { call }] of this.#parked) {
      this.#forget(name);
      call.stop(reason);
      return true;
    }
    return false;
  }

  #find(state: unknown, binding: () => string): { name: string; call: Call } | undefined {
    if (typeof state !== "string") return undefined;
    const [name = "", seal = "", ...rest] = state.split(".");
    const found = this.#parked.get(name);
    if (!found || rest.length > 0 || this.#clock.now() >= found.expiresAt) return undefined;
    const expected = this.#seal(name, found.expiresAt, binding());
    return equalInConstantTime(seal, expected) ? { name, call: found.call } : undefined;
  }

  #forget(name: string): void {
    this.#parked.get(name)?.cancel();
    this.#parked.delete(name);
  }

  #seal(name: string, expiresAt: number, binding: string): string {
    return keyedDigest(this.#key, JSON.stringify([name, expiresAt, binding]));
  }
}
