/**
 * A store under test. Time moves only through `advance`, which may take its time: a store that lives elsewhere has to tell
 * that elsewhere.
 */
import { afterEach, beforeEach } from "vitest";
import type { Store } from "../../src/server/store/store.ts";

export interface OpenedStore {
  readonly store: Store;
  advance(seconds: number): Promise<void>;
  /** Close and open again on the same data; the time goes on. */
  reopen(): Promise<Store>;
  /** Close what is open and remove the data. */
  dispose(): Promise<void>;
}

/** A fresh store for each test of the surrounding `describe`. */
export function useStore(open: () => Promise<OpenedStore>) {
  let opened: OpenedStore;
  let store: Store;
  beforeEach(async () => {
    opened = await open();
    store = opened.store;
  });
  afterEach(() => opened.dispose());
  return {
    get store(): Store {
      return store;
    },
    advance: (seconds: number): Promise<void> => opened.advance(seconds),
    async reopen(): Promise<void> {
      store = await opened.reopen();
    },
  };
}
