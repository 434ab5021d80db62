/**
 * A transaction on memory: first all checks, then all writes, nothing between them.
 */
import { isDeepStrictEqual } from "node:util";
import { createEntry, expiryAfter } from "./entry.ts";
import type { Change, MemoryState } from "./memory-state.ts";
import type { Operation } from "./store.ts";

/**
 * Everything that can fail happens here, before the first change.
 * @returns makes the changes and cannot fail; undefined when a check failed. Call it at once.
 */
export function prepareTransition(
  state: MemoryState,
  operations: readonly Operation[],
  now: number,
): (() => Change[]) | undefined {
  const writes = operations.map((operation) => prepareWrite(state, operation, now));
  if (!operations.every((operation) => isFulfilled(state, operation, now))) return undefined;
  return () => writes.flatMap((write) => write());
}

function isFulfilled(state: MemoryState, operation: Operation, now: number): boolean {
  if (operation.type === "checkExists") {
    return state.find(operation.kind, operation.id, now) !== undefined;
  }
  if (operation.type !== "check") return true;
  const record = state.find(operation.kind, operation.id, now)?.record;
  if (operation.seen === undefined || record === undefined) return operation.seen === record;
  // Whoever got the record from us and hands it back holds the very same object.
  return (
    operation.seen === record ||
    isDeepStrictEqual(JSON.parse(JSON.stringify(operation.seen)), record)
  );
}

function prepareWrite(state: MemoryState, operation: Operation, now: number): () => Change[] {
  switch (operation.type) {
    case "put": {
      const { kind, id, record, ttl } = operation;
      const entry = createEntry(record, ttl === "keep" ? undefined : expiryAfter(ttl, now));
      if (ttl !== "keep") return () => [state.set(kind, id, entry)];
      return () => {
        const expiresAt = state.find(kind, id, now)?.expiresAt;
        return [state.set(kind, id, expiresAt === undefined ? entry : { ...entry, expiresAt })];
      };
    }
    case "delete":
      return () => remove(state, [operation]);
    case "deleteGrant":
      return () => remove(state, state.ofGrant(operation.grantId));
    default:
      return () => [];
  }
}

/** Expired records go, too: a clock that is set back must not revive them. */
function remove(state: MemoryState, records: readonly Pick<Change, "kind" | "id">[]): Change[] {
  return records
    .map(({ kind, id }) => state.set(kind, id, undefined))
    .filter(({ before }) => before !== undefined);
}
