/**
 * Children that were initialised with the same capabilities, and who has which.
 *
 * What a child says without an address must have only one call it can be meant for. So of the calls a child may ask
 * something for there is one at a time in each, besides any number of others; and a call that wants the log has a child
 * to itself. Who finds none waits a moment for one to become free and then gets another one: quick calls share few
 * children, slow ones get as many as there is room for. A parked call keeps its child; the pool goes on without it.
 */
import type { AuthInfo } from "../../auth-info.ts";
import type { Clock } from "../../clock.ts";
import type { RequestId } from "../../mcp/json-rpc.ts";
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

/** Whether the child may ask something during the call, or its log is for the call. */
export type Mode = "plain" | "asking" | "logging";

interface Member {
  readonly child: LegacyChild;
  /** Calls on it. */
  users: number;
  /** Of the one call that is not plain. */
  holder: Mode | undefined;
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
  #isOpening = false;

  /** @param open resolves with a child that is ready; `remove` is called when it ends */
  constructor(clock: Clock, open: (caller: Caller) => Promise<LegacyChild>) {
    this.#clock = clock;
    this.#open = open;
  }

  get isEmpty(): boolean {
    return this.#members.size + this.#waiting.size === 0 && !this.#isOpening;
  }

  /** @returns undefined when none is free now */
  take(mode: Mode): Lease | undefined {
    const free = this.#find(mode);
    return free && this.#lease(free, mode);
  }

  /** @param signal the caller went away @throws what `open` throws; when given up */
  acquire(mode: Mode, caller: Caller, signal: AbortSignal): Promise<Lease> {
    const free = this.take(mode);
    if (free) return Promise.resolve(free);
    return new Promise((resolve, reject) => {
      let cancel = (): void => undefined;
      const waiting: Waiting = {
        mode,
        caller,
        resolve: (lease) => this.#settle(waiting, () => (cancel(), resolve(lease))),
        reject: (error) => this.#settle(waiting, () => (cancel(), reject(error))),
      };
      this.#waiting.add(waiting);
      const growLater = (): void => {
        cancel = this.#clock.after(PATIENCE, () => {
          this.#grow(caller);
          growLater();
        });
      };
      if (!this.#willComeBack()) this.#grow(caller);
      growLater();
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
    const all = [...this.#members.values()].filter(({ isAway, isTainted, holder }) => {
      return !isAway && !isTainted && holder !== "logging";
    });
    if (mode === "plain") return all.find(({ users }) => users > 0) ?? all[0];
    if (mode === "asking") return all.find(({ holder }) => holder === undefined);
    return all.find(({ users }) => users === 0);
  }

  #lease(member: Member, mode: Mode): Lease {
    const { child } = member;
    member.users += 1;
    if (mode !== "plain") member.holder = mode;
    let isHeld = true;
    return {
      child,
      leave: () => (member.isAway = true),
      release: (isClean) => {
        if (!isHeld) return;
        isHeld = false;
        member.users -= 1;
        member.idleSince = this.#clock.now();
        if (mode !== "plain") {
          member.holder = undefined;
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

  /** Start one more, one after the other: the first may be quick enough for all who wait. */
  #grow(caller: Caller): void {
    if (this.#isOpening) return;
    this.#isOpening = true;
    this.#open(caller).then(
      (child) => {
        this.#isOpening = false;
        if (child.isLeaving) return this.#giveUp(new Error("the server ended"));
        this.#members.set(child, {
          child,
          users: 0,
          holder: undefined,
          isAway: false,
          isTainted: false,
          pins: 0,
          idleSince: this.#clock.now(),
        });
        this.#dispatch();
      },
      (error: unknown) => {
        this.#isOpening = false;
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
    if (this.#isOpening) return true;
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
