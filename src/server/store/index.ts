/**
 * Stores by the name in the configuration. To add one: its file, a line here, a variant in config.ts; the contract suite
 * does the rest.
 */
import type { Clock } from "../../clock.ts";
import type { StoreConfig } from "../../config.ts";
import type { Log } from "../../log.ts";
import { openLowdbStore } from "./lowdb.ts";
import type { Store } from "./store.ts";

type OpenStore = (config: StoreConfig, context: { clock: Clock; log: Log }) => Promise<Store>;

const STORES: ReadonlyMap<StoreConfig["type"], OpenStore> = new Map([["lowdb", openLowdbStore]]);

/** @throws UserError when the store is damaged, in use by another process or out of reach */
export function createStore(
  config: StoreConfig,
  context: { clock: Clock; log: Log },
): Promise<Store> {
  return STORES.get(config.type)!(config, context);
}
