/**
 * The processes of one service: when another may start, which are kept ahead, and how they are doing.
 */
import type { Clock } from "../../clock.ts";
import type { EventBus } from "../../events.ts";
import type { Log } from "../../log.ts";
import type { Child, ChildExit, ChildObserver } from "../child.ts";
import type { OwnValues } from "../credentials.ts";
import { Restarts } from "./restarts.ts";
import type { ServiceHealth } from "./service.ts";
import { StartGate } from "./start-gate.ts";
import { ServiceUnavailable } from "./unavailable.ts";
import { WarmPool } from "./warm-pool.ts";

const REASON_TAIL = 1000; // characters of standard error that explain a failure
const WARM_GRACE = 0.2; // seconds; nobody has said anything to it yet

export interface NurseryOptions {
  /** Of the service. */
  readonly name: string;
  /** How many are kept started ahead. */
  readonly warm: number;
  readonly clock: Clock;
  readonly events: EventBus;
  readonly log: Log;
  /** @param own of the one person it is for, where the service asks people for something */
  readonly create: (observer: ChildObserver, own: OwnValues | undefined) => Child;
  /** What its operator can do about an end with these last words, where that can be told. */
  readonly advise: (stderr: string) => string | undefined;
  /** Text that is no message, of a process that is no probe. */
  readonly onNoise: (
    pid: number | undefined,
    stream: "stdout" | "stderr",
    text: string,
    own: OwnValues | undefined,
  ) => void;
  /** A process that is no probe is gone. */
  readonly onGone: (pid: number | undefined, own: OwnValues | undefined) => void;
}

interface Resident {
  purpose: "serving" | "warm" | "probing";
  /** When somebody began to rely on it; undefined while it is warm. */
  from: number | undefined;
  hasAnswered: boolean;
  leaveGate: () => void;
}

export class Nursery {
  readonly #options: NurseryOptions;
  readonly #residents = new Map<Child, Resident>();
  readonly #restarts: Restarts;
  readonly #gate: StartGate;
  readonly #pool: WarmPool<Child>;
  /** Why they ended, of those that were probed last. */
  #lostProbes: string[] = [];
  #isStopped = false;

  constructor(options: NurseryOptions) {
    const { clock, warm } = options;
    this.#options = options;
    this.#restarts = new Restarts(clock);
    this.#gate = new StartGate(clock);
    this.#pool = new WarmPool({
      size: warm,
      clock,
      start: () => {
        const child = this.#open("warm");
        child.start().catch(() => undefined); // told to its observer
        return child;
      },
      end: (child) => void child.close(WARM_GRACE),
      isBusy: () => !this.#gate.isQuiet,
    });
    this.#pool.fill();
  }

  /**
   * A process for one caller, started or about to be.
   * @throws ServiceUnavailable while starting another is pointless
   */
  async serve(signal: AbortSignal, own?: OwnValues): Promise<Child> {
    this.#restarts.check();
    const warm = own ? undefined : this.#takeWarm();
    const child = warm ?? (await this.#openInTurn(signal, own));
    const resident = this.#residents.get(child);
    if (resident) {
      resident.purpose = "serving";
      resident.from = this.#options.clock.now();
    }
    const give = (): void => void child.close();
    if (signal.aborted) give();
    else signal.addEventListener("abort", give, { once: true });
    return child;
  }

  /** A disposable process that serves nobody. @throws ServiceUnavailable */
  probe(own?: OwnValues): Child {
    this.#restarts.check();
    return this.#open("probing", own);
  }

  /** Neither of two that were probed said anything: if both ended, no other should be started at once. */
  probedInVain(from: number): void {
    const lost = this.#lostProbes.splice(0);
    if (lost.length > 1) this.#failed(lost[0]!, from, false);
  }

  health(): ServiceHealth {
    const pids = (purpose: Resident["purpose"]): number[] =>
      Array.from(this.#residents).flatMap(([child, resident]) =>
        resident.purpose === purpose ? (child.pid ?? []) : [],
      );
    const children = pids("serving");
    return {
      state: children.length > 0 ? "running" : "idle",
      children,
      warm: pids("warm"),
      ...this.#restarts.health(),
    };
  }

  /** Nothing is kept ahead any more. */
  retire(): void {
    this.#pool.stop();
    for (const [child, { purpose }] of this.#residents) {
      if (purpose === "warm") void child.close(WARM_GRACE);
    }
  }

  /** Everybody goes, and whoever comes next finds a service that never failed. */
  async restart(graceSeconds: number): Promise<void> {
    this.#restarts.proved();
    await this.#closeAll(graceSeconds);
  }

  async stop(graceSeconds: number): Promise<void> {
    this.#isStopped = true;
    this.#pool.stop();
    await this.#closeAll(graceSeconds);
  }

  async #closeAll(graceSeconds: number): Promise<void> {
    await Promise.all(
      Array.from(this.#residents, ([child, { purpose }]) =>
        child.close(purpose === "warm" ? Math.min(WARM_GRACE, graceSeconds) : graceSeconds),
      ),
    );
  }

  #takeWarm(): Child | undefined {
    const child = this.#pool.take();
    if (child) this.#restarts.admit();
    return child;
  }

  async #openInTurn(signal: AbortSignal, own: OwnValues | undefined): Promise<Child> {
    const leave = await this.#gate.enter(signal);
    try {
      this.#restarts.admit(); // it may have begun to fail while this one waited
      const child = this.#open("serving", own);
      this.#residents.get(child)!.leaveGate = leave;
      return child;
    } catch (error) {
      leave();
      throw error;
    }
  }

  #open(purpose: Resident["purpose"], own?: OwnValues): Child {
    const { name, clock, events, log, create, advise, onNoise, onGone } = this.#options;
    if (this.#isStopped) throw new ServiceUnavailable(`service ${name} is stopping`, 5);
    const from = purpose === "warm" ? undefined : clock.now();
    const resident: Resident = { purpose, from, hasAnswered: false, leaveGate: () => undefined };
    const observer: ChildObserver = {
      started(pid) {
        if (purpose === "probing") return;
        events.publish({ type: "service.started", at: clock.now(), service: name, pid });
      },
      failed: (reason) => this.#lost(resident, reason),
      answered: () => {
        resident.hasAnswered = true;
        resident.leaveGate();
        if (purpose !== "probing") this.#restarts.proved();
      },
      noise(stream, text) {
        const { pid } = child;
        // A person's secret may be cut in two here; what is kept of the lines is filtered whole.
        if (!own) log.debug({ service: name, pid, stream }, text.trimEnd());
        if (purpose !== "probing") onNoise(pid, stream, text, own);
      },
      exited: (exit) => {
        if (!exit.isExpected) this.#lost(resident, explain(name, exit, advise(exit.stderr)));
        if (purpose === "probing") return;
        const { pid, exitCode, signal, stderr } = exit;
        events.publish({
          type: "service.exited",
          at: clock.now(),
          service: name,
          pid,
          exitCode,
          signal,
          stderr,
        });
      },
      closed: () => {
        this.#residents.delete(child);
        resident.leaveGate();
        this.#pool.lost(child);
        if (purpose !== "probing") onGone(child.pid, own);
      },
    };
    const child: Child = create(observer, own);
    this.#residents.set(child, resident);
    return child;
  }

  #lost({ purpose, from, hasAnswered }: Resident, reason: string): void {
    if (purpose === "probing") this.#lostProbes.push(reason);
    else this.#failed(reason, from, hasAnswered);
  }

  #failed(reason: string, from: number | undefined, hasAnswered: boolean): void {
    this.#options.log.warn({ service: this.#options.name, reason }, "a server ended unexpectedly");
    this.#restarts.ended(reason, from, hasAnswered);
  }
}

function explain(name: string, { verdict, stderr }: ChildExit, advice: string | undefined): string {
  const said = stderr === "" ? "" : `: ${stderr.slice(-REASON_TAIL)}`;
  return `service ${name} ${verdict}${said}${advice === undefined ? "" : ` (${advice})`}`;
}
