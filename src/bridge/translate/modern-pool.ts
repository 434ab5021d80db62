/**
 * Children that were initialised with the same capabilities, and who has which.
 *
 * Most calls share a child. A call the child may ask something for, or log for, needs one for itself, so that what the
 * child says without an address can only be meant for it. Such calls wait a moment for a child to become free and then
 * get another one: quick calls share few children, slow ones get as many as there is room for. A parked call keeps its
 * child; the pool goes on without it.
 */
import type { AuthInfo } from "../../auth-info.ts";
import type { Clock } from "../../clock.ts";
import type { RequestId } from "../json-rpc.ts";
import type { LegacyChild } from "./modern-child.ts";

const PATIENCE = 0.1; // seconds to wait for a child before another one is started
/** Seconds that one more than a pool needs is kept. */
const EXTRA_IDLE = 60;

export interface Caller {
  readonly auth: AuthInfo;
  readonly id: RequestId | undefined;
  readonly clientInfo: unknown;
}

export interface Lease {
  readonly child: LegacyChild;
  /** @param isClean whether nothing is left over in the child that another call could meet */
  release(isClean: boolean): void;
  /** It will be long. */
  leave(): void;
  /** Keep it running for a subscription. @returns lets it go */
  pin(): () => void;
}

type Mode = "shared" | "exclusive";

interface Member {
  readonly child: LegacyChild;
  /** Calls on it. */
  users: number;
  isExclusive: boolean;
  /** With a parked call: nobody knows when it comes back. */
  isAway: boolean;
  /** Something of an ended call may be left in it. */
  isTainted: boolean;
  pins: number;
  idleSince: number;
}

interface Waiting {
  readonly mode: Mode;
  readonly caller: Caller;
  resolve(lease: Lease): void;
  reject(error: unknown): void;
}

export class ChildPool {
  readonly #clock: Clock;
  readonly #open: (caller: Caller) => Promise<LegacyChild>;
  readonly #members = new Map<LegacyChild, Member>();
  readonly #waiting = new Set<Waiting>();
  #opening = 0;

  /** @param open resolves with a child that is ready; `remove` is called when it ends */
  constructor(clock: Clock, open: (caller: Caller) => Promise<LegacyChild>) {
    this.#clock = clock;
    this.#open = open;
  }

  get isEmpty(): boolean {
    return this.#members.size + this.#waiting.size + this.#opening === 0;
  }

  /** @param signal the caller went away @throws what `open` throws; when given up */
  acquire(mode: Mode, caller: Caller, signal: AbortSignal): Promise<Lease> {
    const free = this.#find(mode);
    if (free) return Promise.resolve(this.#lease(free, mode));
    return new Promise((resolve, reject) => {
      let cancel = (): void => undefined;
      const waiting: Waiting = {
        mode,
        caller,
        resolve: (lease) => this.#settle(waiting, () => (cancel(), resolve(lease))),
        reject: (error) => this.#settle(waiting, () => (cancel(), reject(error))),
      };
      this.#waiting.add(waiting);
      const grow = (): void => this.#grow(caller);
      if (this.#willComeBack()) cancel = this.#clock.after(PATIENCE, grow);
      else grow();
      signal.addEventListener("abort", () => waiting.reject(new Error("given up")), {
        once: true,
      });
    });
  }

  /** Its process has ended, or is about to. */
  remove(child: LegacyChild): void {
    if (!this.#members.delete(child)) return;
    const [first] = this.#waiting;
    if (first && !this.#willComeBack()) this.#grow(first.caller);
  }

  /** Close a child that nobody uses. @returns whether there was one */
  evict(): boolean {
    const idle = [...this.#members.values()].find(isIdle);
    if (idle) void this.#close(idle);
    return idle !== undefined;
  }

  /** Close what nobody has used for long. @param idle in seconds @param lifetime in seconds */
  reap(idle: number, lifetime: number): void {
    const now = this.#clock.now();
    for (const member of this.#members.values()) {
      const isOld = now - member.child.openedAt >= lifetime && member.users === 0;
      const patience = this.#members.size > 1 ? Math.min(idle, EXTRA_IDLE) : idle;
      const isUnused = isIdle(member) && now - member.idleSince >= patience;
      if (isOld || isUnused) void this.#close(member);
    }
  }

  #find(mode: Mode): Member | undefined {
    let found: Member | undefined;
    for (const member of this.#members.values()) {
      const { users, isExclusive, isTainted } = member;
      if (isExclusive || (mode === "exclusive" && (users > 0 || isTainted))) continue;
      if (users > 0) return member;
      found ??= member;
    }
    return found;
  }

  #lease(member: Member, mode: Mode): Lease {
    const { child } = member;
    member.users += 1;
    member.isExclusive = mode === "exclusive";
    let isHeld = true;
    return {
      child,
      leave: () => (member.isAway = true),
      release: (isClean) => {
        if (!isHeld) return;
        isHeld = false;
        member.users -= 1;
        member.idleSince = this.#clock.now();
        if (mode === "exclusive") {
          member.isExclusive = false;
          member.isAway = false;
          member.isTainted ||= !isClean;
        }
        if (member.isTainted && isIdle(member)) void this.#close(member);
        else this.#dispatch();
      },
      pin: () => {
        member.pins += 1;
        return () => {
          member.pins -= 1;
          member.idleSince = this.#clock.now();
          if (member.isTainted && isIdle(member)) void this.#close(member);
        };
      },
    };
  }

  #dispatch(): void {
    for (const waiting of this.#waiting) {
      const free = this.#find(waiting.mode);
      if (free) waiting.resolve(this.#lease(free, waiting.mode));
    }
  }

  /** Start one more, if those that are starting are not enough for all who wait. */
  #grow(caller: Caller): void {
    const exclusive = [...this.#waiting].filter(({ mode }) => mode === "exclusive").length;
    const needed = exclusive + (exclusive < this.#waiting.size ? 1 : 0);
    if (this.#opening >= needed) return;
    this.#opening += 1;
    this.#open(caller).then(
      (child) => {
        this.#opening -= 1;
        if (child.isLeaving) return this.#giveUp(new Error("the server ended"));
        this.#members.set(child, {
          child,
          users: 0,
          isExclusive: false,
          isAway: false,
          isTainted: false,
          pins: 0,
          idleSince: this.#clock.now(),
        });
        this.#dispatch();
      },
      (error: unknown) => {
        this.#opening -= 1;
        this.#giveUp(error);
      },
    );
  }

  /** Nobody who waits will be served, unless others come back. */
  #giveUp(error: unknown): void {
    if (this.#willComeBack()) return;
    for (const waiting of this.#waiting) waiting.reject(error);
  }

  /** Whether somebody who waits will be served without anything more being done. */
  #willComeBack(): boolean {
    if (this.#opening > 0) return true;
    for (const { isAway, isTainted } of this.#members.values()) {
      if (!isAway && !isTainted) return true;
    }
    return false;
  }

  #settle(waiting: Waiting, then: () => void): void {
    if (this.#waiting.delete(waiting)) then();
  }

  #close(member: Member): Promise<void> {
    this.remove(member.child);
    return member.child.close();
  }
}

function isIdle({ users, pins }: Member): boolean {
  return users === 0 && pins === 0;
}
