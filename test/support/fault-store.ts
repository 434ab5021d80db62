/**
 * A store whose calls fail, hang back, happen twice or take the whole process with them, as the plan of the task that makes
 * them says. Tasks are told apart by the asynchronous context, so plans of concurrent requests do not mix.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Operation, Store } from "../../src/server/store/store.ts";

export type Fault =
  /** The call never reaches the store. */
  | "fail"
  /** It takes effect, and its answer is lost. */
  | "lose"
  /** It is sent again, as after a broken connection; the caller sees the second answer. */
  | "duplicate"
  /** Others go first. */
  | "delay"
  /** The process dies before, after or while the call is made. */
  | "crash before"
  | "crash after"
  | "crash amid";

export interface Plan {
  /** By the number of the task's call, from 0. */
  faults: Readonly<Record<number, Fault>>;
  /** Calls made so far. */
  calls?: number;
  /** Whether anything but a delay happened. */
  isHit?: boolean;
}

/** Ways to break the promises of a store, to see that somebody notices. */
export type Sabotage = "no atomicity" | "no checks" | "acknowledges early" | "forgets tokens";

export interface FaultStore extends Store {
  /** Make all calls of `task` by this plan. */
  run<T>(plan: Plan, task: () => Promise<T>): Promise<T>;
  /** Whether the process died; every call rejects then. */
  readonly isCrashed: boolean;
}

class InjectedFault extends Error {
  override readonly name = "InjectedFault";
}

// One for all: each more costs every promise of the process a little.
const plans = new AsyncLocalStorage<Plan>();

/** @param onCrash called in the moment the process dies: what is on disk now is what a restart finds */
export function createFaultStore(
  real: Store,
  onCrash: () => void,
  sabotage?: Sabotage,
): FaultStore {
  const inner = sabotage === undefined ? real : sabotaged(real, sabotage);
  let isCrashed = false;

  function die(): never {
    if (!isCrashed) onCrash();
    isCrashed = true;
    throw new InjectedFault("the process died");
  }

  async function call<T>(make: () => Promise<T>): Promise<T> {
    if (isCrashed) die();
    const plan = plans.getStore();
    const fault = plan?.faults[plan.calls ?? 0];
    if (plan) plan.calls = (plan.calls ?? 0) + 1;
    if (plan && fault !== undefined && fault !== "delay") plan.isHit = true;
    switch (fault) {
      case "fail":
        throw new InjectedFault("the call failed");
      case "crash before":
        return die();
      case "crash amid":
        void make().catch(() => {});
        return die();
      case "delay":
        for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
        break;
      case "duplicate":
        await make();
        break;
      default:
    }
    const answer = await make();
    if (isCrashed || fault === "crash after") return die();
    if (fault === "lose") throw new InjectedFault("the answer was lost");
    return answer;
  }

  return {
    get isCrashed() {
      return isCrashed;
    },
    run: (plan, task) => plans.run(plan, task),
    get: (kind, id) => call(() => inner.get(kind, id)),
    put: (kind, id, record, ttl) => call(() => inner.put(kind, id, record, ttl)),
    take: (kind, id) => call(() => inner.take(kind, id)),
    replace: (kind, id, seen, next, ttl) => call(() => inner.replace(kind, id, seen, next, ttl)),
    delete: (kind, id) => call(() => inner.delete(kind, id)),
    list: (kind, options) => call(() => inner.list(kind, options)),
    deleteGrant: (grantId) => call(() => inner.deleteGrant(grantId)),
    increment: (key, ttl) => call(() => inner.increment(key, ttl)),
    transact: (operations) => call(() => inner.transact(operations)),
    close: () => real.close(),
  };
}

function sabotaged(real: Store, sabotage: Sabotage): Store {
  let unwritten: Operation[] = [];
  const flush = async (): Promise<void> => {
    const operations = unwritten;
    unwritten = [];
    if (operations.length > 0) await real.transact(operations);
  };
  const broken: Partial<Store> = {
    async transact(operations) {
      const isCheck = ({ type }: Operation): boolean => type.startsWith("check");
      const checks = operations.filter(isCheck);
      const writes = operations.filter((operation) => !isCheck(operation));
      if (sabotage === "forgets tokens") {
        return real.transact(operations.filter(({ type }) => type !== "deleteGrant"));
      }
      if (sabotage !== "no checks" && !(await real.transact(checks))) return false;
      if (sabotage === "acknowledges early") unwritten.push(...writes);
      else for (const write of writes) await real.transact([write]);
      return true;
    },
  };
  if (sabotage === "forgets tokens") {
    broken.deleteGrant = async (grantId) => Number(await real.delete("grant", grantId));
  }
  return new Proxy(real, {
    get(target, name: keyof Store) {
      // Callers find everything written until the process dies.
      return async (...parameters: never[]): Promise<unknown> => {
        await flush();
        const method = (broken[name] ?? target[name]) as (...all: never[]) => unknown;
        return method.apply(target, parameters);
      };
    },
  });
}
