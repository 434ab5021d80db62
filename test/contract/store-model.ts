/**
 * A model of the store, simple enough to be right by looking at it, and random sequences of operations that store and model
 * must answer alike.
 */
import * as fc from "fast-check";
import { expect } from "vitest";
import type { RefreshTokenRecord } from "../../src/server/store/records.ts";
import type { Operation, Store } from "../../src/server/store/store.ts";
import type { OpenedStore } from "./store-opened.ts";
import { refreshToken } from "./store-records.ts";

/** Two kinds that share one shape here, so that one generator serves for both. */
type ModelKind = "refreshToken" | "interaction";
type Write =
  | Extract<Operation, { kind: "refreshToken" }>
  | { type: "deleteGrant"; grantId: string };

type Command =
  | { do: "get" | "take" | "delete"; kind: ModelKind; id: string }
  | { do: "put"; kind: ModelKind; id: string; record: RefreshTokenRecord; ttl: number | undefined }
  | {
      do: "replace";
      kind: ModelKind;
      id: string;
      seen: RefreshTokenRecord;
      next: RefreshTokenRecord;
      ttl: number | undefined;
    }
  | { do: "transact"; operations: Write[] }
  | { do: "deleteGrant"; grantId: string }
  | { do: "list"; kind: ModelKind; grantId: string }
  | { do: "advance"; seconds: number }
  | { do: "reopen" };

const kind = fc.constantFrom<ModelKind>("refreshToken", "interaction");
const id = fc.constantFrom("a", "b", "__proto__", "");
const grantId = fc.constantFrom("g", "h");
const record = fc
  .tuple(grantId, fc.integer({ min: 0, max: 2 }))
  .map(([grant, issuedAt]) => Object.assign(refreshToken(grant), { issuedAt }));
const ttl = fc.constantFrom(undefined, 1, 2, 5);
const refresh = { kind: fc.constant("refreshToken" as const), id };

const write: fc.Arbitrary<Write> = fc.oneof(
  fc.record({
    type: fc.constant("check" as const),
    ...refresh,
    seen: fc.option(record, { nil: undefined }),
  }),
  fc.record({ type: fc.constant("checkExists" as const), ...refresh }),
  fc
    .record({
      type: fc.constant("put" as const),
      ...refresh,
      record,
      ttl: fc.oneof(ttl, fc.constant("keep" as const)),
    })
    .map(({ ttl: lifetime, ...put }) =>
      lifetime === undefined ? put : Object.assign(put, { ttl: lifetime }),
    ),
  fc.record({ type: fc.constant("delete" as const), ...refresh }),
  fc.record({ type: fc.constant("deleteGrant" as const), grantId }),
);

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("get" as const, "take" as const, "delete" as const), kind, id }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("put" as const), kind, id, record, ttl }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("replace" as const), kind, id, seen: record, next: record, ttl }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("transact" as const), operations: fc.array(write, { maxLength: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("deleteGrant" as const), grantId }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("list" as const), kind, grantId }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("advance" as const), seconds: fc.constantFrom(0.5, 1, 3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reopen" as const) }) },
); // prettier-ignore

export function storeCommands(): fc.Arbitrary<Command[]> {
  return fc.array(command, { maxLength: 40 });
}

/** Every answer of the store is compared with the model's, and in the end everything it holds. */
export async function runAgainstModel(commands: Command[], opened: OpenedStore): Promise<void> {
  const model = new Model();
  let store = opened.store;
  for (const step of commands) {
    if (step.do === "reopen") store = await opened.reopen();
    else if (step.do === "advance") await opened.advance(step.seconds);
    else expect(await ask(store, step), JSON.stringify(step)).toEqual(model.answer(step));
    if (step.do === "advance") model.now += step.seconds;
  }
  store = await opened.reopen();
  for (const each of ["refreshToken", "interaction"] as const) {
    const { items } = await store.list(each);
    expect(Object.fromEntries(items.map((item) => [`${each} ${item.id}`, item.record]))).toEqual(
      model.all(each),
    );
  }
}

function ask(store: Store, step: Command): Promise<unknown> {
  // The records of "interaction" have another shape in here than in the program, which a store does not care about.
  const at = "kind" in step ? (step.kind as "refreshToken") : "refreshToken";
  switch (step.do) {
    case "put":
      return store.put(at, step.id, step.record, step.ttl);
    case "replace":
      return store.replace(at, step.id, step.seen, step.next, step.ttl);
    case "transact":
      return store.transact(step.operations);
    case "deleteGrant":
      return store.deleteGrant(step.grantId);
    case "list":
      return store
        .list(at, { where: { grantId: step.grantId } })
        .then(({ items }) => items.map((item) => item.id).toSorted());
    case "get":
    case "take":
    case "delete":
      return store[step.do](at, step.id);
    default:
      throw new Error(`not a call of the store: ${step.do}`);
  }
}

class Model {
  now = 0;
  #records = new Map<string, { record: RefreshTokenRecord; until: number }>();

  answer(step: Command): unknown {
    for (const [key, { until }] of this.#records) if (this.now >= until) this.#records.delete(key);
    const key = "id" in step ? `${step.kind} ${step.id}` : "";
    const held = this.#records.get(key);
    switch (step.do) {
      case "get":
        return held?.record;
      case "take":
        this.#records.delete(key);
        return held?.record;
      case "delete":
        return this.#records.delete(key);
      case "put":
        this.#records.set(key, { record: step.record, until: this.now + (step.ttl ?? Infinity) });
        return undefined;
      case "replace": {
        if (!held || !isEqual(held.record, step.seen)) return false;
        const until = step.ttl === undefined ? held.until : this.now + step.ttl;
        this.#records.set(key, { record: step.next, until });
        return true;
      }
      case "deleteGrant":
        return this.#deleteGrant(step.grantId);
      case "transact":
        return this.#transact(step.operations);
      case "list":
        return [...this.#records]
          .filter(
            ([at, { record: one }]) =>
              at.startsWith(`${step.kind} `) && one.grantId === step.grantId,
          )
          .map(([at]) => at.slice(step.kind.length + 1))
          .toSorted();
      default:
        throw new Error(`not a call of the store: ${step.do}`);
    }
  }

  all(of: ModelKind): Record<string, RefreshTokenRecord> {
    const live = [...this.#records].filter(([, { until }]) => this.now < until);
    return Object.fromEntries(
      live.filter(([key]) => key.startsWith(`${of} `)).map(([key, one]) => [key, one.record]),
    );
  }

  #deleteGrant(dead: string): number {
    const keys = [...this.#records]
      .filter(([, one]) => one.record.grantId === dead)
      .map(([key]) => key);
    for (const key of keys) this.#records.delete(key);
    return keys.length;
  }

  #transact(operations: Write[]): boolean {
    for (const operation of operations) {
      if (operation.type !== "check" && operation.type !== "checkExists") continue;
      const held = this.#records.get(`refreshToken ${operation.id}`)?.record;
      if (operation.type === "checkExists" && !held) return false;
      if (operation.type === "check" && !isEqual(held, operation.seen)) return false;
    }
    for (const operation of operations) {
      if (operation.type === "deleteGrant") this.#deleteGrant(operation.grantId);
      else if (operation.type === "delete") this.#records.delete(`refreshToken ${operation.id}`);
      else if (operation.type === "put") {
        const key = `refreshToken ${operation.id}`;
        const kept = this.#records.get(key)?.until ?? Infinity;
        const until = operation.ttl === "keep" ? kept : this.now + (operation.ttl ?? Infinity);
        this.#records.set(key, { record: operation.record, until });
      }
    }
    return true;
  }
}

function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
